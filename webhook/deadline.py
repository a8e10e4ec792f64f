"""The time a request has left, as the API server told with ``?timeout=``."""

import re
import time
from collections.abc import Callable

import msgspec

from webhook.errors import DeadlineError

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_TERM = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)")


class Deadline(msgspec.Struct, frozen=True):
    """A point on the monotonic clock.

    Args:
        at: seconds on the clock's scale.
        clock: tells the present; a test passes its own.
    """

    at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        """The deadline that many seconds from now."""
        return cls(clock() + seconds, clock)

    def within(self, seconds: float, reserve: float = 0.5) -> "Deadline":
        """A deadline for a part of the work: so many seconds, and the reserve is left behind it."""
        return Deadline.after(max(0.0, min(seconds, self.remaining() - reserve)), self.clock)

    def check(self) -> None:
        """Raise DeadlineError once nothing is left."""
        if self.clock() >= self.at:
            raise DeadlineError("no time is left")

    def remaining(self) -> float:
        """Seconds left; never negative."""
        return max(0.0, self.at - self.clock())


def parse_timeout(text: str) -> float | None:
    """Read a Go duration such as ``5s`` or ``1m30s``; None where it is none.

    Source: the API server appends ``?timeout=`` as ``time.Duration.String()``
    (k8s.io/apiserver/pkg/admission/plugin/webhook).
    """
    total, end = 0.0, 0
    for term in _TERM.finditer(text):
        if term.start() != end:
            return None
        total += float(term[1]) * _UNITS[term[2]]
        end = term.end()
    return total if end and end == len(text) else None
