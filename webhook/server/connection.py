"""One client's connection: what it is doing, and until when it may.

::

    GREETING   the TLS handshake             ┐
    IDLE       between requests              │ the client is waited for, and only so long
    RECEIVING  amid a request                ┘
    WAITING    its request is queued, or being decided
    SENDING    amid an answer                ┐ the client is waited for
    LEAVING    after ``Connection: close``   ┘

Only the thread that leads (`webhook.server.crew`) touches connections.
"""

from enum import Enum
from math import inf

from webhook.server.channel import Channel
from webhook.server.http1 import CONTINUE, HttpError, Request, RequestParser
from webhook.server.limits import Limits


class State(Enum):
    """What a connection is doing.

    Attributes:
        listens: what the client sends is read now.
        reads: the selector is to tell when the client sends something.
        waits_for_client: it is the client's turn.
    """

    GREETING = ("greeting", True, True, True)
    IDLE = ("idle", True, True, True)
    RECEIVING = ("receiving", True, True, True)
    WAITING = ("waiting", False, False, False)
    SENDING = ("sending", False, False, True)
    LEAVING = ("leaving", False, True, True)
    CLOSED = ("closed", False, False, False)

    def __init__(self, _name: str, listens: bool, reads: bool, waits_for_client: bool) -> None:  # noqa: FBT001 - the columns of the table above
        self.listens = listens
        self.reads = reads
        self.waits_for_client = waits_for_client


class Connection:
    """The state of one connection.

    Args:
        channel: to the client.
        peer: whom it counts for (`webhook.server.peers`).
        limits: of time and size.
        now: seconds on the monotonic clock, as everywhere here.

    Attributes:
        until: when the client has kept us waiting for too long.
        since: when its present state's business began.
        proven: a review of its was answered with 200.
        watched: what the selector watches it for (`webhook.server.reactor`).
        charged: bytes of requests that are held for it (`webhook.server.guests`).
    """

    def __init__(self, channel: Channel, peer: str, limits: Limits, now: float) -> None:
        self.channel = channel
        self.peer = peer
        self.parser = RequestParser(limits)
        self.state = State.GREETING
        self.since = now
        self.until = now + limits.handshake_seconds
        self.proven = False
        self.watched = 0
        self.charged = 0
        self._limits = limits
        self._keeps = False

    @property
    def holds_more(self) -> bool:
        """Something is left of what has been received."""
        parser = self.parser
        return bool(parser.requests) or parser.error is not None or self.channel.holds_more

    def receive(self, now: float) -> Request | HttpError | None:
        """Take what the client sent; the next request if it is whole, or what is wrong with it.

        Raises:
            GoneError: the connection is of no use any more.
        """
        if not self.channel.receive():
            return None
        return self.advance(now)

    def advance(self, now: float) -> Request | HttpError | None:
        """Look for the next request in what has been received.

        Raises:
            GoneError: as `receive`.
        """
        if self.state is State.GREETING:
            if not self.channel.greet():
                return None
            self._idle(now)
        parser, channel = self.parser, self.channel
        while channel.holds_more and not parser.requests and parser.error is None:
            data = channel.read()
            if not data:
                break
            parser.feed(data)
        return self._next(now)

    def _next(self, now: float) -> Request | HttpError | None:
        parser = self.parser
        if parser.requests:
            request = parser.requests.popleft()
            self._wait(now, keeps=request.keep_alive)
            return request
        if parser.error is not None:
            self._wait(now, keeps=False)
            return parser.error
        if parser.amid_request:
            self._received_some(now)
        return None

    def _received_some(self, now: float) -> None:
        if self.state is not State.RECEIVING:
            self.state, self.since = State.RECEIVING, now
        if self.parser.continues:
            self.parser.continues = False
            self.channel.send(CONTINUE)
        limits = self._limits
        whole = limits.head_seconds if self.parser.amid_head else limits.request_seconds
        self.until = min(now + limits.silence_seconds, self.since + whole)

    def _wait(self, now: float, *, keeps: bool) -> None:
        self.state, self.since, self.until, self._keeps = State.WAITING, now, inf, keeps

    def _idle(self, now: float) -> None:
        self.state, self.since = State.IDLE, now
        self.until = now + self._limits.idle_seconds

    def keeps_alive(self) -> bool:
        """Whether the client may send another request after the present one."""
        return self._keeps and not self.channel.ended

    def answer(self, data: bytes, now: float, *, keep_alive: bool) -> None:
        """Send an answer.

        Raises:
            GoneError: as `receive`.
        """
        self._keeps = keep_alive
        self.channel.send(data)
        self.state, self.since = State.SENDING, now
        self.until = now + self._limits.silence_seconds
        self._sent(now)

    def send_on(self, now: float) -> None:
        """The client takes more of its answer.

        Raises:
            GoneError: as `receive`.
        """
        if self.channel.send_on() and self.state is State.SENDING:
            self.until = min(
                now + self._limits.silence_seconds, self.since + self._limits.request_seconds
            )
        self._sent(now)

    def _sent(self, now: float) -> None:
        """Go on once nothing is left to send."""
        if self.channel.unsent or self.state is not State.SENDING:
            return
        if self._keeps:
            self._idle(now)
        else:
            self.leave(now)

    def leave(self, now: float) -> None:
        """Tell the client that nothing more comes, and wait a little for it to close.

        Raises:
            GoneError: as `receive`.
        """
        self.channel.finish()
        self.state, self.since = State.LEAVING, now
        self.until = now + self._limits.farewell_seconds
