"""Who leads: the decision on a Lease. PURE: (record, how long it was seen so) → action.

The rules are client-go's (k8s.io/client-go/tools/leaderelection). A lease is over when its record
was seen unchanged for its duration on the observer's own monotonic clock: times written by others
are shown to people and never reckoned with, so clocks need not agree and may jump.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

RELEASED_SECONDS = 1
"""Duration of a lease that was given back; the API server takes no 0."""


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """What a Lease says.

    Args:
        holder: identity of the leader; empty where the last one gave it back.
        duration: seconds that an unrenewed lease is respected.
        acquired: when the holder began to lead.
        renewed: when the holder last said so.
        transitions: how often the leader changed.
        version: opaque; empty for a Lease that does not exist yet.
    """

    holder: str
    duration: int
    acquired: datetime | None = None
    renewed: datetime | None = None
    transitions: int = 0
    version: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """A record, and since when it was seen so, in monotonic seconds."""

    record: LeaseRecord
    since: float


class Action(StrEnum):
    """What a candidate, or the leader, does next."""

    ACQUIRE = "acquire"
    """Nobody leads, or the leader went silent: try to be the one who writes first."""
    RENEW = "renew"
    """We lead: say so."""
    WAIT = "wait"
    """Another leads."""


def observe(seen: Observation | None, record: LeaseRecord, now: float) -> Observation:
    """Take note of a record; its age starts anew if it was written since, by whomever.

    The version decides, not the times in it: a leader whose wall clock stands still is alive. That
    somebody else's edit prolongs a lease is the safe side.
    """
    if seen is not None and seen.record == record:
        return Observation(record, seen.since)
    return Observation(record, now)


def decide(seen: Observation | None, identity: str, now: float) -> Action:
    """Decide what to do about a Lease.

    Args:
        seen: None where there is no Lease.
        identity: ours.
        now: monotonic seconds, of the clock of the observation.
    """
    if seen is None or not seen.record.holder:
        return Action.ACQUIRE
    if seen.record.holder == identity:
        return Action.RENEW
    over = now - seen.since >= seen.record.duration
    return Action.ACQUIRE if over else Action.WAIT


def claim(record: LeaseRecord | None, identity: str, duration: int, wall: datetime) -> LeaseRecord:
    """The record that makes, or keeps, us the leader."""
    if record is None:
        return LeaseRecord(identity, duration, acquired=wall, renewed=wall)
    if record.holder == identity:
        return replace(record, duration=duration, renewed=wall)
    return LeaseRecord(
        holder=identity,
        duration=duration,
        acquired=wall,
        renewed=wall,
        transitions=record.transitions + 1,
        version=record.version,
    )


def release(record: LeaseRecord, wall: datetime) -> LeaseRecord:
    """The record that gives the lease back, so that the next leader starts at once."""
    return replace(record, holder="", duration=RELEASED_SECONDS, acquired=wall, renewed=wall)
