"""Check that a live cluster is not broken by its net-conf.json."""

from collections.abc import Iterator

from webhook.checks.ratings import rated
from webhook.checks.registry import Violation, check
from webhook.checks.subjects import NetConfChange
from webhook.netconf import Rating


@check("netconf-breaks-live", NetConfChange)
def netconf_breaks_live(change: NetConfChange) -> Iterator[Violation]:
    """A live cluster's net-conf.json must not change so that it breaks for good.

    Why: some changes do not heal when the last node has restarted: an
    encrypted backend that leaves the old routes in force, a port that standing
    devices keep for ever, a family that goes, no Backend at all (rating B of
    docs/flannel.md).

    Allowed: on a cluster where flannel never ran; the same effective value in
    another spelling; a repair of a file that flannel could not read.

    Fix: decide it before a cluster is built, or move node by node: cordon,
    drain, reboot, uncordon.
    """
    yield from rated(change, Rating.BREAKS)
