"""The guard of flannel's DaemonSets: what flanneld is made to read."""

from dataclasses import dataclass

import msgspec

from webhook.admission.flannel_nodes import runs_flannel
from webhook.admission.guard import Case
from webhook.checks.flannel_daemonset_live import ROWS, judged
from webhook.checks.subjects import FlanneldChange
from webhook.deadline import Deadline
from webhook.errors import MalformedReviewError
from webhook.interfaces import Nodes
from webhook.model.flanneld import DaemonSet, Flanneld, flanneld
from webhook.model.review import Attributes

_decoder = msgspec.json.Decoder(DaemonSet | None)
_NOTHING = DaemonSet()


@dataclass(frozen=True, slots=True)
class FlannelDaemonSetGuard:
    """Gathers a `FlanneldChange`.

    Args:
        cluster: lists the Nodes.
        config_maps: (namespace, name) of each ConfigMap watched over.
        prefix: of flannel's Node annotations.
    """

    cluster: Nodes
    config_maps: frozenset[tuple[str, str]]
    prefix: str
    name: str = "flannel-daemonsets"

    def gather(self, attributes: Attributes, deadline: Deadline) -> Case | None:
        """Compare how flanneld is run; ask for Nodes, up to the first that tells, if it differs."""
        if attributes.operation not in {"CREATE", "UPDATE"}:
            return None
        old = _flanneld(attributes.decode(attributes.old_object, _decoder))
        new_object = attributes.decode(attributes.object, _decoder) or _NOTHING
        new = _flanneld(new_object)
        if old == new:
            return None
        live = any(runs_flannel(node, self.prefix) for node in self.cluster.nodes(deadline))
        change = FlanneldChange(
            old=old,
            new=new,
            namespace=attributes.namespace,
            created=attributes.operation == "CREATE",
            listed=frozenset(n for space, n in self.config_maps if space == attributes.namespace),
            prefix=self.prefix,
            live=live,
        )
        return Case(change, new_object.metadata, _warnings(change))


def _flanneld(daemon_set: DaemonSet | None) -> Flanneld | None:
    try:
        return flanneld(daemon_set) if daemon_set else None
    except msgspec.MsgspecError as error:
        raise MalformedReviewError(f"request.object: {error}") from error


def _warnings(change: FlanneldChange) -> tuple[str, ...]:
    rows = judged(change) if change.live else ()
    return tuple(
        f"{field}: {got}: {ROWS[row].happens}; {ROWS[row].instead}"
        for row, field, got in rows
        if not ROWS[row].refused
    )
