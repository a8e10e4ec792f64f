"""All connections of a worker process: who is read from, who waits, who must go.

No client can make a thread wait: sockets never block, and whoever is slow is waited for by the
selector alone, until its time is over (`webhook.server.limits`).
"""

import logging
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Protocol

from webhook.deadline import Deadline
from webhook.rationed import TRACEBACKS, RationedLog
from webhook.server.census import Census
from webhook.server.channel import Channel, GoneError
from webhook.server.connection import Connection, State
from webhook.server.door import Door
from webhook.server.endpoint import AskCertificate
from webhook.server.guests import Guests
from webhook.server.http1 import Answer, HttpError, Request, encode, failure
from webhook.server.limits import Limits
from webhook.server.queueing import FairQueue
from webhook.server.tls import NoCertificateError

logger = logging.getLogger(__name__)

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
SWEEP_SECONDS = 0.5
"""How often it is looked for what has waited too long."""
POLL_SECONDS = 0.001
"""How long requests are served without a look at the sockets, and their answers wait for each
other; one more request may begin at its end. One that waits for somebody tells so
(`webhook.waiting`), the lead passes on, and what is there is sent."""
LINGER_SECONDS = 2.0
"""How long a worker that stops keeps idle connections, for requests on their way."""
SERVED_IN_A_CROWD = 64
"""Requests beside reviews, such as /readyz, that may still queue where no review may."""
OK, UNAVAILABLE = 200, 503
OVERLOADED = HttpError(UNAVAILABLE, "portcullis is overloaded; try again")
LATE = HttpError(UNAVAILABLE, "portcullis is overloaded: the review's time passed in the queue")
SLOW = HttpError(408, "the request took too long to arrive")


class Site(Protocol):
    """What is served; `webhook.server.site.WebhookSite` does."""

    def context(self) -> ssl.SSLContext:
        """Give the TLS context for a new connection."""

    def keeps_connections(self) -> bool:
        """Whether connections stay open after an answer."""

    def patience(self, request: Request) -> float | None:
        """Seconds that the client of a review waits for its answer; None where it is none."""

    def refused(self, error: HttpError) -> None:
        """Note a request that is answered without being served."""

    def serve(self, request: Request, deadline: Deadline, certificate: AskCertificate) -> Answer:
        """Answer a request; never raises."""


@dataclass(frozen=True, slots=True)
class Job:
    """A whole request, until it is answered."""

    connection: Connection
    request: Request
    deadline: Deadline
    is_review: bool


