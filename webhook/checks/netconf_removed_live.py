"""Check that a live cluster keeps its net-conf.json."""

from collections.abc import Iterator

from webhook.checks.registry import Violation, check
from webhook.checks.subjects import NetConfChange


@check("netconf-removed-live", NetConfChange)
def netconf_removed_live(change: NetConfChange) -> Iterator[Violation]:
    """The net-conf.json of a live cluster must not be taken away.

    Why: flannel's pods mount it. A pod that starts without it never becomes
    ready, so every reboot and every new node stays without a network. A
    DELETE followed by a CREATE would also hide a change from the comparison.

    Allowed: on a cluster where flannel never ran; what the namespace
    controller does once the Namespace itself is going.

    Fix: change the ConfigMap in place (`kubectl apply`). To remove flannel,
    delete its DaemonSet first, then override.
    """
    if change.live and not change.ending and change.old is not None and change.new is None:
        yield Violation.forbidden(
            change.field,
            "must not be removed from a live cluster: flannel pods that start without it leave "
            "their nodes without a network; change it in place instead",
        )
