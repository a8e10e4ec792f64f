"""Stands for election, leads, steps down: the loop around `webhook.controller.election`.

`kubernetes.leaderelection` with its LeaseLock (37.0.2) was read and not taken: its loops sleep and
cannot be stopped, it never gives the lease back, only ApiException is caught, so an API server that
is away ends the election with urllib3's error, its requests have no timeout, and its deadlines are
reckoned on the wall clock.
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from webhook.controller.election import (
    Action,
    LeaseRecord,
    Observation,
    claim,
    decide,
    observe,
    release,
)
from webhook.deadline import Deadline
from webhook.errors import AlreadyExistsError, ClusterError, ConflictError, NotFoundError
from webhook.stop import Stop

JITTER = 0.2
"""Share of the retry period by which candidates spread."""
MIN_CALL_SECONDS = 0.1
RELEASE_SECONDS = 2.0

logger = logging.getLogger(__name__)


class Lock(Protocol):
    """A Lease, with optimistic concurrency."""

    def read(self, deadline: Deadline) -> LeaseRecord | None:
        """The Lease as it is now, None where there is none."""

    def write(self, record: LeaseRecord, deadline: Deadline) -> LeaseRecord:
        """Create or replace the Lease, if it is still of the record's version.

        Returns:
            The record with its new version.

        Raises:
            ConflictError, AlreadyExistsError: another was faster.
        """


class Follower(Protocol):
    """What happens when leadership comes and goes."""

    def lead(self) -> None:
        """Begin to lead; returns at once."""

    def step_down(self) -> None:
        """Stop leading; returns when nothing runs any more."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, as in client-go; ``lease > renew > retry`` makes two leaders impossible.

    Args:
        lease: a lease not renewed for so long may be taken over.
        renew: a leader that could not renew for so long stops leading.
        retry: between two attempts.
    """

    lease: float = 15.0
    renew: float = 10.0
    retry: float = 2.0

    def __post_init__(self) -> None:
        if not self.lease > self.renew > self.retry * (1 + JITTER) > 0:
            raise ValueError(
                "controller: Invalid value: expected leaseDuration > renewDeadline > "
                f"{1 + JITTER:g} x retryPeriod, found {self.lease:g}, {self.renew:g}, "
                f"{self.retry:g}"
            )


class Elector:
    """One candidate.

    Args:
        lock: the Lease.
        identity: ours, unique among the candidates.
        timing: see there.
        clock: monotonic seconds.
        wall: wall clock, UTC; only written, never reckoned with.
        chance: draws from 0 to 1.
    """

    def __init__(
        self,
        lock: Lock,
        identity: str,
        timing: Timing,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._lock = lock
        self._identity = identity
        self._timing = timing
        self._clock = clock
        self._wall = wall
        self._chance = chance
        self._seen: Observation | None = None
        self._renewed = 0.0
        self._leader = ""
        self.leading = False
        self.ticked = clock()

    def run(self, stop: Stop, follower: Follower) -> None:
        """Stand for election until told to stop; then step down and give the lease back."""
        try:
            while not stop.is_set():
                self.tick(follower)
                stop.wait(self._pause())
        finally:
            was_leading = self.leading
            self._step_down(follower, "stopping")
            if was_leading:
                self._release()

    def tick(self, follower: Follower) -> None:
        """One attempt to become or to remain the leader."""
        self.ticked = started = self._clock()
        try:
            leads = self._acquire_or_renew()
        except ClusterError as error:
            logger.warning("cannot reach the lease", extra={"error": str(error)})
            if self._left() <= 0:
                self._step_down(follower, "the lease could not be renewed in time")
            return
        if not leads:
            self._step_down(follower, "another leads")
            return
        # From before the request: others count from when they saw it written, which is later.
        self._renewed = started
        if not self.leading:
            self.leading = True
            logger.info("leading", extra={"identity": self._identity})
            follower.lead()

    def _acquire_or_renew(self) -> bool:
        """Whether we lead now; a race that is lost is decided anew next time."""
        if not self.leading or self._seen is None:
            self._look()
        action = decide(self._seen, self._identity, self._clock())
        if action is Action.WAIT:
            return False
        record = self._seen.record if self._seen else None
        claimed = claim(record, self._identity, round(self._timing.lease), self._wall())
        try:
            self._note(self._lock.write(claimed, self._deadline()))
        except (ConflictError, AlreadyExistsError):
            # Whether it was another candidate, or an administrator's edit, the next look tells.
            self._look()
            return self._still_ours()
        except NotFoundError:
            self._seen = None  # Somebody deleted it: the next attempt makes it anew.
            raise
        return True

    def _still_ours(self) -> bool:
        """After a conflict: a leader goes on if the Lease still names it, and renews next time."""
        if self._seen is None or self._seen.record.holder != self._identity:
            return False
        if self.leading and self._left() > 0:
            raise ConflictError("the lease was changed by another while it was renewed")
        return False

    def _look(self) -> None:
        record = self._lock.read(self._deadline())
        if record is None:
            self._seen = None
        else:
            self._note(record)

    def _note(self, record: LeaseRecord) -> None:
        self._seen = observe(self._seen, record, self._clock())
        if record.holder != self._leader:
            self._leader = record.holder
            logger.info("the leader is", extra={"leader": record.holder or "nobody"})

    def _left(self) -> float:
        """Seconds that we may still lead without a renewal."""
        return self._renewed + self._timing.renew - self._clock() if self.leading else 0.0

    def _deadline(self) -> Deadline:
        """For one call: what a leader has left, so that it steps down in time."""
        longest = self._timing.renew / 2
        seconds = min(longest, self._left()) if self.leading else longest
        return Deadline.after(max(seconds, MIN_CALL_SECONDS))

    def _pause(self) -> float:
        pause = self._timing.retry * (1 + JITTER * self._chance())
        return max(0.0, min(pause, self._left())) if self.leading else pause

    def _step_down(self, follower: Follower, why: str) -> None:
        if self.leading:
            self.leading = False
            logger.warning("not leading any more", extra={"cause": why})
            follower.step_down()

    def _release(self) -> None:
        """Give the lease back; failing that, it runs out by itself."""
        try:
            if self._still_held():
                assert self._seen is not None
                record = release(self._seen.record, self._wall())
                self._lock.write(record, Deadline.after(RELEASE_SECONDS))
        except ClusterError as error:
            logger.info("the lease was not given back", extra={"error": str(error)})

    def _still_held(self) -> bool:
        return self._seen is not None and self._seen.record.holder == self._identity