class Reactor:
    """The connections of this process. Only the leading thread calls it (`webhook.server.crew`).

    `finish` and `retire` alone are for any thread.

    Args:
        listeners: sockets to accept from, shared with the other workers.
        site: what is served.
        limits: of this process.
        census: of all workers' connections.
        place: of this worker in the census.

    Attributes:
        beat: when the sockets were last looked at, seconds on the monotonic clock.
    """

    def __init__(
        self,
        listeners: Iterable[socket.socket],
        site: Site,
        limits: Limits,
        census: Census,
        place: int,
    ) -> None:
        self._site, self._limits = site, limits
        self._selector = selectors.DefaultSelector()
        self._guests = Guests(limits, partial(census.report, place))
        self._door = Door(listeners, self._selector, census, place, self._admit)
        self._queue: FairQueue[Job] = FairQueue(lambda job: job.connection.peer)
        self._finished: deque[tuple[Job, Answer]] = deque()
        self._wakes, self._waker = socket.socketpair()
        self._wakes.settimeout(0.0)
        self._waker.settimeout(0.0)
        self._selector.register(self._wakes, READ, self._awoken)
        self._sweep_at = self._poll_at = 0.0
        self._retiring, self._closes_at = False, inf
        self._bugs = RationedLog(logger, TRACEBACKS)
        self.beat = time.monotonic()
        self._door.open()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._guests)

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._queue)

    def take(self, may_serve: Callable[[], bool]) -> Job | None:
        """Look after the sockets until it is a request's turn; None once all is over.

        Args:
            may_serve: whether a thread is left to serve it.
        """
        while True:
            if self._is_ready(may_serve) and time.monotonic() < self._poll_at:
                job = self._queue.pop()
                if not self._is_late(job):
                    return job
            else:
                # First, for behind an answer the connection's next request may be there already.
                self._send_finished()
                self._turn(0.0 if self._is_ready(may_serve) else self._pause())
                if self._closes_at < inf and not self.connections:
                    self._close()
                    return None

    def _is_ready(self, may_serve: Callable[[], bool]) -> bool:
        return len(self._queue) > 0 and may_serve()

    def deliver(self, job: Job, answer: Answer) -> None:
        """Send the answer of a request that was taken, behind those that are served right after.

        Not one by one: sending and deciding drive each other out of the processor's caches, and
        whoever gets an answer on this machine takes the processor.
        """
        self._finished.append((job, answer))
        if len(self._queue) == 0 or time.monotonic() >= self._poll_at:
            self._send_finished()

    def _send_finished(self) -> None:
        while self._finished:
            self._send(*self._finished.popleft())

    def _send(self, job: Job, answer: Answer) -> None:
        connection = job.connection
        if connection.state is State.CLOSED:
            return
        if job.is_review and answer.code == OK:
            connection.proven = True
        keep = (
            answer.code != UNAVAILABLE
            and connection.keeps_alive()
            and self._site.keeps_connections()
        )
        self._guarded(connection, partial(self._reply, connection, answer, job.request, keep=keep))

    def finish(self, job: Job, answer: Answer) -> None:
        """Have an answer sent; for threads that do not lead."""
        self._finished.append((job, answer))
        self._wake()

    def retire(self) -> None:
        """Accept no more, answer what is there, and come to an end."""
        self._retiring = True
        self._wake()

    def _close(self) -> None:
        self._selector.close()
        self._wakes.close()
        self._waker.close()

    def _wake(self) -> None:
        with suppress(OSError):  # Full: it is awake already. Closed: nobody is left to answer.
            self._waker.send(b"\0")

    def _awoken(self, _mask: int, _now: float) -> None:
        self._wakes.recv(4096)

    def _pause(self) -> float:
        """Seconds until something is due that no socket tells of."""
        return max(0.0, min(self._sweep_at, self._door.opens_at) - time.monotonic())

    def _turn(self, seconds: float) -> None:
        """Wait for the sockets, and do what is due."""
        events = self._selector.select(seconds)
        now = self.beat = time.monotonic()
        for key, mask in events:
            key.data(mask, now)
        self._send_finished()
        if now >= self._door.opens_at:
            self._door.open()
        if self._retiring and self._closes_at == inf:
            self._closes_at, self._sweep_at = now + LINGER_SECONDS, now
            self._door.close()
        if now >= self._sweep_at:
            self._sweep(now)
        # From now, not from before: else who keeps the sockets busy keeps requests from their turn.
        self._poll_at = time.monotonic() + POLL_SECONDS

    def _admit(self, accepted: socket.socket, peer: str, now: float) -> None:
        """Begin with a connection, in the place of a less useful one if there is no other."""
        if not self._guests.has_room(peer):
            victim = self._guests.least_useful(peer)
            if victim is None:
                accepted.close()
                return
            self._drop(victim)
        try:
            channel = Channel(accepted, self._site.context())
        except (NoCertificateError, OSError):
            accepted.close()
            return
        connection = Connection(channel, peer, self._limits, now)
        self._guests.add(connection)
        self._watch(connection, READ)

    def _ready(self, connection: Connection, mask: int, now: float) -> None:
        """A connection can be read from, or written to."""
        if mask & WRITE:
            self._guarded(connection, partial(self._writable, connection, now))
        if mask & READ:
            self._guarded(connection, partial(self._readable, connection, now))

    def _guarded(self, connection: Connection, act: Callable[[], None]) -> None:
        """Do something with a connection; whatever goes wrong with it is its own end alone."""
        if connection.state is State.CLOSED:
            return
        try:
            act()
        except GoneError as error:
            logger.debug("connection dropped: %s", error)
            self._drop(connection)
        except Exception as error:  # noqa: BLE001 - told with its traceback
            self._bugs.tell("connection dropped", {}, error)
            self._drop(connection)

    def _writable(self, connection: Connection, now: float) -> None:
        connection.send_on(now)
        self._go_on(connection, now)

    def _readable(self, connection: Connection, now: float) -> None:
        if connection.state is State.LEAVING:
            if connection.channel.discard():
                self._drop(connection)
        elif connection.state.listens:
            self._took(connection, connection.receive(now), now)
        else:
            # One request at a time: what follows it stays where it is.
            self._watch(connection, connection.watched & ~READ)

    def _took(self, connection: Connection, got: Request | HttpError | None, now: float) -> None:
        """Act on what has been received."""
        if isinstance(got, Request):
            self._enqueue(connection, got, now)
        elif got is not None:
            self._refuse(connection, got)
        elif connection.channel.ended:
            self._drop(connection)
        else:
            self._guests.charge(connection, connection.parser.buffered)
            self._watch_as_due(connection)
            self._relieve()

    def _enqueue(self, connection: Connection, request: Request, now: float) -> None:
        patience = self._site.patience(request)
        is_review = patience is not None
        self._guests.charge(connection, len(request.body))
        self._relieve()
        deadline = Deadline(now + patience if patience is not None else inf)
        job = Job(connection, request, deadline, is_review)
        if len(self._queue) < self._limits.queued + (0 if is_review else SERVED_IN_A_CROWD):
            self._queue.push(job)
        else:
            sent_away = self._queue.displace(job).connection
            self._guarded(sent_away, partial(self._refuse, sent_away, OVERLOADED))

    def _relieve(self) -> None:
        """Give up a body that arrives where too many bytes are held."""
        slow = self._guests.slowest_body() if self._guests.are_too_much() else None
        if slow is not None:
            self._guarded(slow, partial(self._refuse, slow, OVERLOADED))

    def _refuse(self, connection: Connection, error: HttpError) -> None:
        """Answer without serving; nothing may follow on the connection."""
        self._site.refused(error)
        self._reply(connection, failure(error.code, error.message), None, keep=False)

    def _reply(
        self, connection: Connection, answer: Answer, request: Request | None, *, keep: bool
    ) -> None:
        now = time.monotonic()
        bodiless = request is not None and request.method == "HEAD"
        connection.answer(encode(answer, keep_alive=keep, bodiless=bodiless), now, keep_alive=keep)
        self._go_on(connection, now)

    def _go_on(self, connection: Connection, now: float) -> None:
        """Turn to the client's next request, some of which may have come with the last one."""
        self._guests.charge(connection, connection.parser.buffered)
        self._watch_as_due(connection)
        if connection.state is State.IDLE and connection.holds_more:
            self._took(connection, connection.advance(now), now)

    def _watch_as_due(self, connection: Connection) -> None:
        reads = READ if connection.state.reads else connection.watched & READ
        self._watch(connection, reads | (WRITE if connection.channel.unsent else 0))

    def _watch(self, connection: Connection, mask: int) -> None:
        watched = connection.watched
        if mask == watched:
            return
        connection.watched = mask
        if not mask:
            self._selector.unregister(connection.channel)
        elif watched:
            self._selector.modify(connection.channel, mask, partial(self._ready, connection))
        else:
            self._selector.register(connection.channel, mask, partial(self._ready, connection))

    def _drop(self, connection: Connection) -> None:
        """Forget a connection."""
        if connection.state is not State.CLOSED:
            self._watch(connection, 0)
            self._guests.remove(connection)
            connection.state = State.CLOSED
            connection.channel.close()

    def _is_late(self, job: Job) -> bool:
        """Whether the client of a queued review has gone; it is told so all the same."""
        if job.deadline.at == inf or job.deadline.remaining() > 0:
            return False
        self._guarded(job.connection, partial(self._refuse, job.connection, LATE))
        return True

    def _sweep(self, now: float) -> None:
        """End what has waited too long."""
        self._sweep_at = now + SWEEP_SECONDS
        closing = now >= self._closes_at
        for connection in self._guests.overdue(now, closing=closing):
            self._guarded(connection, partial(self._end, connection, now))
        self._queue.remove(self._is_late)

    def _end(self, connection: Connection, now: float) -> None:
        if connection.state is State.RECEIVING:
            self._refuse(connection, SLOW)
        elif connection.state is State.IDLE:
            connection.leave(now)
            self._watch_as_due(connection)
        else:
            self._drop(connection)
