"""Check that an IP pool has the size of the blocks in it."""

from collections.abc import Iterator

from webhook.calico import TABLE
from webhook.checks.calico_subjects import PoolChange, sentence
from webhook.checks.registry import Violation, check


@check("ippool-blocksize-live", PoolChange)
def ippool_blocksize_live(change: PoolChange) -> Iterator[Violation]:
    """The blockSize of a Calico IP pool must be that of the blocks in its range.

    Why: blocks of the old size stay, and new ones of another size overlap
    them: two nodes take the same addresses for theirs. calicoctl and Calico's
    API server refuse it; kubectl on `crd.projectcalico.org` does not.

    Allowed: on a pool without address blocks; writing the default (26, or
    122 for IPv6) out.

    Fix: make a new pool of another range beside it with the size wanted
    (Calico's guide "Change IP pool block size").
    """
    for each in change.refused("blockSize"):
        yield Violation.forbidden("spec.blockSize", sentence(each, change.in_use))
    if change.old is None and change.new is not None and change.other_block:
        row = TABLE["blockSize-create"]
        yield Violation.invalid(
            "spec.blockSize",
            str(change.new.block_size),
            f"{row.reason} ({change.other_block}); {row.remedy}",
        )
