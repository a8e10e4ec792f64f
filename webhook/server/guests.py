"""Who is connected, how much of what is theirs we hold, and who goes first when it is too much."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator

from webhook.server.connection import Connection, State
from webhook.server.limits import Limits

logger = logging.getLogger(__name__)

COMPLAINT_SECONDS = 60.0
"""Between two lines of the log on the same matter: a hostile client must not fill it."""


class Guests:
    """The open connections.

    Where there is no room, the one that has kept us waiting longest goes, and one that was never
    sent a review's answer goes before one that was: the API server's stay.

    Args:
        limits: of this process.
        report: is told the number of connections when it changes.
    """

    def __init__(self, limits: Limits, report: Callable[[int], None]) -> None:
        self._limits, self._report = limits, report
        self._all: set[Connection] = set()
        self._peers: Counter[str] = Counter()
        self._bytes = 0
        self._complained: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._all)

    def add(self, connection: Connection) -> None:
        """One more."""
        self._all.add(connection)
        self._peers[connection.peer] += 1
        self._report(len(self._all))

    def remove(self, connection: Connection) -> None:
        """One less, with all that we hold of it."""
        self.charge(connection, 0)
        self._all.remove(connection)
        self._peers[connection.peer] -= 1
        if not self._peers[connection.peer]:
            del self._peers[connection.peer]
        self._report(len(self._all))

    def charge(self, connection: Connection, size: int) -> None:
        """Note how many bytes of requests we hold for a connection."""
        if size != connection.charged:
            self._bytes += size - connection.charged
            connection.charged = size

    def has_room(self, peer: str) -> bool:
        """Whether a connection from an address fits in."""
        limits = self._limits
        return (
            len(self._all) < limits.connections and self._peers[peer] < limits.connections_per_peer
        )

    def least_useful(self, peer: str) -> Connection | None:
        """The connection that makes room for one from an address, if any may."""
        crowded = self._peers[peer] >= self._limits.connections_per_peer
        self._complain(
            f"too many connections from {peer}" if crowded else "too many connections",
            "the least useful are closed (server.maxConnections, server.maxConnectionsPerPeer)",
        )
        candidates = (
            guest
            for guest in self._all
            if guest.state.waits_for_client and (not crowded or guest.peer == peer)
        )
        return min(candidates, key=lambda guest: (guest.proven, guest.since), default=None)

    def are_too_much(self) -> bool:
        """Whether more bytes are held than may be."""
        return self._bytes > self._limits.buffered_bytes

    def slowest_body(self) -> Connection:
        """The connection whose body has been arriving longest.

        Raises:
            ValueError: none arrives.
        """
        self._complain("too many large requests at once", "the slowest are answered 503")
        arriving = (guest for guest in self._all if guest.state is State.RECEIVING)
        return min((guest for guest in arriving if guest.charged), key=lambda guest: guest.since)

    def overdue(self, now: float, *, closing: bool) -> list[Connection]:
        """Those whose time is over; where the worker closes, also the idle."""
        return list(self._overdue(now, closing=closing))

    def _overdue(self, now: float, *, closing: bool) -> Iterator[Connection]:
        idle = (State.IDLE, State.GREETING) if closing else ()
        return (guest for guest in self._all if guest.until <= now or guest.state in idle)

    def _complain(self, what: str, then: str) -> None:
        now = time.monotonic()
        if now >= self._complained.get(what, 0.0):
            if len(self._complained) >= self._limits.connections:
                self._complained.clear()
            self._complained[what] = now + COMPLAINT_SECONDS
            logger.warning("%s: %s", what, then)
