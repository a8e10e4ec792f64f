"""What a process tells of itself: metrics and liveness, plain HTTP on a port of its own.

Plain, so that scraping needs no client certificate; its own port, so that nothing but reviews and
readiness is on the one that the API server reaches. gunicorn's workers share their counters with
the arbiter, which serves the sum, through files (prometheus_client's multiprocess mode).
"""

import logging
import os
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

logger = logging.getLogger(__name__)


class HealthServer:
    """Serves /healthz and /metrics from a daemon thread.

    Liveness is about this process alone: an API server that is away makes nobody healthier by
    being waited for in a restarted process.

    Args:
        address: to bind.
        port: to bind; 0 lets the system choose.
        registry: what /metrics shows.
        ailment: tells what is wrong with the process, None if nothing is.

    Raises:
        OSError: the port is taken.
    """

    def __init__(
        self,
        address: str,
        port: int,
        registry: CollectorRegistry,
        ailment: Callable[[], str | None],
    ) -> None:
        class Handler(_Handler):
            pages = {  # noqa: RUF012 - a table, made once with its class
                "/healthz": lambda: _healthz(ailment()),
                "/metrics": lambda: (HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(registry)),
            }

        self._server = _Server((address, port), Handler)

    @property
    def port(self) -> int:
        """The port that was bound."""
        return self._server.server_port

    def start(self) -> None:
        """Begin to serve."""
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def disown(self) -> None:
        """Close the socket in a forked child, where nobody serves it."""
        self._server.server_close()


def shared(folder: Path) -> CollectorRegistry:
    """The sum of the counters that processes share through a folder, emptied first.

    What a former run left there is of processes long dead.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob("*.db"):
        leftover.unlink()
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=os.fspath(folder))  # type: ignore[no-untyped-call]
    return registry


def forget(pid: int) -> None:
    """Drop the gauges of a process that is gone; its counts stay."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]


Page = tuple[HTTPStatus, str, bytes]


class _Server(ThreadingHTTPServer):
    """Tells of errors in the log, where the base class prints a traceback amid its lines."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base's
        """Log what a request ended with; a client that goes away is no news."""
        error = sys.exception()
        if isinstance(error, ConnectionError):
            logger.debug("a client went away", extra={"peer": client_address[0]})
        else:
            logger.error("health or metrics could not be told", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    """Answers GET from a table of pages."""

    pages: dict[str, Callable[[], Page]]
    protocol_version = "HTTP/1.1"
    timeout = 30.0  # A silent client must not keep a thread.

    def do_GET(self) -> None:
        """Answer."""
        page = self.pages.get(self.path.partition("?")[0])
        status, content_type, body = page() if page else _text(HTTPStatus.NOT_FOUND, "not found")
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Probes and scrapes are no news."""
        logger.debug(format, *args)


def _healthz(ailment: str | None) -> Page:
    if ailment is None:
        return _text(HTTPStatus.OK, "ok")
    return _text(HTTPStatus.INTERNAL_SERVER_ERROR, ailment)


def _text(status: HTTPStatus, text: str) -> Page:
    return status, "text/plain; charset=utf-8", f"{text}\n".encode()
