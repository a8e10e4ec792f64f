"""Requests that wait for their turn, by the address (of IPv6 the subnet) that they came from.

First come, first served would let one client with many connections fill the queue: the API
server's reviews would wait behind all of its own, or be sent away. So addresses take turns, and
where there is no room the newest request of the longest line goes.
"""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Lines of items, served in turn.

    Args:
        line: tells which line an item belongs to.
    """

    def __init__(self, line: Callable[[Item], Hashable]) -> None:
        self._line = line
        self._lines: dict[Hashable, deque[Item]] = {}
        self._turns: deque[Hashable] = deque()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def push(self, item: Item) -> None:
        """Put an item at the end of its line."""
        key = self._line(item)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = deque()
            self._turns.append(key)
        line.append(item)
        self._length += 1

    def pop(self) -> Item:
        """Take the first item of the line whose turn it is.

        Raises:
            IndexError: there is none.
        """
        key = self._turns.popleft()
        line = self._lines[key]
        item = line.popleft()
        self._length -= 1
        if line:
            self._turns.append(key)
        else:
            del self._lines[key]
        return item

    def displace(self, newcomer: Item) -> Item:
        """Let a newcomer in where there is no room; what goes may be itself."""
        mine = self._lines.get(self._line(newcomer), ())
        longest = max(self._lines.values(), key=len, default=None)
        if longest is None or len(longest) <= len(mine) + 1:
            return newcomer
        displaced = longest.pop()
        self._length -= 1
        self.push(newcomer)
        return displaced

    def remove(self, gone: Callable[[Item], bool]) -> None:
        """Take out the items of which something holds."""
        waiting = [self.pop() for _ in range(self._length)]
        for item in waiting:
            if not gone(item):
                self.push(item)
