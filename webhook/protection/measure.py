"""How much of a line is covered by intervals that come and go (Klee's measure problem).

A segment tree: adding or taking away an interval costs the logarithm of their number, so that the
union of many rectangles, addresses by ports, is measured in one sweep (J. L. Bentley, 1977).
"""

from collections.abc import Iterable

from webhook.netpol.intervals import Interval


class Covered:
    """Counts the integers that at least one of the present intervals holds.

    Args:
        intervals: all that will ever be added.
    """

    def __init__(self, intervals: Iterable[Interval]) -> None:
        edges = sorted({edge for low, high in intervals for edge in (low, high + 1)})
        self._edges = edges
        self._index = {edge: at for at, edge in enumerate(edges)}
        self._leaves = max(1, len(edges) - 1)
        self._present = [0] * (4 * self._leaves)
        self._covered = [0] * (4 * self._leaves)

    @property
    def size(self) -> int:
        """How many are covered now."""
        return self._covered[1]

    def add(self, interval: Interval, times: int = 1) -> None:
        """Add an interval; -1 times takes it away again."""
        low, high = interval
        self._add(1, 0, self._leaves, self._index[low], self._index[high + 1], times)

    def _add(self, node: int, low: int, high: int, start: int, stop: int, times: int) -> None:
        if start <= low and high <= stop:
            self._present[node] += times
        else:
            middle = (low + high) // 2
            if start < middle:
                self._add(2 * node, low, middle, start, stop, times)
            if stop > middle:
                self._add(2 * node + 1, middle, high, start, stop, times)
        if self._present[node]:
            self._covered[node] = self._edges[high] - self._edges[low]
        elif high - low == 1:
            self._covered[node] = 0
        else:
            self._covered[node] = self._covered[2 * node] + self._covered[2 * node + 1]
