"""The work queue: by hand on a fake clock, against a model, and under threads."""

import threading
import time
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from webhook.backoff import Backoff
from webhook.controller.queue import WorkQueue

BACKOFF = Backoff(base=1.0, cap=8.0)


class Clock:
    """Seconds, set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Tell them."""
        return self.now


def queue() -> tuple[WorkQueue, Clock]:
    clock = Clock()
    return WorkQueue(clock, chance=lambda: 1.0), clock


def test_a_key_waits_once() -> None:
    """Adding a key that waits changes nothing; order is that of arrival."""
    work, _ = queue()
    for key in "abab":
        work.add(key)

    assert [work.get(0), work.get(0), work.get(0)] == ["a", "b", None]


def test_a_key_added_while_busy_is_handled_again() -> None:
    """Not by a second thread meanwhile, but afterwards."""
    work, _ = queue()
    work.add("a")
    assert work.get(0) == "a"
    work.add("a")
    assert work.get(0) is None
    work.done("a")

    assert work.get(0) == "a"


def test_failures_back_off_and_success_forgets_them() -> None:
    """1, 2, 4, 8, 8 … seconds; 1 again after a success."""
    work, _ = queue()
    pauses = [work.retry("a", BACKOFF) for _ in range(5)]
    work.succeeded("a")

    assert pauses == [1.0, 2.0, 4.0, 8.0, 8.0]
    assert work.retry("a", BACKOFF) == 1.0


def test_a_delayed_key_comes_when_it_is_due() -> None:
    """Not before."""
    work, clock = queue()
    work.retry("a", BACKOFF)
    clock.now = 0.99
    assert work.get(0) is None
    clock.now = 1.0

    assert work.get(0) == "a"


def test_a_change_overtakes_the_back_off() -> None:
    """A key that is added does not wait for its pause, and does not come a second time for it."""
    work, clock = queue()
    work.retry("a", BACKOFF)
    work.add("a")
    assert work.get(0) == "a"
    work.done("a")
    clock.now = 100.0

    assert work.get(0) is None


def test_a_dropped_key_does_not_come() -> None:
    """Whether it is ready, delayed, or to be handled again; and its failures are forgotten."""
    work, clock = queue()
    work.add("ready")
    work.retry("delayed", BACKOFF)
    work.add("busy")
    work.drop("ready")
    work.drop("delayed")
    assert work.get(0) == "busy"
    work.add("busy")
    work.drop("busy")
    work.done("busy")
    clock.now = 100.0

    assert work.get(0) is None
    assert len(work) == 0
    assert work.retry("delayed", BACKOFF) == 1.0


def test_get_wakes_for_a_key_that_comes_or_is_due() -> None:
    """A waiting thread takes what another adds, and what falls due, without polling."""
    work = WorkQueue(chance=lambda: 1.0)
    threading.Timer(0.05, work.add, ["a"]).start()
    began = time.monotonic()
    assert work.get(5) == "a"
    work.retry("b", Backoff(0.05, 1))
    assert work.get(5) == "b"

    assert time.monotonic() - began < 4.0  # each would wait for five


class QueueMachine(RuleBasedStateMachine):
    """The queue against the plainest model of it."""

    keys = st.sampled_from("abc")

    def __init__(self) -> None:
        super().__init__()
        self.work, self.clock = queue()
        self.wanted: dict[str, float] = {}  # key → when it is due
        self.busy: set[str] = set()

    @rule(key=keys)
    def add(self, key: str) -> None:
        """Due now."""
        self.work.add(key)
        self.wanted[key] = self.clock.now

    @rule(key=keys)
    def retry(self, key: str) -> None:
        """Due after the pause, or earlier."""
        due = self.clock.now + self.work.retry(key, BACKOFF)
        self.wanted[key] = min(due, self.wanted.get(key, due))

    @rule(key=keys)
    def drop(self, key: str) -> None:
        """Not due at all."""
        self.work.drop(key)
        self.wanted.pop(key, None)

    @rule(seconds=st.floats(0, 10))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.now += seconds

    @rule()
    def get(self) -> None:
        """One of those that are due and not busy, or None if there is none."""
        due = {k for k, at in self.wanted.items() if at <= self.clock.now and k not in self.busy}
        key = self.work.get(0)

        assert key in due if due else key is None
        if key is not None:
            del self.wanted[key]
            self.busy.add(key)

    @rule(key=keys)
    def done(self, key: str) -> None:
        """Busy no more."""
        if key in self.busy:
            self.busy.remove(key)
            self.work.done(key)

    @invariant()
    def counts(self) -> None:
        """The depth is the number of keys that wait."""
        assert len(self.work) == len(self.wanted)


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


def test_no_key_is_handled_by_two_threads_and_none_is_lost() -> None:
    """Eight workers, keys added all the while: each key's last addition is seen by a handling."""
    work = WorkQueue()
    busy: Counter[str] = Counter()
    added: Counter[str] = Counter()
    handled: dict[str, int] = {}
    twice: list[str] = []
    lock = threading.Lock()
    ending = threading.Event()

    def worker() -> None:
        while not ending.is_set():
            key = work.get(0.05)
            if key is None:
                continue
            with lock:
                busy[key] += 1
                if busy[key] > 1:
                    twice.append(key)
                handled[key] = added[key]
            time.sleep(0.0002)
            with lock:
                busy[key] -= 1
            work.done(key)

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for n in range(3000):
        key = str(n % 17)
        with lock:
            added[key] += 1
        work.add(key)
    end = time.monotonic() + 10
    while len(work) and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.05)
    ending.set()
    for thread in threads:
        thread.join()

    assert twice == []
    assert handled == dict(added)


def test_the_age_of_a_key_is_since_it_first_waited() -> None:
    """Failed attempts do not make it younger; success, or being dropped, ends its wait."""
    now = 0.0
    queue = WorkQueue(lambda: now, chance=lambda: 1.0)
    ages = [queue.oldest()]
    queue.add("a")
    now = 5.0
    assert queue.get(0) == "a"
    queue.retry("a", Backoff(60, 60))
    queue.done("a")
    now = 8.0
    ages.append(queue.oldest())
    queue.add("b")
    queue.drop("a")
    now = 9.0
    ages.append(queue.oldest())
    assert queue.get(0) == "b"
    queue.succeeded("b")
    queue.done("b")
    ages.append(queue.oldest())

    assert ages == [0.0, 8.0, 1.0, 0.0]


def test_a_key_that_is_needed_again_while_it_is_handled_is_young() -> None:
    """Its first need was met; what came meanwhile is a new one."""
    now = 0.0
    queue = WorkQueue(lambda: now)
    queue.add("a")
    assert queue.get(0) == "a"
    now = 100.0
    queue.add("a")
    queue.succeeded("a")
    queue.done("a")
    now = 101.0

    assert queue.oldest() == 1.0
