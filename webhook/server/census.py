"""How many connections each worker process has, in memory that they share.

Workers share one listening socket, and whoever wakes first accepts. Without looking at the others
one worker of two may end up with all of the API server's few connections, and a core stands idle.
"""

from contextlib import suppress
from multiprocessing.sharedctypes import RawArray

NOBODY = -1


class Census:
    """One number for each worker; each writes its own, all read.

    Args:
        size: more than workers ever live at once; an arbiter starts the next ones before the
            former are gone.
    """

    def __init__(self, size: int = 160) -> None:
        self._counts = RawArray("i", [NOBODY] * size)

    def enter(self) -> int:
        """Find a free place, for a worker that is about to be forked.

        Raises:
            StopIteration: there is none.
        """
        place = next(number for number, count in enumerate(self._counts) if count == NOBODY)
        self._counts[place] = 0
        return place

    def leave(self, place: int) -> None:
        """Free the place of a worker that accepts no more; nothing if it is free already."""
        with suppress(IndexError):
            self._counts[place] = NOBODY

    def report(self, place: int, count: int) -> None:
        """Tell how many connections a worker has; nothing once it has left."""
        if self._counts[place] != NOBODY:
            self._counts[place] = count

    def count(self, place: int) -> int:
        """How many connections a worker has."""
        count: int = self._counts[place]
        return count

    def has_more_than_others(self, place: int) -> bool:
        """Whether another worker should accept before this one.

        Exact where connections are few and each may carry half of the load; a flood is let in
        faster than it could be counted out.
        """
        mine = self._counts[place]
        return any(NOBODY < count < mine - mine // 8 for count in self._counts)
