"""The cluster as it was a moment ago, kept warm for the reviews that come meanwhile.

Advice alone is made from it, no decision. It is read whole, by no review in particular: one that
comes first waits for it within its budget, and those behind find it ready. How long it serves
follows from what it cost to read, so that a large cluster is not read all the time.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from webhook.deadline import Deadline
from webhook.engine_input import all_stored, pods
from webhook.errors import DeadlineError
from webhook.interfaces import Advisory
from webhook.netpol.world import World

FRESH_SECONDS = 1.0
"""For which a picture serves at least."""

COST_FACTOR = 20
"""Times its own cost for which a picture serves: reading takes a twentieth of a thread at most."""

STALE_FACTOR = 2
"""Times its time for which a picture is shown while the next is read."""

READ_SECONDS = 20.0
"""For reading the cluster, whoever waits for it."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """A picture, or why there is none.

    Args:
        future: done once the cluster was read.
        at: when that was, in the clock's seconds.
        serves: seconds for which it is shown.
    """

    future: "Future[World]"
    at: float
    serves: float


class Pictures:
    """Keeps the latest picture; thread-safe.

    Args:
        cluster: is read in a thread of its own.
        max_pods: of a cluster that is read at all.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        cluster: Advisory,
        max_pods: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._max_pods = max_pods
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: _Taken | None = None
        self._reading: Future[World] | None = None

    def latest(self, deadline: Deadline) -> World:
        """Return the cluster, compiled; as it was at most some seconds ago.

        Raises:
            DeadlineError: it is still being read.
            TooManyError: it has too many Pods.
            ClusterError: it could not be read.
        """
        try:
            return self._shown().result(deadline.remaining())
        except TimeoutError as error:
            raise DeadlineError("the cluster is still being read") from error

    def _shown(self) -> "Future[World]":
        with self._lock:
            taken = self._taken
            age = self._clock() - taken.at if taken else 0.0
            if taken and age < taken.serves:
                return taken.future
            if self._reading is None:
                self._reading = Future()
                threading.Thread(target=self._read, args=[self._reading], daemon=True).start()
            stale = taken is not None and age < taken.serves * STALE_FACTOR
            return taken.future if taken and stale else self._reading

    def _read(self, future: "Future[World]") -> None:
        started = self._clock()
        try:
            future.set_result(self._world(Deadline.after(READ_SECONDS)))
        except Exception as error:  # noqa: BLE001 - told to those who wait, and again for a while
            future.set_exception(error)
        now = self._clock()
        serves = max(FRESH_SECONDS, COST_FACTOR * (now - started))
        with self._lock:
            self._taken, self._reading = _Taken(future, now, serves), None

    def _world(self, deadline: Deadline) -> World:
        found = self._cluster.pods(self._max_pods, deadline)
        labels = self._cluster.namespace_labels(deadline)
        policies = all_stored(self._cluster.recent_policies(None, deadline))
        return World.of(pods(found), policies, labels).warm()
