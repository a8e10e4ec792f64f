"""The flannel guard: changes of the ConfigMap that holds net-conf.json."""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

import msgspec

from webhook.admission.guard import Case
from webhook.checks.subjects import NetConfChange
from webhook.deadline import Deadline
from webhook.interfaces import Nodes
from webhook.model.objects import ConfigMap, ObjectMeta
from webhook.model.review import Attributes
from webhook.netconf import NetConf, NetConfError, parse

NETCONF_KEY: Final = "net-conf.json"

_decoder = msgspec.json.Decoder(ConfigMap | None)


@dataclass(frozen=True, slots=True)
class FlannelGuard:
    """Gathers a `NetConfChange`.

    Args:
        cluster: lists the Nodes, whose annotations tell whether flannel runs.
        config_maps: (namespace, name) of each ConfigMap watched over.
        annotation: the Node annotation that flanneld sets to ``"true"``
            (pkg/subnet/kube/annotations.go).
    """

    cluster: Nodes
    config_maps: frozenset[tuple[str, str]]
    annotation: str
    name: str = "flannel"

    def gather(self, attributes: Attributes, deadline: Deadline) -> Case | None:
        """Read both sides; ask for the Nodes only where the text really changes."""
        if (attributes.namespace, attributes.name) not in self.config_maps:
            return None
        old = attributes.decode(attributes.old_object, _decoder)
        new = attributes.decode(attributes.object, _decoder)
        old_field, old_text = _net_conf(old)
        new_field, new_text = _net_conf(new)
        if old_text == new_text:
            return None
        change = NetConfChange(
            field=new_field or old_field,
            old=_read(old_text),
            new=_read(new_text),
            live=self._live(deadline),
        )
        return Case(change, _metadata(new or old))

    def _live(self, deadline: Deadline) -> bool:
        """Whether flannel ran on some node; its annotations are never removed again."""
        return any(
            node.metadata.annotation_map.get(self.annotation) == "true"
            for node in self.cluster.nodes(deadline)
        )


def _net_conf(config_map: ConfigMap | None) -> tuple[str, bytes | None]:
    """Field path and bytes of the file as the kubelet would mount it.

    ``data`` and ``binaryData`` cannot both hold a key (core/v1 validation).
    """
    if config_map is None:
        return "", None
    data = config_map.data or {}
    if NETCONF_KEY in data:
        return f"data[{NETCONF_KEY}]", data[NETCONF_KEY].encode("utf-8", "surrogatepass")
    encoded = (config_map.binary_data or {}).get(NETCONF_KEY)
    if encoded is None:
        return "", None
    return f"binaryData[{NETCONF_KEY}]", _decode_base64(encoded)


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        # The API server sends valid base64; anything else cannot be flannel's.
        return text.encode("utf-8", "surrogatepass")


def _read(text: bytes | None) -> NetConf | NetConfError | None:
    if text is None:
        return None
    try:
        return parse(text)
    except NetConfError as error:
        return error


def _metadata(config_map: ConfigMap | None) -> ObjectMeta:
    return config_map.metadata if config_map else ObjectMeta()
