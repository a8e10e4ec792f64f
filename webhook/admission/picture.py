"""The cluster as it was a moment ago, kept warm for the reviews that come meanwhile.

Advice alone is made from it, no decision. It is read whole, by no review in particular: one that
comes first waits for it within its budget, and those behind find it ready. How long it serves
follows from what it cost to read, so that a large cluster is not read all the time.
"""

import copy
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from webhook import waiting
from webhook.deadline import Deadline
from webhook.engine_input import all_stored, pods
from webhook.errors import ClusterError, DeadlineError
from webhook.interfaces import Advisory
from webhook.netpol.world import World
from webhook.rationed import TRACEBACKS, RationedLog

logger = logging.getLogger(__name__)

Reading = Future[World | ClusterError]
"""A picture, or why there is none; done once the cluster was read, and then never failed."""

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
    """What was read last.

    Args:
        found: the cluster, or why there is none.
        at: when that was, in the clock's seconds.
        serves: seconds for which it is shown.
    """

    found: World | ClusterError
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
        self._reading: Reading | None = None
        # What is stored is read again and again, and may be what we stumble over.
        self._bugs = RationedLog(logger, TRACEBACKS)

    def latest(self, deadline: Deadline) -> World:
        """Return the cluster, compiled; as it was at most some seconds ago.

        Raises:
            DeadlineError: it is still being read.
            TooManyError: it has too many Pods.
            ClusterError: it could not be read.
        """
        found = self._shown()
        if isinstance(found, Future):
            if not found.done():
                waiting.begins()
            try:
                found = found.result(deadline.remaining())
            except TimeoutError as error:
                raise DeadlineError("the cluster is still being read") from error
        if isinstance(found, ClusterError):
            # Raised itself, it would gather the frames of every review that it is told.
            raise copy.copy(found)
        return found

    def _shown(self) -> World | ClusterError | Reading:
        with self._lock:
            taken = self._taken
            age = self._clock() - taken.at if taken else 0.0
            if taken and age < taken.serves:
                return taken.found
            if self._reading is None:
                self._reading = Future()
                threading.Thread(target=self._read, args=[self._reading], daemon=True).start()
            stale = taken is not None and age < taken.serves * STALE_FACTOR
            return taken.found if taken and stale else self._reading

    def _read(self, future: Reading) -> None:
        started = self._clock()
        found = self._found()
        future.set_result(found)
        now = self._clock()
        serves = max(FRESH_SECONDS, COST_FACTOR * (now - started))
        with self._lock:
            self._taken, self._reading = _Taken(found, now, serves), None

    def _found(self) -> World | ClusterError:
        """The cluster, or why not; the error's copy holds no frames, and what these hold."""
        try:
            return self._world(Deadline.after(READ_SECONDS))
        except ClusterError as error:
            return copy.copy(error)
        except Exception as error:  # noqa: BLE001 - told with its traceback
            self._bugs.tell("the cluster could not be read", {}, error)
            return ClusterError(f"the cluster could not be read: {error!r}")

    def _world(self, deadline: Deadline) -> World:
        found = self._cluster.pods(self._max_pods, deadline)
        labels = self._cluster.namespace_labels(deadline)
        policies = all_stored(self._cluster.recent_policies(None, deadline))
        return World.of(pods(found), policies, labels).warm()
