"""Who leads: single decisions, and that two never do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.lock import FakeLock
from webhook.controller.election import (
    Action,
    LeaseRecord,
    Observation,
    claim,
    decide,
    observe,
    release,
)
from webhook.controller.elector import Elector, Timing
from webhook.deadline import Deadline
from webhook.errors import (
    ClusterError,
    ConflictError,
    DeadlineError,
    NotFoundError,
    UnavailableError,
)
from webhook.stop import Stop

WALL = datetime(2026, 1, 1, tzinfo=UTC)
THEIRS = LeaseRecord("them", 15, WALL, WALL, 3, "7")
OURS = replace(THEIRS, holder="us")


@pytest.mark.parametrize(
    ("seen", "now", "expected"),
    [
        pytest.param(None, 0.0, Action.ACQUIRE, id="no lease"),
        pytest.param(Observation(replace(THEIRS, holder=""), 9.0), 9.0, Action.ACQUIRE, id="free"),
        pytest.param(Observation(OURS, 0.0), 99.0, Action.RENEW, id="ours"),
        pytest.param(Observation(THEIRS, 0.0), 14.9, Action.WAIT, id="theirs"),
        pytest.param(Observation(THEIRS, 0.0), 15.0, Action.ACQUIRE, id="theirs, silent"),
        pytest.param(Observation(THEIRS, 5.0), 15.0, Action.WAIT, id="theirs, renewed since"),
        pytest.param(
            Observation(replace(THEIRS, duration=0), 0.0), 0.0, Action.ACQUIRE, id="no duration"
        ),
        pytest.param(
            Observation(replace(THEIRS, renewed=WALL - timedelta(days=1)), 0.0),
            1.0,
            Action.WAIT,
            id="their clock lags a day",
        ),
    ],
)
def test_decisions(seen: Observation | None, now: float, expected: Action) -> None:
    """The age that we observed decides, not the time that others wrote."""
    assert decide(seen, "us", now) == expected


def test_every_write_is_a_sign_of_life() -> None:
    """Even one that changes nothing but the version: the leader's clock may stand still."""
    first = observe(None, THEIRS, 1.0)
    same = observe(first, THEIRS, 2.0)
    written = observe(same, replace(THEIRS, version="8"), 3.0)

    assert (first.since, same.since, written.since) == (1.0, 1.0, 3.0)


def test_claims_keep_the_books() -> None:
    """Transitions count changes of leader; a renewal keeps the time of acquisition."""
    later = WALL + timedelta(minutes=1)
    taken = claim(THEIRS, "us", 15, later)
    renewed = claim(taken, "us", 15, later + timedelta(seconds=2))

    assert (taken.transitions, taken.acquired, taken.version) == (4, later, "7")
    assert (renewed.transitions, renewed.acquired) == (4, later)
    assert claim(None, "us", 15, WALL) == LeaseRecord("us", 15, WALL, WALL)
    assert decide(Observation(release(taken, later), 0.0), "them", 0.0) == Action.ACQUIRE


@pytest.mark.parametrize(
    ("lease", "renew", "retry"), [(15, 15, 2), (15, 16, 2), (15, 2, 2), (15, 10, 0)]
)
def test_timings_that_allow_two_leaders_are_refused(lease: int, renew: int, retry: int) -> None:
    """The message names the keys and what was found."""
    with pytest.raises(ValueError, match="expected leaseDuration > renewDeadline"):
        Timing(lease, renew, retry)


class Flag:
    """A follower that knows whether it leads."""

    def __init__(self) -> None:
        self.history: list[str] = []

    def lead(self) -> None:
        """Note."""
        self.history.append("lead")

    def step_down(self) -> None:
        """Note."""
        self.history.append("step down")


class Candidate:
    """An elector with a clock of its own, set by hand."""

    def __init__(self, lock: FakeLock, name: str) -> None:
        self.now = 0.0
        self.flag = Flag()
        self.elector = Elector(
            lock, name, Timing(), clock=lambda: self.now, wall=lambda: WALL, chance=lambda: 0.0
        )

    def tick(self, after: float = 2.0) -> None:
        """Let time pass, and try."""
        self.now += after
        self.elector.tick(self.flag)


