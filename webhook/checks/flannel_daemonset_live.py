"""Check that flanneld goes on reading the configuration that is watched over."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from webhook.checks.registry import Violation, check
from webhook.checks.subjects import FlanneldChange
from webhook.model.flanneld import Flanneld, normal_prefix
from webhook.model.text import one_line

NETCONF_KEY = "net-conf.json"


class Row(NamedTuple):
    """A row of the table in docs/flannel.md: what a DaemonSet may not come to say.

    Args:
        what: the change.
        happens: what comes of it.
        instead: how to do it right.
        refused: else it is warned of.
    """

    what: str
    happens: str
    instead: str
    refused: bool = True


ROWS: Final = {
    "config-map": Row(
        "another ConfigMap, or another key of it, behind the configuration's path",
        "each node takes other values at its pod's restart, and none of them was compared",
        "change the values in the ConfigMap that is watched over; list a new one under "
        "flannel.configMaps first",
    ),
    "path": Row(
        "`--net-config-path` (or FLANNELD_NET_CONFIG_PATH) to a file of no ConfigMap",
        "flanneld reads what is on the node, which nobody sees",
        "leave it at the mounted ConfigMap",
    ),
    "prefix": Row(
        "`--kube-annotation-prefix` (or FLANNELD_KUBE_ANNOTATION_PREFIX)",
        "restarted nodes do not see the leases of the others: the data plane splits; and whether "
        "the cluster is live could not be told any more",
        "keep it; on a new cluster set flannel.annotationPrefix to the same",
    ),
    "etcd": Row(
        "`--kube-subnet-mgr` taken away",
        "flanneld asks etcd for its leases, and nodes change their subnets",
        "keep it",
    ),
    "gone": Row(
        "no container that runs flanneld any more",
        "nodes that restart have no network",
        "to remove flannel, drain the nodes first",
    ),
    "hidden": Row(
        "a shell or script before flanneld, envFrom, a reference, or a second flanneld, where none "
        "was",
        "what flanneld gets cannot be read from the DaemonSet",
        "give flanneld's arguments plainly",
    ),
    "hidden-before": Row(
        "the same on CREATE, or where it was so before",
        "what flanneld gets cannot be read from the DaemonSet",
        "give flanneld's arguments plainly",
        refused=False,
    ),
}
"""What is judged, in this order; the rest of a DaemonSet is nobody's business here."""


@check("flannel-daemonset-live", FlanneldChange)
def flannel_daemonset_live(change: FlanneldChange) -> Iterator[Violation]:
    """The DaemonSet of a live cluster must go on reading the ConfigMap that is watched over.

    Why: a guard of one ConfigMap is worth nothing when flanneld is pointed at
    another one. The ConfigMap behind the path, `--net-config-path`,
    `--kube-annotation-prefix` and `--kube-subnet-mgr` decide what flanneld
    reads and where nodes meet, by argument or by FLANNELD_ variable.

    Allowed: on a cluster where flannel never ran; images, resources,
    tolerations and all else; what was so before; deleting the DaemonSet.

    Fix: change values in the ConfigMap. For a new one, list it under
    `flannel.configMaps` of the chart first.
    """
    if not change.live:
        return
    for row, field, got in judged(change):
        if ROWS[row].refused:
            yield Violation.forbidden(
                field, f"{one_line(got)}: {ROWS[row].happens}; {ROWS[row].instead}"
            )


def judged(change: FlanneldChange) -> Iterator[tuple[str, str, str]]:
    """Row of the table, field and what was found, for each that the change brings."""
    old, new = change.old, change.new
    if new is None:
        if old is not None:
            yield "gone", "spec.template.spec.containers", "no container runs flanneld any more"
        return
    place = f"spec.template.spec.containers[{new.container}]"
    if new.hidden:
        stood = change.created or bool(old and old.hidden)
        yield "hidden-before" if stood else "hidden", f"{place}.command", new.hidden
        return
    old = None if old and old.hidden else old
    if not new.kube:
        if old is None or old.kube:
            yield "etcd", f"{place}.args", "--kube-subnet-mgr is missing"
        return
    yield from _source(change, old, new, place)
    if _moved(old, new, "prefix") and normal_prefix(new.prefix) != normal_prefix(change.prefix):
        yield "prefix", f"{place}.args", f'the annotation prefix is "{new.prefix}"'


def _moved(old: Flanneld | None, new: Flanneld, name: str) -> bool:
    return old is None or getattr(old, name) != getattr(new, name)


def _source(
    change: FlanneldChange, old: Flanneld | None, new: Flanneld, place: str
) -> Iterator[tuple[str, str, str]]:
    """What is behind the configuration's path."""
    if old is not None and old.config_map == new.config_map and old.path == new.path:
        return
    if new.config_map is None:
        yield "path", f"{place}.args", f'"{new.path}" is a file of no ConfigMap'
        return
    name, key = new.config_map
    moved = old is not None and old.config_map is not None and old.config_map != new.config_map
    if moved or name not in change.listed or key != NETCONF_KEY:
        where = f'key "{key}" of ConfigMap {change.namespace}/{name}'
        yield "config-map", "spec.template.spec.volumes", f"flanneld would read {where}"
