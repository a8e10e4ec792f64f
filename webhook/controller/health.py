"""What the controller tells of itself: metrics and liveness, plain HTTP on a port of its own."""

import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from webhook.metrics import SECONDS

logger = logging.getLogger(__name__)


class ControllerMetrics:
    """What the controller counts, beside the seals of `webhook.metrics`.

    Args:
        registry: where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.leader = Gauge(
            "portcullis_controller_leader", "Whether this replica leads.", registry=registry
        )
        self.depth = Gauge(
            "portcullis_controller_queue_depth",
            "Namespaces that wait to be reconciled.",
            registry=registry,
        )
        self.seconds = Histogram(
            "portcullis_controller_reconcile_seconds",
            "Duration of one reconcile.",
            buckets=SECONDS,
            registry=registry,
        )
        self.errors = Counter(
            "portcullis_controller_reconcile_errors",
            "Reconciles that failed, by kind of error.",
            ("error",),
            registry=registry,
        )


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

        self._server = ThreadingHTTPServer((address, port), Handler)
        self._server.daemon_threads = True

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


Page = tuple[HTTPStatus, str, bytes]


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