def test_a_leader_outlasts_a_short_absence_and_steps_down_after_a_long_one() -> None:
    """It leads on until the renew deadline, then stops, then leads again when it can."""
    server = FakeLock()
    one = Candidate(server, "one")
    one.tick()
    server.away = True
    for _ in range(4):
        one.tick()
    assert one.flag.history == ["lead"]
    one.tick()
    assert one.flag.history == ["lead", "step down"]
    server.away = False
    one.tick()

    assert one.flag.history == ["lead", "step down", "lead"]


def test_a_silent_leader_is_replaced_after_its_lease() -> None:
    """The other waits for the whole duration, then takes over; the first one notices."""
    server = FakeLock()
    one, two = Candidate(server, "one"), Candidate(server, "two")
    one.tick()
    for _ in range(8):
        two.tick()
    assert two.flag.history == []
    two.tick()
    one.tick(30)

    assert two.flag.history == ["lead"]
    assert one.flag.history == ["lead", "step down"]


def test_an_edit_by_hand_does_not_unseat_the_leader() -> None:
    """A conflict whose Lease still names us is renewed next time."""
    server = FakeLock()
    one = Candidate(server, "one")
    one.tick()
    assert server.record
    server.record = replace(server.record, version="edited")
    one.tick()
    one.tick()

    assert one.flag.history == ["lead"]
    assert server.record.version == "2"


def test_a_deleted_lease_is_made_anew() -> None:
    """Without a change of leader."""
    server = FakeLock()
    one = Candidate(server, "one")
    one.tick()
    server.record = None
    one.tick()
    one.tick()

    assert one.flag.history == ["lead"]
    assert server.record is not None


def test_stopping_steps_down_and_gives_the_lease_back() -> None:
    """The order matters: first the work ends, then the lease is free."""
    server = FakeLock()
    one = Candidate(server, "one")
    stop = Stop()
    holders: list[str] = []

    class Follower(Flag):
        def lead(self) -> None:
            stop.set()

        def step_down(self) -> None:
            assert server.record
            holders.append(server.record.holder)

    one.elector.run(stop, Follower())

    assert holders == ["one"]
    assert server.record is not None
    assert server.record.holder == ""
    assert server.record.duration == 1


def test_a_lease_that_cannot_be_given_back_is_left() -> None:
    """Stopping never fails for it."""
    server = FakeLock()
    one = Candidate(server, "one")
    stop = Stop()

    class Follower(Flag):
        def lead(self) -> None:
            server.away = True
            stop.set()

    one.elector.run(stop, Follower())

    assert server.record is not None
    assert server.record.holder == "one"


class Flaky(FakeLock):
    """Fails, or succeeds and says that it failed, as the test draws."""

    fate = "well"

    def write(self, record: LeaseRecord, deadline: Deadline) -> LeaseRecord:
        """Write, perhaps."""
        if self.fate == "lost request":
            raise DeadlineError("lost")
        written = super().write(record, deadline)
        if self.fate == "lost answer":
            raise DeadlineError("lost")
        return written


steps = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.floats(0.1, 6.0),
        st.sampled_from(["well", "well", "well", "lost request", "lost answer"]),
        st.booleans(),
    ),
    max_size=60,
)


@settings(max_examples=300)
@given(steps)
def test_two_never_lead_at_once(drawn: list[tuple[int, float, str, bool]]) -> None:
    """Whatever is lost, a candidate takes over only after the other had to step down.

    A leader that is not scheduled cannot tick; what it may believe is bounded by its renew
    deadline, so its leadership is counted until then.
    """
    server = Flaky()
    candidates = [Candidate(server, name) for name in "abc"]
    now = 0.0
    for index, pause, fate, away in drawn:
        now += pause
        for candidate in candidates:
            candidate.now = now
        server.fate, server.away = fate, away
        candidates[index].tick(0.0)
        leaders = [c for c in candidates if c.elector.leading and c.elector._left() > 0]

        assert len(leaders) <= 1


def test_errors_of_the_lock_never_end_the_election() -> None:
    """Each of them is one more attempt."""
    errors: list[ClusterError] = [UnavailableError(""), NotFoundError(""), ConflictError("")]

    class Broken(FakeLock):
        def read(self, deadline: Deadline) -> LeaseRecord | None:
            if errors:
                raise errors.pop()
            return super().read(deadline)

    one = Candidate(Broken(), "one")
    for _ in range(4):
        one.tick()

    assert one.flag.history == ["lead"]
