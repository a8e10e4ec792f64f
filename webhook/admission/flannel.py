"""The flannel guard: changes of the ConfigMap that holds net-conf.json."""

import base64
import binascii
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from webhook.admission.flannel_nodes import survey, version_of
from webhook.admission.guard import Case
from webhook.admission.netconf_advice import cni_warnings, net_conf_warnings
from webhook.admission.policies import NAMESPACE_CONTROLLERS
from webhook.checks.subjects import CniChange, FlannelNodes, NetConfChange
from webhook.deadline import Deadline
from webhook.errors import ClusterError
from webhook.interfaces import DaemonSets, Memory, Namespaces, Nodes
from webhook.model.objects import ConfigMap
from webhook.model.review import Attributes
from webhook.netconf import NEWEST, NetConf, NetConfError, Version, check_cni, judge
from webhook.rationed import RationedLog

_log = RationedLog(logging.getLogger(__name__))

NETCONF_KEY: Final = "net-conf.json"
CNI_KEYS: Final = {"cni-conf.json": False, "cni_network_config": True}
"""Keys that hold a CNI configuration; whether it is a template."""
CANAL_KEYS: Final = ("canal_iface", "cni_network_config", "masquerade", "veth_mtu")
"""What canal's containers take by a configMapKeyRef that is not optional (canal.yaml)."""
REQUIRED_KEYS: Final = ("cni-conf.json", *CANAL_KEYS)

_decoder = msgspec.json.Decoder(ConfigMap | None)
_Files = Mapping[str, tuple[str, bytes]]


class FlannelCluster(Nodes, DaemonSets, Memory, Namespaces, Protocol):
    """What the guard asks of a cluster."""


@dataclass(frozen=True, slots=True)
class FlannelGuard:
    """Gathers a `NetConfChange`, and a `CniChange` where other keys change.

    Args:
        cluster: tells of Nodes, DaemonSets and Namespaces, and remembers what was taken away.
        config_maps: (namespace, name) of each ConfigMap watched over.
        prefix: of flannel's Node annotations.
        direct_routing_denied: a change of DirectRouting is refused, not only warned of.
    """

    cluster: FlannelCluster
    config_maps: frozenset[tuple[str, str]]
    prefix: str
    direct_routing_denied: bool = True
    name: str = "flannel"

    def gather(self, attributes: Attributes, deadline: Deadline) -> Case | None:
        """Read both sides; ask for the Nodes only where something really changes."""
        if (attributes.namespace, attributes.name) not in self.config_maps:
            return None
        before = attributes.decode(attributes.old_object, _decoder)
        after = attributes.decode(attributes.object, _decoder)
        old, new = _files(before), _files(after)
        watched = (NETCONF_KEY, *REQUIRED_KEYS)
        if all(_text(old, key) == _text(new, key) for key in watched):
            return None
        nodes = survey(self.cluster.nodes(deadline), self.prefix)
        metadata = (after or before or ConfigMap()).metadata
        cni = _cni_change(old, new, live=nodes.live, deleted=after is None)
        advice = tuple(cni_warnings(cni, _texts(old), _texts(new)))
        if _text(old, NETCONF_KEY) == _text(new, NETCONF_KEY):
            return Case(cni, metadata, advice)
        change = self._change(attributes, old, new, nodes, deadline)
        return Case(
            change,
            metadata,
            (*net_conf_warnings(change), *advice),
            beside=(cni,),
            admitted=self._keep(attributes, change, _text(old, NETCONF_KEY), deadline),
        )

    def _change(
        self,
        attributes: Attributes,
        old: _Files,
        new: _Files,
        nodes: FlannelNodes,
        deadline: Deadline,
    ) -> NetConfChange:
        before, after = _text(old, NETCONF_KEY), _text(new, NETCONF_KEY)
        version = NEWEST
        if after is not None:
            version = version_of(self.cluster.daemon_sets(deadline), attributes.namespace)
        anew = before is None
        if anew and nodes.live:
            kept = self.cluster.recall(_memory_key(attributes), deadline)
            before = kept.encode("utf-8", "replace") if kept is not None else None
        return NetConfChange(
            field=(new.get(NETCONF_KEY) or old[NETCONF_KEY])[0],
            old=_read(before, version),
            new=_read(after, version),
            nodes=nodes,
            version=version,
            anew=anew,
            ending=after is None and nodes.live and self._ending(attributes, deadline),
            direct_routing_denied=self.direct_routing_denied,
        )

    def _ending(self, attributes: Attributes, deadline: Deadline) -> bool:
        """Whether the ConfigMap goes with its Namespace; to refuse that would leave it stuck."""
        if attributes.operation != "DELETE":
            return False
        if attributes.user.username in NAMESPACE_CONTROLLERS:
            return True
        namespace = self.cluster.namespace(attributes.namespace, deadline)
        return namespace is not None and namespace.terminating

    def _keep(
        self,
        attributes: Attributes,
        change: NetConfChange,
        text: bytes | None,
        deadline: Deadline,
    ) -> Callable[[], None] | None:
        """What remembers the file that is taken from a live cluster, for the next CREATE."""
        readable = isinstance(change.old, NetConf) and text is not None
        if not (change.live and readable and change.new is None):
            return None
        kept = (text or b"").decode("utf-8", "replace")

        def remember() -> None:
            try:
                self.cluster.remember(_memory_key(attributes), kept, deadline)
            except ClusterError as error:
                if not change.ending:
                    raise
                _log.tell("net-conf.json not remembered", {"error": str(error)})

        return remember


def _memory_key(attributes: Attributes) -> str:
    """A namespace has no dot in its name, so the pair is unambiguous."""
    return f"{attributes.namespace}.{attributes.name}"


def _files(config_map: ConfigMap | None) -> _Files:
    """Of each watched key its field path, and its bytes as the kubelet would mount them."""
    return dict(_watched(config_map)) if config_map else {}


def _watched(config_map: ConfigMap) -> Iterator[tuple[str, tuple[str, bytes]]]:
    """``data`` and ``binaryData`` cannot both hold a key (core/v1 validation)."""
    data, binary = config_map.data or {}, config_map.binary_data or {}
    for key in (NETCONF_KEY, *REQUIRED_KEYS):
        if key in data:
            yield key, (f"data[{key}]", data[key].encode("utf-8", "surrogatepass"))
        elif key in binary:
            yield key, (f"binaryData[{key}]", _decode_base64(binary[key]))


def _text(files: _Files, key: str) -> bytes | None:
    return files[key][1] if key in files else None


def _texts(files: _Files) -> Mapping[str, bytes]:
    return {key: text for key, (_, text) in files.items()}


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        # The API server sends valid base64; anything else cannot be flannel's.
        return text.encode("utf-8", "surrogatepass")


def _read(text: bytes | None, version: Version) -> NetConf | NetConfError | None:
    if text is None:
        return None
    verdict = judge(text, version=version)
    return verdict.netconf or verdict.error


def _cni_change(old: _Files, new: _Files, *, live: bool, deleted: bool) -> CniChange:
    faults = tuple(
        (new[key][0], fault)
        for key, template in CNI_KEYS.items()
        if key in new and _text(old, key) != new[key][1]
        for fault in check_cni(new[key][1], template=template)
    )
    gone = () if deleted else tuple(key for key in REQUIRED_KEYS if key in old and key not in new)
    return CniChange(faults, gone, live)
