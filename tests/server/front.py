"""A reactor and its crew over a loopback socket, with a site that a test scripts."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from certs.authority import issue_serving_certificate, new_authority
from webhook.server.census import Census
from webhook.server.crew import Crew
from webhook.server.http1 import Answer, HttpError, Request
from webhook.server.limits import Limits
from webhook.server.reactor import Reactor
from webhook.server.tls import build_context

NOW = datetime.now(UTC)
AUTHORITY = new_authority("portcullis-ca", NOW)
CONTEXT = build_context(issue_serving_certificate(AUTHORITY, ["localhost"], [], NOW))
PATIENCE = 10.0
"""Seconds that a test waits for what should come at once."""


def request(path: str = "/", body: bytes = b"", method: str = "POST", headers: str = "") -> bytes:
    """A request as a client writes it."""
    head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


@dataclass
class Scripted:
    """A site whose answers a test chooses by path; others echo the body.

    Reviews are what is sent to ``/review…``; their time is ``patience_seconds``.
    """

    scripts: dict[bytes, Callable[[Request], Answer]] = field(default_factory=dict)
    patience_seconds: float = 10.0
    keeps: bool = True
    refusals: list[int] = field(default_factory=list)
    served: list[bytes] = field(default_factory=list)

    def context(self) -> ssl.SSLContext:
        return CONTEXT

    def keeps_connections(self) -> bool:
        return self.keeps

    def patience(self, request: Request) -> float | None:
        return self.patience_seconds if request.target.startswith(b"/review") else None

    def refused(self, error: HttpError) -> None:
        self.refusals.append(error.code)

    def serve(self, request: Request, deadline, certificate) -> Answer:
        self.served.append(request.target)
        script = self.scripts.get(request.target)
        return script(request) if script else Answer(200, request.body)


@dataclass
class Front:
    """What serves, and how to reach it."""

    site: Scripted
    reactor: Reactor
    crew: Crew
    address: tuple[str, int]
    opened: ExitStack
    go_on: threading.Event = field(default_factory=threading.Event)
    """For scripts that wait."""

    def dial(self, source: str = "127.0.0.1", receive_buffer: int | None = None) -> socket.socket:
        """A connection without a handshake."""
        raw = socket.socket()
        self.opened.callback(raw.close)
        raw.settimeout(PATIENCE)
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.bind((source, 0))
        raw.connect(self.address)
        return raw

    def connect(
        self, source: str = "127.0.0.1", receive_buffer: int | None = None
    ) -> ssl.SSLSocket:
        """A connection that has shaken hands."""
        trust = ssl.create_default_context(cadata=AUTHORITY.certificate_pem.decode())
        raw = self.dial(source, receive_buffer)
        stream = trust.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=True)
        self.opened.callback(stream.close)
        return stream


def read_answer(stream: ssl.SSLSocket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the next answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(stream)
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    while len(body) < int(headers["Content-Length"]):
        body += _some(stream)
    return int(status.split()[1]), headers, body


def _some(stream: ssl.SSLSocket) -> bytes:
    data = stream.recv(65536)
    assert data, "the connection was closed amid an answer"
    return data


def ask(stream: ssl.SSLSocket, *args, **options) -> tuple[int, dict[str, str], bytes]:
    """One request and its answer."""
    stream.sendall(request(*args, **options))
    return read_answer(stream)


def is_closed(stream: socket.socket) -> bool:
    """Whether the server ends the connection, in a reasonable time, without another byte."""
    try:
        return stream.recv(1) == b""
    except (ConnectionResetError, ssl.SSLError):
        return True


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something holds before long."""
    limit = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < limit:
        time.sleep(0.005)
    return holds()


@contextmanager
def serving(
    limits: Limits, site: Scripted | None = None, *, supervised: bool = True
) -> Iterator[Front]:
    """A worker's inside: its reactor, its crew, and mostly a supervisor."""
    site = site or Scripted()
    listener = socket.create_server(("127.0.0.1", 0), backlog=2000)
    address = listener.getsockname()
    census = Census(2)
    reactor = Reactor([listener], site, limits, census, census.enter())
    crew = Crew(reactor, site, limits.concurrent)
    crew.start()
    supervisor = threading.Thread(target=crew.supervise, args=[600.0])
    with ExitStack() as opened:
        if supervised:
            supervisor.start()
            opened.callback(supervisor.join)
        opened.callback(reactor.retire)
        yield Front(site, reactor, crew, address, opened)
