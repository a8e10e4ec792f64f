"""The gunicorn worker: threads, TLS from memory, and a departure that loses no request.

A thread is what a worker has few of. It is lent to a connection that sends a request, never to
one that is merely open: the API server's client opens more connections than it uses at once.
"""

import errno
import select
import ssl
import threading
import time
from types import FrameType
from typing import Any

from gunicorn import http, sock
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

from webhook.server.lifecycle import Lifecycle

LINGER_SECONDS = 0.005
"""How long a thread waits for its connection's next request (`DrainingWorker.handle`)."""

SILENCE_SECONDS = 10.0
"""How long a thread waits for bytes in the middle of a handshake or a request."""

REQUEST_SECONDS = 30.0
"""How long a request may take to arrive, however steadily; no API server waits longer."""

CLOSED = -1
"""File descriptor of a socket that is closed."""


class ImpatientSocket(ssl.SSLSocket):
    """A socket on which no read or write waits for ever.

    gunicorn makes it blocking when a request begins; a client that then stalls, or trickles,
    would keep a thread for as long as it likes, and a handful of such clients all threads.
    """

    _until = float("inf")
    _held: bytearray | None = None

    def hold(self) -> None:
        """Keep what is sent until `release`."""
        self._held = bytearray()

    def release(self) -> None:
        """Send what was kept, in one TLS record: gunicorn sends the head of an answer by itself."""
        held, self._held = self._held, None
        if held:
            super().sendall(held)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send, or keep for `release`."""
        if self._held is None:
            super().sendall(data, flags)
        else:
            self._held += data

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - the base class's signature
        """Begin a request, or leave the socket to the poller; nothing on a closed one.

        gthread prepares a socket to be closed even if it is, and would count it as closed twice.
        """
        if self.fileno() != CLOSED:
            self._until = time.monotonic() + REQUEST_SECONDS
            self.settimeout(SILENCE_SECONDS if flag else 0.0)

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Read; a client that is too slow counts as gone.

        Raises:
            ConnectionResetError: which gunicorn takes for a client's departure, no error of ours.
        """
        if time.monotonic() > self._until:
            raise ConnectionResetError(errno.ECONNRESET, "the request took too long to arrive")
        try:
            return super().recv(buflen, flags)
        except TimeoutError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the client fell silent") from error


class NoAccessLog(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's log without its access log, which is made for every request even if not written.

    Reviews are counted and timed by the metrics instead.
    """

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Ignore."""


class DrainingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """gthread, except that SIGTERM begins a drain instead of ending the worker.

    ``lifecycle`` and ``drain_seconds`` are set by ``gunicorn.conf.py`` once the
    worker is up.
    """

    lifecycle: Lifecycle | None = None
    drain_seconds: float = 0.0

    def handle(self, conn: TConn) -> Any:
        """Serve a request, and those that follow it at once, in the same thread.

        gthread gives a connection back to its main thread after each request, and takes it from
        there for the next: two switches of threads, which under one interpreter lock cost more
        than a review's decision (docs/performance.md).
        """
        kept = None if conn.initialized else self._greet(conn)
        if kept is None:
            kept = self._serve(conn)
            while kept is True and self._may_linger() and _more(conn):
                kept = self._serve(conn)
        if kept is False and isinstance(conn.sock, ImpatientSocket):
            # Here: gthread would do it in its main thread, and wait there for the client to close.
            conn.close(graceful=True)
        return kept

    def _serve(self, conn: TConn) -> Any:
        """Serve one request, its answer sent as a whole."""
        if not isinstance(conn.sock, ImpatientSocket):
            return super().handle(conn)
        conn.sock.hold()
        kept = super().handle(conn)
        try:
            conn.sock.release()
        except OSError as error:
            self.log.debug("the client is gone: %s", error)
            return False
        return kept

    def _greet(self, conn: TConn) -> Any:
        """Shake hands; None if a request follows at once, else what gthread is to do.

        gthread itself reads the first request right after the handshake, and waits for it with
        the thread in hand for as long as it takes.
        """
        if not conn.data_ready and not conn.wait_for_data(LINGER_SECONDS):
            return _DEFER
        try:
            conn.sock.settimeout(SILENCE_SECONDS)
            context = sock.ssl_context(conn.cfg)
            context.sslsocket_class = ImpatientSocket
            conn.sock = context.wrap_socket(
                conn.sock, server_side=True, do_handshake_on_connect=False
            )
            conn.sock.do_handshake()
        except OSError as error:
            self.log.debug("no handshake: %s", error)
            return False
        conn.parser = http.get_parser(conn.cfg, conn.sock, conn.client)
        conn.initialized = True
        return None if _more(conn) else _DEFER

    def _may_linger(self) -> bool:
        """Whether a thread is left for whoever comes next."""
        waiting = len(self.keepalived_conns) + len(self.pending_conns)
        return bool(self.alive and self.nr_conns - waiting < self.cfg.threads)

    def _cap_keepalive(self, deadline: float) -> None:
        """Let no idle connection hold up the departure, one that never sent a request included."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Leave the rotation, serve for the drain time, then stop as gthread does."""
        if self.lifecycle is None or not self.alive:
            super().handle_exit(sig, frame)
            return
        self.lifecycle.leave()
        timer = threading.Timer(self.drain_seconds, self._depart, (sig,))
        timer.daemon = True
        timer.start()

    def _depart(self, sig: int) -> None:
        assert self.lifecycle is not None
        self.lifecycle.go()
        super().handle_exit(sig, None)


def _more(conn: TConn) -> bool:
    """Wait for the next request of a connection; False if it is slow to come."""
    if conn.parser.unreader.buf.getvalue() or conn.sock.pending():
        return True
    poll = select.poll()
    poll.register(conn.sock, select.POLLIN)
    return bool(poll.poll(LINGER_SECONDS * 1000))


def pre_request(worker: Any, request: Any, max_body_bytes: int) -> None:
    """Decide before a request is served whether its connection is closed after.

    gunicorn drops a ``Connection`` header of the application, so this is the
    place. A body that will not be read cannot be followed by another request.
    """
    lifecycle: Lifecycle | None = worker.lifecycle
    if lifecycle is not None and not lifecycle.state.keeps_connections:
        request.force_close()
        return
    for name, value in request.headers:
        if name == "CONTENT-LENGTH" and value.isdigit() and int(value) > max_body_bytes:
            request.force_close()
