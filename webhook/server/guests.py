"""Who is connected, how much of what is theirs we hold, and who goes first when it is too much."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator

from webhook.rationed import RationedLog
from webhook.server.connection import Connection, State
from webhook.server.limits import Limits

logger = logging.getLogger(__name__)


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
        self._log = RationedLog(logger, lines=4)

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
        limit = "server.maxConnectionsPerPeer" if crowded else "server.maxConnections"
        self._log.tell("too many connections", {"peer": peer, "limit": limit})
        candidates = (
            guest
            for guest in self._all
            if guest.state.waits_for_client and (not crowded or guest.peer == peer)
        )
        return min(candidates, key=lambda guest: (guest.proven, guest.since), default=None)

    def are_too_much(self) -> bool:
        """Whether more bytes are held than may be."""
        return self._bytes > self._limits.buffered_bytes

    def slowest_body(self) -> Connection | None:
        """The connection whose body has been arriving longest, if any does."""
        self._log.tell("too many large requests at once", {"bytes": self._bytes})
        arriving = (guest for guest in self._all if guest.state is State.RECEIVING)
        bodies = (guest for guest in arriving if guest.charged)
        return min(bodies, key=lambda guest: guest.since, default=None)

    def overdue(self, now: float, *, closing: bool) -> list[Connection]:
        """Those whose time is over; where the worker closes, also the idle."""
        return list(self._overdue(now, closing=closing))

    def _overdue(self, now: float, *, closing: bool) -> Iterator[Connection]:
        idle = (State.IDLE, State.GREETING) if closing else ()
        return (guest for guest in self._all if guest.until <= now or guest.state in idle)
