"""HTTP/1.1 (RFC 9112): bytes → requests, answers → bytes.

llhttp, through `httptools`, parses strictly: bare line feeds, folded headers, repeated or malformed
lengths, and a length beside ``Transfer-Encoding`` are errors of its own. What it leaves to its user
is here: sizes, versions, hosts, and transfer codings that we could not decode.
"""

import time
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus
from wsgiref.handlers import format_date_time

import httptools
import msgspec

from webhook.server.limits import Limits

CHUNK_OVERHEAD_BYTES = 64 << 10
"""Of chunk sizes, extensions and trailers, beyond as many bytes as the body has."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

JSON = (("Content-Type", "application/json"),)
"""Headers of every answer of ours."""

Headers = dict[bytes, bytes]


@dataclass(frozen=True, slots=True)
class HttpError(Exception):
    """A request that gets no review back, only a status.

    Args:
        code: HTTP status.
        message: what is wrong, for whoever reads the API server's error.
    """

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request.

    Args:
        method: as sent, in capitals.
        target: path and query, as sent.
        headers: by lower-case name; repeated ones joined by a comma.
        keep_alive: the client may send another on this connection.
        arrived: seconds on the monotonic clock.
    """

    method: str
    target: bytes
    headers: Headers
    body: bytes
    keep_alive: bool = True
    arrived: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request gets.

    Args:
        headers: besides those of the connection and its framing.
    """

    code: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = JSON


def failure(code: int, message: str) -> Answer:
    """A ``metav1.Status``, which the API server's client prints with its own error.

    A 503 asks to be sent again: the API server's client does so within the webhook's timeout
    (client-go, rest/with_retry.go).
    """
    status = {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "code": code,
        "message": message,
    }
    retry = (("Retry-After", "1"),) if code == HTTPStatus.SERVICE_UNAVAILABLE else ()
    return Answer(code, msgspec.json.encode(status), JSON + retry)


_PHRASES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}" for status in HTTPStatus}
_PHRASES[413] = "HTTP/1.1 413 Content Too Large"


@dataclass(slots=True)
class _Date:
    """The ``Date`` header, made once a second."""

    second: int = -1
    line: str = ""

    def now(self) -> str:
        second = int(time.time())
        if second != self.second:
            self.second, self.line = second, f"Date: {format_date_time(second)}"
        return self.line


_date = _Date()


def encode(answer: Answer, *, keep_alive: bool, bodiless: bool = False) -> bytes:
    """Write an answer.

    Args:
        answer: status, headers and body.
        keep_alive: the connection stays open.
        bodiless: to HEAD.
    """
    lines = [_PHRASES.get(answer.code) or f"HTTP/1.1 {answer.code} Unknown", _date.now()]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    lines.append(f"Content-Length: {len(answer.body)}")
    lines.append("Connection: keep-alive\r\n\r\n" if keep_alive else "Connection: close\r\n\r\n")
    head = "\r\n".join(lines).encode("latin-1")
    return head if bodiless else head + answer.body


@dataclass(slots=True)
class _Draft:
    """A request of which some has arrived."""

    target: bytes = b""
    headers: Headers = field(default_factory=dict)
    count: int = 0
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0
    body_begun: bool = False


class RequestParser:
    """Requests of one connection, in the order of their arrival.

    ``on_*`` are called by `httptools`.

    Args:
        limits: of heads and bodies.

    Attributes:
        requests: whole ones, not yet taken.
        error: why nothing more can be read; it is to be answered after ``requests``.
        continues: the client waits for ``100 Continue`` before it sends its body.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        self._draft: _Draft | None = None
        self._bytes = 0
        self.requests: deque[Request] = deque()
        self.error: HttpError | None = None
        self.continues = False

    @property
    def amid_request(self) -> bool:
        """Some of a request has arrived."""
        return self._draft is not None

    @property
    def amid_head(self) -> bool:
        """Some of a request has arrived, but not all of its headers."""
        return self._draft is not None and not self._draft.body_begun

    @property
    def buffered(self) -> int:
        """Bytes of the body that arrives."""
        return self._draft.size if self._draft is not None else 0

    def feed(self, data: bytes) -> None:
        """Read on."""
        if self.error is not None:
            return
        self._bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # An Upgrade may be ignored (RFC 9110, section 7.8), but the parser goes no further.
            self._fail(400, "the connection cannot be upgraded")
        except httptools.HttpParserError as error:
            self._fail(400, f"not HTTP/1.1: {error}")
        draft = self._draft
        if draft is not None:
            self._check_size(draft)

    def _check_size(self, draft: _Draft) -> None:
        if not draft.body_begun:
            if self._bytes > self._limits.head_bytes:
                self._fail(
                    431, f"the headers are over the limit of {self._limits.head_bytes} bytes"
                )
        elif self._bytes > 2 * draft.size + self._limits.head_bytes + CHUNK_OVERHEAD_BYTES:
            self._fail(400, "the chunks carry too little")

    def on_message_begin(self) -> None:
        """A request's first byte."""
        self._draft = _Draft()

    def on_url(self, part: bytes) -> None:
        """A part of the target."""
        draft = self._of_message()
        draft.target += part
        if len(draft.target) > self._limits.target_bytes:
            self._fail(414, f"the target is over the limit of {self._limits.target_bytes} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nobody needs."""
        draft = self._of_message()
        if draft.body_begun:
            return
        draft.count += 1
        if draft.count > self._limits.headers:
            self._fail(431, f"more than {self._limits.headers} headers")
            return
        key = name.lower()
        known = draft.headers.get(key)
        if known is not None and key == b"host":
            self._fail(400, "more than one Host")
        draft.headers[key] = value if known is None else known + b"," + value

    def on_headers_complete(self) -> None:
        """All headers are there."""
        draft = self._of_message()
        draft.body_begun = True
        wrong = self._wrong_head(draft)
        if wrong is not None:
            self._fail(wrong.code, wrong.message)
            return
        self.continues = draft.headers.get(b"expect", b"").lower() == b"100-continue"

    def on_body(self, part: bytes) -> None:
        """A part of the body."""
        draft = self._of_message()
        draft.size += len(part)
        if draft.size > self._limits.body_bytes:
            self._fail(413, f"the body is over the limit of {self._limits.body_bytes} bytes")
        elif self.error is None:
            draft.chunks.append(part)

    def on_message_complete(self) -> None:
        """The request is whole."""
        draft, self._draft, self._bytes, self.continues = self._of_message(), None, 0, False
        if self.error is not None:
            return
        chunks = draft.chunks
        self.requests.append(
            Request(
                self._parser.get_method().decode("ascii"),
                draft.target,
                draft.headers,
                chunks[0] if len(chunks) == 1 else b"".join(chunks),
                keep_alive=self._parser.should_keep_alive(),
                arrived=time.monotonic(),
            )
        )

    def _wrong_head(self, draft: _Draft) -> HttpError | None:
        """What llhttp lets pass and we do not."""
        version = self._parser.get_http_version()
        if version not in {"1.1", "1.0"}:
            return HttpError(400, f"HTTP/{version} is not spoken here")
        if not draft.target.startswith(b"/"):
            return HttpError(400, "the target is no path")
        if version == "1.1" and b"host" not in draft.headers:
            return HttpError(400, "a Host is missing")
        coding = draft.headers.get(b"transfer-encoding")
        if coding is not None and (coding.lower(), version) != (b"chunked", "1.1"):
            return HttpError(400, "the only transfer coding is chunked, of HTTP/1.1")
        if draft.headers.get(b"expect", b"100-continue").lower() != b"100-continue":
            return HttpError(417, "the only expectation is 100-continue")
        # llhttp has made sure that it is a number.
        size, limit = int(draft.headers.get(b"content-length", b"0")), self._limits.body_bytes
        if size > limit:
            return HttpError(413, f"a body of {size} bytes is over the limit of {limit}")
        return None

    def _of_message(self) -> _Draft:
        assert self._draft is not None, "httptools calls on_message_begin first"
        return self._draft

    def _fail(self, code: int, message: str) -> None:
        """Note the first error; what follows it means nothing."""
        if self.error is None:
            self.error = HttpError(code, message)
