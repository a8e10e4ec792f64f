"""A request to stop that also reaches whoever blocks in a read."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


class Stop:
    """An event whose setting interrupts blocking calls.

    A thread that waits for a socket sees no event; it registers how to wake it for as long as it
    blocks::

        with stop.interrupting(response.shutdown):
            for line in response: ...
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._interrupts: list[Callable[[], None]] = []

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._event.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Sleep until told to stop, at most so long; True if to stop."""
        return self._event.wait(seconds)

    def set(self) -> None:
        """Tell everybody to stop; idempotent, and never raises."""
        with self._lock:
            self._event.set()
            interrupts, self._interrupts = self._interrupts, []
        for interrupt in interrupts:
            _call(interrupt)

    @contextmanager
    def interrupting(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Call `interrupt` should the stop come while the block runs; at once if it has come.

        Args:
            interrupt: called at most once, on the thread that stops.
        """
        with self._lock:
            late = self._event.is_set()
            if not late:
                self._interrupts.append(interrupt)
        if late:
            _call(interrupt)
        try:
            yield
        finally:
            with self._lock:
                if interrupt in self._interrupts:
                    self._interrupts.remove(interrupt)


def _call(interrupt: Callable[[], None]) -> None:
    """Keep one interrupt's failure from the others: what it would wake may be gone already."""
    try:
        interrupt()
    except Exception:
        logger.debug("an interrupted call had ended already", exc_info=True)
