"""Check that Felix of a live cluster keeps its tunnels."""

from collections.abc import Iterator

from webhook.checks.calico_subjects import REFUSED, FelixChange, sentence
from webhook.checks.registry import Violation, check


@check("felix-tunnel-live", FelixChange)
def felix_tunnel_live(change: FelixChange) -> Iterator[Violation]:
    """The tunnels of a live cluster must not be switched by Felix's configuration.

    Why: `ipipEnabled` and `vxlanEnabled` override the IP pools, `vxlanVNI`
    and `vxlanPort` must be the same on all nodes. Felix of each node restarts
    on its own; nodes that have changed over and nodes that have not lose each
    other's packets (measured with flannel for VNI and Port: all lost).

    Allowed: where calico-node does not carry the packets; every other key;
    MTU, eBPF and WireGuard with a warning.

    Fix: leave the keys unset, Felix follows the IP pools. Else override in a
    maintenance window and restart calico-node everywhere at once.
    """
    if not change.live:
        return
    for each in change.rated:
        if each.rating in REFUSED:
            yield Violation.forbidden(f"spec.{each.key}", sentence(each, change.live))
