"""Check that an IP pool in use keeps its encapsulation."""

from collections.abc import Iterator

from webhook.checks.calico_subjects import PoolChange, sentence
from webhook.checks.registry import Violation, check


@check("ippool-encapsulation-live", PoolChange)
def ippool_encapsulation_live(change: PoolChange) -> Iterator[Violation]:
    """The ipipMode and vxlanMode of a Calico IP pool in use must not change.

    Why: Calico allows it, and each node's Felix takes it up on its own: it
    restarts and builds other tunnels and routes. Until the last node has,
    nodes lose each other's pods; IPIP needs BIRD where VXLAN needs none
    (projectcalico/calico issue 4022, kubespray issue 8691). The owner's rule:
    keep ipip on, as by default.

    Allowed: on a pool without address blocks; in canal, where flannel
    carries the packets; `""`, null and `Never` for each other.

    Fix: make a new pool beside it with the encapsulation wanted, disable the
    old one, recreate its pods, delete it when it is empty.
    """
    for each in change.refused("ipipMode", "vxlanMode"):
        yield Violation.forbidden(f"spec.{each.key}", sentence(each, change.in_use))
