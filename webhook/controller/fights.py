"""Notices when somebody undoes what we put right, again and again."""

from collections import OrderedDict, deque
from collections.abc import Callable

LIMIT = 10
"""Repairs of one namespace within the window that are taken for chance."""
WINDOW = 60.0
REMEMBERED = 1000
"""Namespaces, the latest repaired ones."""


class Fights:
    """Counts repairs.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._repairs: OrderedDict[str, deque[float]] = OrderedDict()

    def note(self, name: str) -> None:
        """A namespace was repaired."""
        times = self._repairs.pop(name, deque(maxlen=LIMIT))
        times.append(self._clock())
        self._repairs[name] = times
        if len(self._repairs) > REMEMBERED:
            self._repairs.popitem(last=False)

    def on(self, name: str) -> bool:
        """Whether it was repaired so often lately that the next time can wait."""
        times = self._repairs.get(name)
        if times is None or len(times) < LIMIT:
            return False
        return self._clock() - times[0] < WINDOW
