"""A small API server over plain HTTP that says what a test tells it to, and fails on demand.

::

    with ApiServer() as server:
        server.on("GET", "/api/v1/nodes", Answer(500, status("boom")), Answer(200, {...}))
        api = server.api()

The answers of a path are given in order, the last one for ever; a path without any is 404.
"""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from kubernetes.client.configuration import Configuration

from webhook.cluster.client import Api


@dataclass(frozen=True)
class Answer:
    """A whole answer; a body that is no bytes is sent as JSON."""

    code: int = 200
    body: Any = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hang:
    """Silence for so many seconds, then the connection is closed."""

    seconds: float = 30.0


@dataclass(frozen=True)
class Close:
    """The connection is closed without a word."""


@dataclass(frozen=True)
class Watch:
    """A stream of watch events; then silence for `hold` seconds, and a clean end or a cut."""

    events: Sequence[Mapping[str, Any]] = ()
    hold: float = 0.0
    cut: bool = False


Reaction = Answer | Hang | Close | Watch


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: float


def status(message: str, code: int = 500, reason: str = "", **details: Any) -> dict[str, Any]:
    """A ``metav1.Status``."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
        "details": details,
    }


def event(kind: str, name: str, version: int, **metadata: Any) -> dict[str, Any]:
    """A watch event of an object."""
    meta = {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version), **metadata}
    return {"type": kind, "object": {"metadata": meta}}


def listing(version: int, *names: str, token: str = "") -> dict[str, Any]:
    """A list of objects."""
    items = [event("", name, version)["object"] for name in names]
    return {"metadata": {"resourceVersion": str(version), "continue": token}, "items": items}


class ApiServer:
    """See the module.

    Attributes:
        seen: the requests so far.
    """

    def __init__(self, port: int = 0) -> None:
        self.seen: list[Seen] = []
        self._reactions: dict[tuple[str, str], list[Reaction]] = defaultdict(list)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        owner = self

        class Handler(_Handler):
            server_of = owner

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def on(self, method: str, path: str, *reactions: Reaction) -> None:
        """Set what a path answers, from now on."""
        with self._lock:
            self._reactions[method, path] = list(reactions)

    def api(self) -> Api:
        """A client of this server."""
        return Api(Configuration(host=self.url), connections=4, version="test")

    def requests(self, method: str, path: str) -> list[Seen]:
        return [s for s in self.seen if (s.method, s.path) == (method, path)]

    def next_reaction(self, seen: Seen) -> Reaction:
        with self._lock:
            self.seen.append(seen)
            reactions = self._reactions.get((seen.method, seen.path), [])
            if len(reactions) > 1:
                return reactions.pop(0)
            return reactions[0] if reactions else Answer(404, status("not found", 404))

    def hold(self, seconds: float) -> None:
        """Sleep, but no longer than the server lives."""
        self._closing.wait(seconds)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server_of: ApiServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits for a delayed acknowledgement

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = dict(parse_qsl(parts.query))
        headers = {key.lower(): value for key, value in self.headers.items()}
        seen = Seen(self.command, parts.path, query, headers, body, time.monotonic())
        match self.server_of.next_reaction(seen):
            case Answer() as answer:
                self._answer(answer)
            case Watch() as watch:
                self._watch(watch)
            case Hang(seconds):
                self.server_of.hold(seconds)
                self.close_connection = True
            case Close():
                self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815 - the base's names

    def _answer(self, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.code)
        self.send_header("Content-Length", str(len(body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _watch(self, watch: Watch) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for item in watch.events:
            line = json.dumps(item).encode() + b"\n"
            # A chunk need not end where a line does.
            for part in (line[:7], line[7:]):
                self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        self.wfile.flush()
        self.server_of.hold(watch.hold)
        if not watch.cut:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = watch.cut

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Quiet."""
