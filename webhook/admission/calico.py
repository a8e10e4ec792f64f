"""The Calico guards: IP pools, Felix configurations and the ConfigMap calico-config.

Whoever writes is judged, Calico's own parts and the tigera operator too, with one exception:
Calico's API server. It asks webhooks about `projectcalico.org/v3` itself, in the name of who asks
it, and then writes `crd.projectcalico.org/v1` under its own; that second write is not judged again.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from webhook.admission.enforcement import PluginReader, verdict
from webhook.admission.guard import Case, Guard
from webhook.admission.policies import NAMESPACE_CONTROLLERS
from webhook.calico import (
    TABLE,
    CalicoConfig,
    Felix,
    Pool,
    read_config,
    read_felix,
    read_pool,
)
from webhook.checks.calico_subjects import REFUSED, CalicoConfigChange, FelixChange, PoolChange
from webhook.deadline import Deadline
from webhook.enforcement import Cni
from webhook.interfaces import Blocks
from webhook.model.namespace import OVERRIDE_ANNOTATION
from webhook.model.objects import ConfigMap, ObjectMeta
from webhook.model.review import Attributes
from webhook.netconf import KeyChange, Rating

BACKEND_GROUP: Final = "crd.projectcalico.org"
GROUPS: Final = (BACKEND_GROUP, "projectcalico.org")
V3_METADATA: Final = "projectcalico.org/metadata"
"""The annotation in which calicoctl keeps the annotations that its user wrote, as JSON."""

_manifest = msgspec.json.Decoder(dict[str, Any] | None)
_config_map = msgspec.json.Decoder(ConfigMap | None)
_v3_metadata = msgspec.json.Decoder(ObjectMeta)


class CalicoCluster(PluginReader, Blocks, Protocol):
    """What these guards ask of the cluster."""


@dataclass(frozen=True, slots=True)
class IPPoolGuard:
    """Gathers a `PoolChange`.

    Args:
        cluster: lists address blocks, and DaemonSets where there are none.
        api_servers: user names of Calico's API server.
    """

    cluster: CalicoCluster
    api_servers: frozenset[str]
    name: str = "calico"

    def gather(self, attributes: Attributes, deadline: Deadline) -> Case | None:
        """Compare the pools; ask for blocks only where something is at stake."""
        if judged_before(attributes, self.api_servers):
            return None
        old = _pool(attributes, attributes.old_object)
        new = _pool(attributes, attributes.object)
        change = self._change(attributes, old, new, deadline)
        if change is None:
            return None
        return Case(change, _metadata(attributes), tuple(_pool_warnings(change)))

    def _change(
        self, attributes: Attributes, old: Pool | None, new: Pool | None, deadline: Deadline
    ) -> PoolChange | None:
        bare = PoolChange(attributes.name, old, new)
        changed = old or new
        if changed is None or (old and new and not _at_stake(bare.rated)):
            return None
        block, other, some = _blocks(changed, new, self.cluster.ipam_blocks(deadline))
        unblocked = not some and old is not None and _carries(self.cluster, deadline)
        return PoolChange(attributes.name, old, new, block, other, unblocked)


@dataclass(frozen=True, slots=True)
class FelixGuard:
    """Gathers a `FelixChange`.

    Args:
        cluster: tells whether Calico carries the packets.
        api_servers: user names of Calico's API server.
    """

    cluster: CalicoCluster
    api_servers: frozenset[str]
    name: str = "calico"

    def gather(self, attributes: Attributes, deadline: Deadline) -> Case | None:
        """Compare the effective values; ask only where they differ."""
        if judged_before(attributes, self.api_servers):
            return None
        old = _felix(attributes, attributes.old_object)
        new = _felix(attributes, attributes.object)
        bare = FelixChange(attributes.name, old, new, live="")
        if not bare.rated:
            return None
        live = _live(self.cluster, deadline)
        change = FelixChange(attributes.name, old, new, live)
        warnings = tuple(_warned(change.rated, "spec.{}") if live else ())
        return Case(change, _metadata(attributes), warnings)


@dataclass(frozen=True, slots=True)
class CalicoConfigGuard:
    """Gathers a `CalicoConfigChange`.

    Args:
        cluster: tells whether Calico carries the packets.
    """

    cluster: CalicoCluster
    name: str = "calico"

    def gather(self, attributes: Attributes, deadline: Deadline) -> Case | None:
        """Compare the judged keys; ask only where they differ."""
        old = _config(attributes, attributes.old_object)
        new = _config(attributes, attributes.object)
        bare = CalicoConfigChange(old, new, live="")
        if old is None or (new is not None and not bare.rated):
            return None
        ending = attributes.operation == "DELETE" and (
            attributes.user.username in NAMESPACE_CONTROLLERS
        )
        live = "" if ending else _live(self.cluster, deadline)
        change = CalicoConfigChange(old, new, live, ending=ending)
        warnings = tuple(_warned(change.rated, "data[{}]") if live else ())
        return Case(change, attributes.metadata(), warnings)


def calico_guards(
    cluster: CalicoCluster,
    config_maps: Iterable[tuple[str, str]],
    api_servers: Iterable[str],
) -> dict[str, Guard]:
    """The guards by what `webhook.admission.Admission` finds them by.

    Args:
        cluster: the cluster.
        config_maps: (namespace, name) of each ConfigMap with ``calico_backend``.
        api_servers: user names of Calico's API server.
    """
    servers = frozenset(api_servers)
    config = CalicoConfigGuard(cluster)
    return {
        **{f"{group}/ippools": IPPoolGuard(cluster, servers) for group in GROUPS},
        **{f"{group}/felixconfigurations": FelixGuard(cluster, servers) for group in GROUPS},
        **{f"/configmaps/{namespace}/{name}": config for namespace, name in config_maps},
    }


def judged_before(attributes: Attributes, api_servers: frozenset[str]) -> bool:
    """Whether Calico's API server writes what it asked us about already."""
    return attributes.resource.group == BACKEND_GROUP and attributes.user.username in api_servers


