"""The guard of the Namespaces that hold flannel's ConfigMap: their DELETE."""

from dataclasses import dataclass

from webhook.admission.flannel_nodes import runs_flannel
from webhook.admission.guard import Case
from webhook.checks.subjects import FlannelNamespaceRemoval
from webhook.deadline import Deadline
from webhook.interfaces import Nodes
from webhook.model.review import Attributes


@dataclass(frozen=True, slots=True)
class FlannelNamespaceGuard:
    """Gathers a `FlannelNamespaceRemoval`.

    Args:
        cluster: lists the Nodes.
        config_maps: (namespace, name) of each ConfigMap watched over.
        prefix: of flannel's Node annotations.
    """

    cluster: Nodes
    config_maps: frozenset[tuple[str, str]]
    prefix: str
    name: str = "flannel-namespaces"

    def gather(self, attributes: Attributes, deadline: Deadline) -> Case | None:
        """Ask for Nodes, up to the first that tells, where the Namespace is one of flannel's."""
        names = tuple(sorted(n for space, n in self.config_maps if space == attributes.name))
        if attributes.operation != "DELETE" or not names:
            return None
        metadata = attributes.metadata()
        if metadata.deletion_timestamp is not None:
            return None
        live = any(runs_flannel(node, self.prefix) for node in self.cluster.nodes(deadline))
        return Case(FlannelNamespaceRemoval(attributes.name, names, live), metadata)
