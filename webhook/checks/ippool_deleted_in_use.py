"""Check that an IP pool is not deleted under its pods."""

from collections.abc import Iterator

from webhook.calico import TABLE
from webhook.checks.calico_subjects import PoolChange
from webhook.checks.registry import Violation, check


@check("ippool-deleted-in-use", PoolChange)
def ippool_deleted_in_use(change: PoolChange) -> Iterator[Violation]:
    """A Calico IP pool must not be deleted while address blocks lie in it.

    Why: its pods lose tunnel routes, NAT and BGP export at once, and a later
    pool of the same range may hand their addresses out again. A DELETE
    followed by a CREATE would also hide a change from the comparison.

    Allowed: where no block lies in the pool; where Calico's own finalizer
    (since v3.32) holds the pool until its last block is gone.

    Fix: disable the pool, recreate its pods in another one, delete it when
    its blocks are gone (Calico's guide "Migrate from one IP pool to
    another").
    """
    old = change.old
    if old is not None and change.new is None and change.block and not old.held:
        row = TABLE["deleted"]
        yield Violation.forbidden(
            "metadata.name",
            f'"{change.name}" is in use (block {change.block} lies in it): {row.reason}; '
            f"{row.remedy}",
        )
