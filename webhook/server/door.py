"""Accepting connections, evenly over the workers."""

import errno
import logging
import selectors
import socket
from collections.abc import Callable, Iterable
from math import inf

from webhook.server.census import Census
from webhook.server.peers import peer_of

logger = logging.getLogger(__name__)

COURTESY_SECONDS = 0.005
"""How long a worker leaves a new connection to one that has fewer."""
EXHAUSTED_SECONDS = 0.5
"""Until the next attempt where the system had no descriptor or memory to give."""
ACCEPTED_AT_ONCE = 16

_PASSING = {errno.EAGAIN, errno.ECONNABORTED, errno.EINTR, errno.EPROTO}
"""Another worker was faster, or the client has gone (accept(2))."""

Admit = Callable[[socket.socket, str, float], None]


class Door:
    """The listening sockets, as one of several workers sees them.

    Args:
        listeners: shared with the other workers.
        selector: that tells when somebody knocks.
        census: of all workers' connections.
        place: of this worker in the census.
        admit: takes a socket, its peer (`webhook.server.peers`) and the time.
    """

    def __init__(
        self,
        listeners: Iterable[socket.socket],
        selector: selectors.BaseSelector,
        census: Census,
        place: int,
        admit: Admit,
    ) -> None:
        self._listeners, self._selector = list(listeners), selector
        self._census, self._place, self._admit = census, place, admit
        self._open, self._patient_until = False, -inf
        self.opens_at = inf
        """When a door that is shut for a while opens."""

    def open(self) -> None:
        """Begin to accept, or go on."""
        self.opens_at = inf
        if not self._open:
            self._open = True
            for listener in self._listeners:
                listener.settimeout(0.0)
                knock = self._knocker(listener)
                self._selector.register(listener, selectors.EVENT_READ, knock)

    def shut(self, until: float = inf) -> None:
        """Leave those who knock to the other workers, for a while or for good."""
        self.opens_at = until
        if self._open:
            self._open = False
            for listener in self._listeners:
                self._selector.unregister(listener)

    def close(self) -> None:
        """Give up the sockets."""
        self.shut()
        self._census.leave(self._place)
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    def _knocker(self, listener: socket.socket) -> Callable[[int, float], None]:
        return lambda _mask, now: self._knocked(listener, now)

    def _knocked(self, listener: socket.socket, now: float) -> None:
        """Accept some of those who wait, unless another worker should."""
        mine = self._census.count(self._place)
        most = ACCEPTED_AT_ONCE
        if self._census.has_more_than_others(self._place):
            if now >= self._patient_until:
                self.shut(now + COURTESY_SECONDS)
                self._patient_until = now + 2 * COURTESY_SECONDS
                return
            # Nobody else came: they are busy.
            most = 1 + mine // 4
        for _ in range(most):
            if not self._accept(listener, now) or self._census.has_more_than_others(self._place):
                return

    def _accept(self, listener: socket.socket, now: float) -> bool:
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno not in _PASSING:
                logger.warning("accept: %s", error.strerror)
                self.shut(now + EXHAUSTED_SECONDS)
            return False
        self._admit(accepted, peer_of(address[0]), now)
        return True
