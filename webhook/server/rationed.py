"""Log lines that a client can cause, so many and no more: it must not fill the node's disk."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

LINES = 60
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

    def tell(self, message: str, extra: Mapping[str, Any]) -> None:
        """Write a warning, if there is room for it."""
        now = self._clock()
        if now >= self._until:
            if self._omitted:
                self._logger.warning("lines left out", extra={"lines": self._omitted})
            self._until, self._written, self._omitted = now + PERIOD_SECONDS, 0, 0
        if self._written < self._lines:
            self._written += 1
            self._logger.warning(message, extra=dict(extra))
        else:
            self._omitted += 1
