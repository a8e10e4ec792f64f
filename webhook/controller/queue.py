"""A queue of keys: each waits once, is handled by one thread at a time, and backs off on failure.

The semantics are client-go's rate limiting workqueue (k8s.io/client-go/util/workqueue): a key that
is added while it is handled is handled again afterwards, so no change is lost.
"""

import heapq
import random
import threading
import time
from collections import deque
from collections.abc import Callable

from webhook.backoff import Backoff


class WorkQueue:
    """Thread-safe.

    Args:
        clock: monotonic seconds.
        chance: draws from 0 to 1, for the pauses.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._changed = threading.Condition()
        self._ready: deque[str] = deque()
        self._dirty: set[str] = set()  # ready, or added while busy
        self._busy: set[str] = set()
        self._due: dict[str, float] = {}
        self._delayed: list[tuple[float, str]] = []  # a heap; entries that `_due` disowns are void
        self._failures: dict[str, int] = {}
        self._since: dict[str, float] = {}  # since when a key has waited without success

    def __len__(self) -> int:
        """Keys that wait: ready, delayed, or to be handled again."""
        with self._changed:
            return len(self._dirty | self._due.keys())

    def oldest(self) -> float:
        """Seconds that the key that waits longest has waited, failed attempts included."""
        with self._changed:
            return self._clock() - min(self._since.values()) if self._since else 0.0

    def waits(self, key: str) -> bool:
        """Whether a key waits."""
        with self._changed:
            return key in self._dirty or key in self._due

    def add(self, key: str) -> None:
        """Have a key handled as soon as possible."""
        with self._changed:
            self._due.pop(key, None)
            self._since.setdefault(key, self._clock())
            self._make_ready(key)

    def retry(self, key: str, backoff: Backoff) -> float:
        """Have a key that failed handled again after its back-off.

        Returns:
            The pause in seconds; a key that was added meanwhile does not wait so long.
        """
        with self._changed:
            failures = self._failures.get(key, 0) + 1
            self._failures[key] = failures
            self._since.setdefault(key, self._clock())
            pause = backoff.pause(failures, self._chance())
            if key not in self._dirty:
                due = self._clock() + pause
                self._due[key] = min(due, self._due.get(key, due))
                heapq.heappush(self._delayed, (self._due[key], key))
                self._changed.notify()
            return pause

    def drop(self, key: str) -> None:
        """Forget that a key waits, and that it failed: nothing is to be done about it."""
        with self._changed:
            self._failures.pop(key, None)
            self._due.pop(key, None)
            self._since.pop(key, None)
            if key in self._dirty:
                self._dirty.discard(key)
                if key in self._ready:
                    self._ready.remove(key)

    def succeeded(self, key: str) -> None:
        """Forget a key's failures."""
        with self._changed:
            self._failures.pop(key, None)
            if key in self._since:
                self._since[key] = self._clock()

    def get(self, timeout: float) -> str | None:
        """Take the next key; it is busy until `done`.

        Args:
            timeout: seconds to wait for one.

        Returns:
            None where none became ready in time.
        """
        end = self._clock() + timeout
        with self._changed:
            while True:
                now = self._clock()
                self._promote(now)
                if self._ready:
                    key = self._ready.popleft()
                    self._dirty.discard(key)
                    self._busy.add(key)
                    return key
                if now >= end:
                    return None
                self._changed.wait(min(end, self._next_due(end)) - now)

    def done(self, key: str) -> None:
        """A key is not busy any more; if it was added meanwhile, it is ready now."""
        with self._changed:
            self._busy.discard(key)
            if key in self._dirty:
                self._ready.append(key)
                self._changed.notify()
            elif key not in self._due:
                self._since.pop(key, None)

    def _make_ready(self, key: str) -> None:
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._busy:
            self._ready.append(key)
            self._changed.notify()

    def _promote(self, now: float) -> None:
        """Move the keys whose pause is over to the ready ones."""
        while self._delayed and self._delayed[0][0] <= now:
            due, key = heapq.heappop(self._delayed)
            if self._due.get(key) == due:
                del self._due[key]
                self._make_ready(key)

    def _next_due(self, otherwise: float) -> float:
        return self._delayed[0][0] if self._delayed else otherwise
