"""Check that the Namespace of a live cluster's flannel stays."""

from collections.abc import Iterator

from webhook.checks.registry import Violation, check
from webhook.checks.subjects import FlannelNamespaceRemoval


@check("flannel-namespace-live", FlannelNamespaceRemoval)
def flannel_namespace_live(removal: FlannelNamespaceRemoval) -> Iterator[Violation]:
    """The Namespace of flannel's ConfigMap must not be deleted from a live cluster.

    Why: everything in it goes, ConfigMap, DaemonSet and ServiceAccount. The
    data plane stands until nodes restart, then they have no network. Once the
    Namespace is Terminating, its contents can be refused no more without
    leaving it stuck, so this is the place to say no.

    Allowed: on a cluster where flannel never ran; everything the namespace
    controller does afterwards.

    Fix: to upgrade, `kubectl apply` the new manifest over the old one, its
    ConfigMap left as yours. To remove flannel, drain the nodes, then override.
    """
    if removal.live:
        names = ", ".join(removal.config_maps)
        yield Violation.forbidden(
            "metadata.name",
            f'"{removal.name}" is the namespace of flannel\'s ConfigMap ({names}) on a live '
            "cluster: with it goes the DaemonSet, and each node loses its network when it restarts "
            "next; to upgrade, apply the new manifest over the old one",
        )
