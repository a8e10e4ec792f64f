"""Check that DirectRouting is not toggled on a live cluster."""

from collections.abc import Iterator

from webhook.checks.ratings import UPSTREAM
from webhook.checks.registry import Violation, check
from webhook.checks.subjects import NetConfChange
from webhook.netconf import NetConf, effective_direct_routing

_MESSAGE = (
    "must stay {before} on a live cluster: flanneld reads it only when it starts, so each node "
    "changes over at its next restart, and until the last one has, nodes with and without "
    "direct routes lose each other's packets where rp_filter=1; set it before a cluster is "
    "built; else first set net.ipv4.conf.all.rp_filter=2 on every node, then override, and restart "
    "the flannel pods node by node"
)


@check("netconf-directrouting-live", NetConfChange)
def netconf_directrouting_live(change: NetConfChange) -> Iterator[Violation]:
    """The effective DirectRouting of a live cluster must not change.

    Why: flanneld reads net-conf.json once, when it starts. A change does
    nothing until each pod restarts, and then splits the data plane: a node
    with direct routes and one without answer each other over different
    interfaces, and with `rp_filter=1` the kernel drops both ways (measured:
    0 of 3 echoes; 3 of 3 with 0 and 2). flannel issues 892, 1520, 1070.

    Allowed: on a cluster where flannel never ran; spelling the same value
    otherwise (white space, order and case of keys, an explicit default).

    A setting, `flannel.directRouting: warn`, makes it a warning, for clusters
    whose nodes are known not to have `rp_filter=1`.

    Fix: decide before the cluster is built. On a live cluster plan it node by
    node: set `net.ipv4.conf.all.rp_filter=2`, override, restart, verify.
    """
    if not (change.live and change.direct_routing_denied and isinstance(change.new, NetConf)):
        return
    before = _before(change)
    if before is not None and effective_direct_routing(change.new) is not before:
        message = _MESSAGE.format(before=str(before).lower())
        yield Violation.forbidden(
            f"{change.field}.Backend.DirectRouting",
            f"{message}; {UPSTREAM}" if change.upstream else message,
        )


def _before(change: NetConfChange) -> bool | None:
    """DirectRouting so far; the default where the ConfigMap is made anew, None if unknowable.

    Deleting the ConfigMap and creating another must not hide a toggle.
    """
    if change.old is None:
        return False
    return effective_direct_routing(change.old) if isinstance(change.old, NetConf) else None
