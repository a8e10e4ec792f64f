"""What the cluster tells of its flannel, gathered once for a change."""

from collections.abc import Iterable

import msgspec

from webhook.checks.subjects import FlannelNodes
from webhook.model.flanneld import annotation_key, image_tag, is_flanneld
from webhook.model.objects import Node
from webhook.model.workloads import DaemonSet
from webhook.netconf import NEWEST, Version

_WINDOWS = ("kubernetes.io/os", "windows")
_DAEMON_SETS = ("canal", "rke2-canal", "kube-flannel-ds")


class _BackendData(msgspec.Struct, frozen=True, rename={"vni": "VNI"}):
    """``backend-data`` of vxlan; very old ones, and other backends', have no VNI."""

    vni: int | None = None


_backend_data = msgspec.json.Decoder(_BackendData | None)


def runs_flannel(node: Node, prefix: str) -> bool:
    """Whether flannel runs, or ran, on a node (pkg/subnet/kube/annotations.go)."""
    marker = annotation_key(prefix, "kube-subnet-manager")
    return node.metadata.annotation_map.get(marker) == "true"


def survey(nodes: Iterable[Node], prefix: str) -> FlannelNodes:
    """Read every Node once; a page is fetched when the one before is read."""
    live = windows = False
    pod_cidrs: list[tuple[str, tuple[str, ...]]] = []
    backends: set[str] = set()
    vnis: set[int] = set()
    for node in nodes:
        if cidrs := _pod_cidrs(node):
            pod_cidrs.append((node.metadata.name, cidrs))
        windows = windows or node.metadata.label_map.get(_WINDOWS[0]) == _WINDOWS[1]
        if runs_flannel(node, prefix):
            live = True
            _announced(node, prefix, backends, vnis)
    return FlannelNodes(live, tuple(pod_cidrs), frozenset(backends), frozenset(vnis), windows)


def _pod_cidrs(node: Node) -> tuple[str, ...]:
    """The podCIDRs as flannel takes them; none while the node waits for some."""
    if not node.spec.pod_cidr:
        return ()
    return tuple(node.spec.pod_cidrs or (node.spec.pod_cidr,))


def _announced(node: Node, prefix: str, backends: set[str], vnis: set[int]) -> None:
    annotations = node.metadata.annotation_map
    backend = annotations.get(annotation_key(prefix, "backend-type"))
    if backend is None:
        return
    backends.add(backend)
    if backend == "vxlan":
        vni = _vni(annotations.get(annotation_key(prefix, "backend-data"), ""))
        if vni is not None:
            vnis.add(vni)


def _vni(data: str) -> int | None:
    """The VNI of an annotation, None where it is not told; annotations may hold anything."""
    try:
        decoded = _backend_data.decode(data.encode("utf-8", "replace"))
    except (msgspec.MsgspecError, RecursionError):
        return None
    return decoded.vni if decoded else None


def version_of(daemon_sets: Iterable[DaemonSet], namespace: str) -> Version:
    """The oldest flannel among the images of a namespace's DaemonSets; the newest if none tells.

    A mixed cluster has one DaemonSet for each architecture, and the oldest is the strictest.
    """
    tags = (
        image_tag(container.image)
        for daemon_set in daemon_sets
        if daemon_set.metadata.namespace == namespace
        and daemon_set.metadata.name.startswith(_DAEMON_SETS)
        for container in daemon_set.containers()
        if is_flanneld(container.name, container.image, container.arguments)
    )
    return min((version for tag in tags if (version := Version.parse(tag))), default=NEWEST)
