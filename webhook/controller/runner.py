"""The controller's process: stands for election and, while it leads, runs its tasks.

A lost lease ends the tasks, and the process stands for election again. Restarting instead, as
controller-runtime does, would turn each longer absence of the API server into crash-loop back-off
of up to five minutes, in which new namespaces wait; and nothing is at stake that would need it: all
writes are idempotent and bound to a uid or a resourceVersion. Only if a task does not end within
its grace, or fails in a way that it should not, is the process given up (exit code 1).
"""

import logging
import queue
import random
import signal
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType, MappingProxyType
from typing import TypeVar

from webhook.backoff import Backoff
from webhook.controller.elector import Elector
from webhook.controller.metrics import ControllerMetrics
from webhook.errors import ClusterError
from webhook.stop import Stop

Result = TypeVar("Result")
Task = Callable[[Stop], None]
"""Runs until told to stop, then returns within seconds; waits out an API server that is away."""

GRACE_SECONDS = 15.0
"""For the tasks to end: longer than their longest request."""
EXIT_SECONDS = 5.0
"""Beside that, for the lease to be given back."""
STALE_SECONDS = 60.0
"""An election that has not moved for so long will not do so by itself."""
BACKOFF = Backoff(base=0.5, cap=15.0)

logger = logging.getLogger(__name__)


class Runner:
    """Runs tasks while this replica leads.

    Args:
        elector: decides when.
        tasks: by name; each gets a thread of its own, several may share an object.
        metrics: shows who leads.
        always: tasks that run whether or not this replica leads.
        grace: seconds for the tasks to end.
        clock: monotonic seconds, the elector's own.
    """

    def __init__(
        self,
        elector: Elector,
        tasks: Mapping[str, Task],
        metrics: ControllerMetrics,
        *,
        always: Mapping[str, Task] = MappingProxyType({}),
        grace: float = GRACE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._elector = elector
        self._tasks = tasks
        self._metrics = metrics
        self._always = always
        self._grace = grace
        self._clock = clock
        self._stop = Stop()
        self._term = Stop()
        self._threads: list[threading.Thread] = []
        self._failed = False

    def run(self, stop: Stop) -> int:
        """Run until told to stop, or until nothing but a restart helps.

        Returns:
            The process's exit code.
        """
        self._stop = stop
        always = self._started(self._always, stop)
        self._elector.run(stop, self)
        self._await(always)
        return 1 if self._failed else 0

    def ailment(self) -> str | None:
        """What is wrong with the process, for /healthz."""
        age = self._clock() - self._elector.ticked
        return f"the election has not moved for {age:.0f} s" if age > STALE_SECONDS else None

    def lead(self) -> None:
        """Start the tasks."""
        self._metrics.lead(leads=True)
        self._term = Stop()
        self._threads = self._started(self._tasks, self._term)

    def step_down(self) -> None:
        """End the tasks."""
        self._metrics.lead(leads=False)
        self._term.set()
        self._await(self._threads)

    def _started(self, tasks: Mapping[str, Task], term: Stop) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=self._guarded, args=(name, task, term), name=name, daemon=True)
            for name, task in tasks.items()
        ]
        for thread in threads:
            thread.start()
        return threads

    def _await(self, threads: list[threading.Thread]) -> None:
        """Wait for tasks that were told to stop; those that do not are a reason to restart."""
        end = self._clock() + self._grace
        for thread in threads:
            thread.join(max(0.0, end - self._clock()))
        left = [thread.name for thread in threads if thread.is_alive()]
        if left:
            self._give_up(f"tasks did not end in {self._grace:g} s: {', '.join(left)}")

    def _guarded(self, name: str, task: Task, term: Stop) -> None:
        """Run a task; its early end means that the work is not done any more."""
        try:
            task(term)
        except Exception:
            logger.exception("a task failed", extra={"task": name})
        if not term.is_set():
            self._give_up(f"task {name} ended by itself")

    def _give_up(self, why: str) -> None:
        logger.error("giving up, to be restarted", extra={"cause": why})
        self._failed = True
        self._stop.set()


def patiently(
    call: Callable[[], Result],
    stop: Stop,
    what: str,
    chance: Callable[[], float] = random.random,
) -> Result | None:
    """Repeat a call until the API server answers it; None if told to stop.

    Args:
        call: may raise ClusterError.
        stop: ends the waiting.
        what: is waited for, for the log.
        chance: draws from 0 to 1.
    """
    failures = 0
    while not stop.is_set():
        try:
            return call()
        except ClusterError as error:
            failures += 1
            pause = BACKOFF.pause(failures, chance())
            fields = {"what": what, "error": str(error), "retry_seconds": round(pause, 1)}
            logger.warning("waiting for the API server", extra=fields)
            stop.wait(pause)
    return None


def run_until_signal(body: Callable[[Stop], int]) -> int:
    """Run a process's body until SIGTERM or SIGINT; on the main thread only.

    The handler only notes the signal, in a queue that is made for it: an Event set in a handler can
    deadlock with the thread that it interrupts.

    Returns:
        What the body returned, 1 if it raised.
    """
    told: queue.SimpleQueue[int] = queue.SimpleQueue()
    stop = Stop()
    codes: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        told.put(number)

    def run() -> None:
        try:
            codes.append(body(stop))
        except Exception:
            logger.exception("the process failed")
        finally:
            told.put(0)

    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, note)
    thread = threading.Thread(target=run, name="main", daemon=True)
    thread.start()
    number = told.get()
    if number:
        logger.info("stopping", extra={"signal": signal.Signals(number).name})
        stop.set()
    thread.join(GRACE_SECONDS + EXIT_SECONDS)
    return codes[0] if codes else 1
