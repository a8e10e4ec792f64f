"""What the checks of rated changes have in common: the words, and who speaks of what."""

from collections.abc import Iterator

from webhook.checks.registry import Violation
from webhook.checks.subjects import NetConfChange
from webhook.netconf import KeyChange, Rating

DIRECT_ROUTING = "Backend.DirectRouting"

TIME_BOMB = (
    "flanneld reads it only when it starts: nothing shows now, and each node changes over when its "
    "flannel pod restarts next (rollout, reboot, crash), a time bomb"
)
UPSTREAM = (
    "these are the defaults of flannel's own manifest: if this came with kubectl apply of "
    "kube-flannel.yml or canal.yaml, put your values into its ConfigMap first, or leave that out"
)


def rated(change: NetConfChange, rating: Rating) -> Iterator[Violation]:
    """The changes of a live cluster with this rating, DirectRouting and lost leases aside."""
    if not change.live:
        return
    for each in change.rated:
        if each.rating is rating and each.key != DIRECT_ROUTING and not _told(change, each):
            yield Violation.forbidden(f"{change.field}.{each.key}", explain(change, each))


def explain(change: NetConfChange, each: KeyChange) -> str:
    """What would happen, when, and what to do instead."""
    upstream = f"; {UPSTREAM}" if change.upstream else ""
    return (
        f"must stay {each.old} on a live cluster, got {each.new}: {each.reason}; {TIME_BOMB}; "
        f"instead, {each.remedy}{upstream}"
    )


def _told(change: NetConfChange, each: KeyChange) -> bool:
    """Whether netconf-podcidr-outside names the nodes that this would stop."""
    return bool(change.lost) and each.key in {"Network", "IPv6Network", "EnableIPv6"}
