"""Log lines that a client can cause, so many and no more: it must not fill the node's disk."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

LINES = 60
TRACEBACKS = 4
"""Lines with a traceback, each of which may have 16 KiB."""
PERIOD_SECONDS = 60.0


class RationedLog:
    """Writes warnings, at most so many in a period; what was left out is counted.

    Args:
        logger: writes them.
        lines: in a period.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        logger: logging.Logger,
        lines: int = LINES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger, self._lines, self._clock = logger, lines, clock
        self._until = -1.0
        self._written = self._omitted = 0

    def tell(self, message: str, extra: Mapping[str, Any], error: Exception | None = None) -> None:
        """Write a warning, if there is room for it; of a bug an error, with its traceback."""
        now = self._clock()
        if now >= self._until:
            if self._omitted:
                self._logger.warning("lines left out", extra={"lines": self._omitted})
            self._until, self._written, self._omitted = now + PERIOD_SECONDS, 0, 0
        if self._written < self._lines:
            self._written += 1
            level = logging.WARNING if error is None else logging.ERROR
            self._logger.log(level, message, extra=dict(extra), exc_info=error)
        else:
            self._omitted += 1
