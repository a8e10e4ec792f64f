"""What the worker serves: reviews by the endpoint, everything else by a WSGI application."""

import io
import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from webhook.deadline import Deadline
from webhook.rationed import TRACEBACKS, RationedLog
from webhook.server.endpoint import AdmissionEndpoint, AskCertificate
from webhook.server.http1 import Answer, HttpError, Request, failure
from webhook.server.lifecycle import Lifecycle
from webhook.server.tls import TlsContexts

logger = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

UNAVAILABLE = failure(503, "internal error, see the log of portcullis")


class WebhookSite:
    """The webhook as its worker sees it.

    The two paths that the API server calls under load skip WSGI and Flask, which cost more than a
    review's whole decision (docs/performance.md).

    Args:
        endpoint: answers reviews.
        fallback: serves every other request.
        lifecycle: of this process.
        contexts: for new connections.
    """

    def __init__(
        self,
        endpoint: AdmissionEndpoint,
        fallback: WsgiApp,
        lifecycle: Lifecycle,
        contexts: TlsContexts,
    ) -> None:
        self._endpoint, self._fallback = endpoint, fallback
        self._lifecycle = lifecycle
        self.context = contexts.context
        self._bugs = RationedLog(logger, TRACEBACKS)

    def keeps_connections(self) -> bool:
        """Whether connections stay open after an answer."""
        return self._lifecycle.state.keeps_connections

    def patience(self, request: Request) -> float | None:
        """Seconds that the client of a review waits for its answer; None where it is none."""
        path, _, query = request.target.partition(b"?")
        if request.method != "POST" or not self._endpoint.answers(path):
            return None
        return self._endpoint.patience(query)

    def refused(self, error: HttpError) -> None:
        """Note a request that is answered without being served."""
        self._endpoint.refused(error)

    def serve(self, request: Request, deadline: Deadline, certificate: AskCertificate) -> Answer:
        """Answer a request; never raises."""
        try:
            path = request.target.partition(b"?")[0]
            if request.method == "POST" and self._endpoint.answers(path):
                return self._endpoint.answer(path, request, deadline, certificate)
            return call(self._fallback, request)
        except Exception as error:  # noqa: BLE001 - told with its traceback
            self._bugs.tell("request failed", {}, error)
            return UNAVAILABLE


def call(app: WsgiApp, request: Request) -> Answer:
    """Have a WSGI application (PEP 3333) answer a request."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_exc_info: object) -> None:
        started.append((status, headers))

    parts = app(_environ(request), start_response)
    try:
        body = b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    status, headers = started[-1]
    kept = tuple((key, value) for key, value in headers if key.lower() != "content-length")
    return Answer(int(status.partition(" ")[0]), body, kept)


def _environ(request: Request) -> Environ:
    path, _, query = request.target.partition(b"?")
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_NAME": "portcullis",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if b"content-type" in request.headers:
        environ["CONTENT_TYPE"] = request.headers[b"content-type"].decode("latin-1")
    for name, value in request.headers.items():
        # An underscore could be a hyphen's: X_A and X-A are one key here, and two to a proxy.
        if b"_" not in name and name not in _NAMED_OTHERWISE:
            key = "HTTP_" + name.decode("ascii").upper().replace("-", "_")
            environ[key] = value.decode("latin-1")
    return environ


_NAMED_OTHERWISE = {b"content-type", b"content-length", b"transfer-encoding"}
