"""Check that an IP pool in use keeps its way out of the cluster."""

from collections.abc import Iterator

from webhook.checks.calico_subjects import PoolChange, sentence
from webhook.checks.registry import Violation, check


@check("ippool-nat-live", PoolChange)
def ippool_nat_live(change: PoolChange) -> Iterator[Violation]:
    """The natOutgoing of a Calico IP pool in use must not be switched off.

    Why: Felix takes it up at once. From then on packets to outside the
    cluster carry pod addresses, and answers find no way back unless the
    network beyond the nodes routes them.

    Allowed: switching it on (a warning tells what changes); on a pool
    without address blocks.

    Fix: have the network route pod addresses first, then override.
    """
    for each in change.refused("natOutgoing"):
        yield Violation.forbidden("spec.natOutgoing", sentence(each, change.in_use))
