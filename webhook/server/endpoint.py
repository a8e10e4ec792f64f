"""POST /validate and /mutate as a WSGI callable, in front of Flask.

The two paths that the API server calls under load skip Flask's request context,
routing and response object, which cost more than a review's whole decision
(docs/performance.md). Everything else (health, unknown paths, other methods)
goes on to Flask.
"""

import logging
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Protocol
from urllib.parse import parse_qs

import msgspec

from webhook.deadline import Deadline, parse_timeout
from webhook.errors import MalformedReviewError
from webhook.model.review import AdmissionResponse, Attributes, decode_review, encode_review
from webhook.server.callers import Callers, Certificate
from webhook.server.lifecycle import Lifecycle

logger = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]
Decide = Callable[[Attributes, Deadline], AdmissionResponse]

MAX_TIMEOUT = 30.0
"""Seconds; the longest timeoutSeconds that a webhook configuration may ask for."""

_PHRASES = {
    200: "200 OK",
    400: "400 Bad Request",
    403: "403 Forbidden",
    411: "411 Length Required",
    413: "413 Content Too Large",
    503: "503 Service Unavailable",
}

EVERYBODY = Callers(())


class Deciding(Protocol):
    """Decides reviews; `webhook.admission.Admission` does."""

    def validate(self, attributes: Attributes, deadline: Deadline) -> AdmissionResponse:
        """Answer a validating review; never raises."""

    def mutate(self, attributes: Attributes, deadline: Deadline) -> AdmissionResponse:
        """Answer a mutating review; never raises."""


class Meter(Protocol):
    """Counts requests; `webhook.metrics.ServerMetrics` does."""

    def began(self, path: str) -> None:
        """A review is being answered."""

    def ended(self, path: str) -> None:
        """It is."""

    def rejected(self, code: int) -> None:
        """A request got no review back, but this HTTP status."""


@dataclass(frozen=True, slots=True)
class HttpError(Exception):
    """A request that gets no review back, only a status.

    Args:
        code: HTTP status.
        message: what is wrong, for whoever reads the API server's error.
    """

    code: int
    message: str


class AdmissionEndpoint:
    """The WSGI callable.

    Args:
        admission: decides.
        lifecycle: tells whether reviews are answered now.
        fallback: serves every other request.
        max_body_bytes: a longer body is not read.
        default_timeout: seconds, where the request names no ``?timeout=``.
        meter: counts.
        callers: who may send reviews.
    """

    def __init__(
        self,
        admission: Deciding,
        lifecycle: Lifecycle,
        fallback: WsgiApp,
        *,
        max_body_bytes: int,
        default_timeout: float,
        meter: Meter | None = None,
        callers: Callers = EVERYBODY,
    ) -> None:
        self._routes: dict[str, Decide] = {
            "/validate": admission.validate,
            "/mutate": admission.mutate,
        }
        self._lifecycle = lifecycle
        self._fallback = fallback
        self._max_body_bytes = max_body_bytes
        self._default_timeout = default_timeout
        self._meter = meter
        self._callers = callers

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ["PATH_INFO"]
        decide = self._routes.get(path)
        if decide is None or environ["REQUEST_METHOD"] != "POST":
            return self._fallback(environ, start_response)
        meter = self._meter
        if meter:
            meter.began(path)
        try:
            body = self._answer(decide, environ)
        except HttpError as error:
            if meter:
                meter.rejected(error.code)
            return _error(error, start_response)
        finally:
            if meter:
                meter.ended(path)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(_PHRASES[200], headers)
        return [body]

    def _answer(self, decide: Decide, environ: Environ) -> bytes:
        deadline = Deadline.after(self._timeout(environ))
        if refusal := self._callers.refusal(partial(_certificate, environ)):
            raise HttpError(403, refusal)
        if not self._lifecycle.state.answers:
            raise HttpError(503, f"portcullis is {self._lifecycle.state.value}; try again")
        try:
            attributes = decode_review(self._read(environ))
        except MalformedReviewError as error:
            raise HttpError(400, str(error)) from error
        return encode_review(attributes.uid, decide(attributes, deadline))

    def _timeout(self, environ: Environ) -> float:
        """Seconds that the API server will wait; its own ``?timeout=`` if it is sane."""
        seconds = _asked(environ.get("QUERY_STRING", ""))
        return min(self._default_timeout if seconds is None else seconds, MAX_TIMEOUT)

    def _read(self, environ: Environ) -> bytes:
        length = environ.get("CONTENT_LENGTH", "")
        if not length and "chunked" not in environ.get("HTTP_TRANSFER_ENCODING", ""):
            raise HttpError(411, "a review needs a Content-Length")
        limit = self._max_body_bytes
        size = int(length) if length.isascii() and length.isdigit() else limit + 1
        if length and size > limit:
            raise HttpError(413, f"a review of {length} bytes is over the limit of {limit}")
        body: bytes = environ["wsgi.input"].read(size if length else limit + 1)
        if len(body) > limit:
            raise HttpError(413, f"the review is over the limit of {limit} bytes")
        return body


def _certificate(environ: Environ) -> Certificate | None:
    """What the client of this request showed, on each connection and with each request."""
    stream = environ.get("gunicorn.socket")
    return stream.getpeercert() if isinstance(stream, ssl.SSLSocket) else None


@lru_cache(maxsize=64)
def _asked(query: str) -> float | None:
    """Seconds that a query string asks for; the API server sends few different ones."""
    texts = parse_qs(query).get("timeout")
    return parse_timeout(texts[0]) if texts else None


def _error(error: HttpError, start_response: StartResponse) -> Iterable[bytes]:
    """A ``metav1.Status``, which the API server's client prints with its own error."""
    if error.code != 503:  # noqa: PLR2004 - warming up is no news
        logger.warning("review rejected", extra={"code": error.code, "error": error.message})
    body = msgspec.json.encode(status(error.code, error.message))
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    if error.code == 503:  # noqa: PLR2004 - HTTP's own number
        headers.append(("Retry-After", "1"))
    start_response(_PHRASES[error.code], headers)
    return [body]


def status(code: int, message: str) -> dict[str, Any]:
    """A ``metav1.Status`` of a failure."""
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "code": code,
        "message": message,
    }