def _pool(attributes: Attributes, raw: bytes) -> Pool | None:
    manifest = attributes.decode(raw, _manifest)
    return None if manifest is None else read_pool(manifest)


def _felix(attributes: Attributes, raw: bytes) -> Felix:
    manifest: Mapping[str, Any] = attributes.decode(raw, _manifest) or {}
    return read_felix(manifest)


def _config(attributes: Attributes, raw: bytes) -> CalicoConfig | None:
    config_map = attributes.decode(raw, _config_map)
    return None if config_map is None else read_config(config_map.data or {})


def _metadata(attributes: Attributes) -> ObjectMeta:
    """The metadata; a wish to override that calicoctl wrote is read from where it keeps it."""
    metadata = attributes.metadata()
    kept = metadata.annotation_map.get(V3_METADATA)
    if kept is None or OVERRIDE_ANNOTATION in metadata.annotation_map:
        return metadata
    try:
        wish = _v3_metadata.decode(kept).annotation_map.get(OVERRIDE_ANNOTATION)
    except (msgspec.MsgspecError, RecursionError):
        return metadata
    if wish is None:
        return metadata
    annotations = {**metadata.annotation_map, OVERRIDE_ANNOTATION: wish}
    return msgspec.structs.replace(metadata, annotations=annotations)


def _at_stake(rated: Iterable[KeyChange]) -> bool:
    return any(change.rating is not Rating.SAFE for change in rated)


def _blocks(used: Pool, new: Pool | None, blocks: Iterator[str]) -> tuple[str, str, bool]:
    """A block in the pool so far, one of another size than the new one's, and whether any is.

    Reading stops as soon as both are known.
    """
    inside = other = ""
    some = False
    for block in blocks:
        some = True
        if not inside and used.holds(block):
            inside = block
        if not other and new is not None and new.other_size(block):
            other = block
        if inside and (other or used is not new):
            break
    return inside, other, some


def _carries(cluster: CalicoCluster, deadline: Deadline) -> bool:
    """Whether Calico carries the packets; in canal flannel does, and pools route nothing there."""
    return verdict(cluster, deadline).cni is Cni.CALICO


def _live(cluster: CalicoCluster, deadline: Deadline) -> str:
    """What shows that Calico carries the packets of this cluster; empty where nothing does."""
    for block in cluster.ipam_blocks(deadline):
        return f"block {block} is handed out"
    return "calico-node runs" if _carries(cluster, deadline) else ""


def _pool_warnings(change: PoolChange) -> Iterator[str]:
    if change.new is None:
        yield from _deletion_warnings(change)
        return
    ipip_so_far = change.old is None or change.old.encapsulation == "IPIP"
    version = change.new.network.version if change.new.network else 4
    if ipip_so_far and change.new.encapsulation != "IPIP" and version == 4:  # noqa: PLR2004 - IPv4
        yield _no_ipip(change.new)
    if change.in_use:
        yield from _warned(change.rated, "spec.{}")


def _no_ipip(pool: Pool) -> str:
    instead = "VXLAN" if pool.encapsulation == "VXLAN" else "no encapsulation"
    return (
        f"spec.ipipMode: {pool.ipip}: pool with {instead}; keep ipip on (Always) unless the "
        "underlay carries pod addresses, it cannot be changed once the pool is in use"
    )


def _deletion_warnings(change: PoolChange) -> Iterator[str]:
    if change.block and change.old is not None and change.old.held:
        row = TABLE["deleted-held"]
        yield f"pool in use (block {change.block}): {row.reason}; {row.remedy}"
    elif change.unblocked:
        yield "calico-node runs, and no block shows whether this pool is in use: check its pods"


def _warned(rated: Iterable[KeyChange], path: str) -> Iterator[str]:
    """Warnings of the changes that are let through but not without effect."""
    for each in rated:
        if each.rating is not Rating.SAFE and each.rating not in REFUSED:
            yield f"{path.format(each.key)}: {each.reason}; {each.remedy}"
