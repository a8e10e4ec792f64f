"""The ratings of a change, and the change of one key.

Source: the design notes' table of changes on a live cluster, measured with flannel v0.28.10.
"""

from dataclasses import dataclass
from enum import Enum

from webhook.netconf.versions import NEWEST, Version


class Rating(Enum):
    """What a change does to a cluster whose nodes take it up one by one."""

    SAFE = "S"
    """Nothing changes for any packet."""
    RESTART = "R"
    """Takes effect when each flannel pod restarts; tolerable while nodes differ."""
    SPLIT = "X"
    """Nodes that restarted and nodes that did not lose packets between them."""
    BREAKS = "B"
    """Cuts connectivity or keeps flannel from starting, for good."""

    @property
    def severity(self) -> int:
        """0 for SAFE up to 3 for BREAKS."""
        return "SRXB".index(self.value)

    @property
    def meaning(self) -> str:
        """The rating in words."""
        return _MEANINGS[self]


_MEANINGS = {
    Rating.SAFE: "safe",
    Rating.RESTART: "needs a restart of all flannel pods, tolerable while nodes differ",
    Rating.SPLIT: "splits the data plane while nodes differ",
    Rating.BREAKS: "breaks connectivity or crashes for good",
}


@dataclass(frozen=True, slots=True)
class KeyChange:
    """The change of one key's effective value.

    Args:
        key: path of the key, as `Backend.DirectRouting`.
        old: the value so far, for a message; secrets are not shown.
        new: the value from each pod's restart on.
        rating: what the change does.
        reason: why, with the evidence (flannel issues, or "measured").
        remedy: how to do it right.
        brief: the reason for a warning, where that is too long.
    """

    key: str
    old: str
    new: str
    rating: Rating
    reason: str
    remedy: str
    brief: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of the cluster.

    Args:
        pod_cidrs: podCIDRs of each node; None if the nodes are not known.
        strict_rp_filter: whether nodes have `rp_filter=1`; None if not known.
        etcd_mode: flanneld keeps its leases in etcd.
        version: flannel's version.
    """

    pod_cidrs: tuple[tuple[str, ...], ...] | None = None
    strict_rp_filter: bool | None = None
    etcd_mode: bool = False
    version: Version = NEWEST


def worst(changes: tuple[KeyChange, ...]) -> Rating:
    """Return the gravest rating among changes; SAFE if there are none."""
    ratings = [change.rating for change in changes]
    return max(ratings, key=lambda rating: rating.severity, default=Rating.SAFE)
