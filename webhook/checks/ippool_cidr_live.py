"""Check that an IP pool in use keeps its range."""

from collections.abc import Iterator

from webhook.checks.calico_subjects import PoolChange, sentence
from webhook.checks.registry import Violation, check


@check("ippool-cidr-live", PoolChange)
def ippool_cidr_live(change: PoolChange) -> Iterator[Violation]:
    """The cidr of a Calico IP pool in use must not change.

    Why: addresses that were handed out from the old range belong to no pool
    any more: no tunnel, no NAT, no BGP export for them. calicoctl and Calico's
    API server refuse it; kubectl on `crd.projectcalico.org` does not.

    Allowed: on a pool without address blocks; the same network written
    otherwise.

    Fix: make a new pool beside it, disable this one, recreate its pods,
    delete it when it is empty (Calico's guide "Migrate from one IP pool to
    another").
    """
    for each in change.refused("cidr"):
        yield Violation.forbidden("spec.cidr", sentence(each, change.in_use))
