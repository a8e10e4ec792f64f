"""How gunicorn serves the webhook; every figure comes from the settings file.

gunicorn reads module-level names as its settings and functions as its hooks.
"""

import gc
import os
import ssl
import time
from collections.abc import Callable
from typing import Any

from webhook import exposition, logs, settings
from webhook.server import worker as draining
from webhook.server.tls import NoCertificateError

_WARMING_SECONDS = 0.05

_environment = settings.load()
_server = _environment.settings.server

bind = [f"{_server.address}:{_server.port}"]
workers = _server.workers
threads = _server.threads
worker_class = "webhook.server.worker.DrainingWorker"
worker_connections = 1000
# What reads requests is chosen here, not by whether gunicorn_h1c happens to be installed.
http_parser = "python"
logger_class = "webhook.server.worker.NoAccessLog"
# The API server drops idle connections after 90 s (k8s.io/apiserver webhook client). A server that
# closes first races with the next request, which Go does not retry: EOF, and failurePolicy decides.
keepalive = 120
# One import of the libraries, shared by fork: workers of 20 MB less each.
preload_app = True
# The drain, then gthread's own wait for what is in flight.
graceful_timeout = int(_server.drain_seconds) + 15
# gthread's main loop reports every second; a worker silent for so long is stuck.
timeout = 60
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112 - no user data
control_socket_disable = True
# TLS is on when a certificate is named. Ours lives in memory: the ssl_context hook gives it.
certfile = keyfile = os.devnull
logconfig_dict = logs.config(_environment.settings.logging.level)


def ssl_context(_config: Any, _default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """The context of the present certificate, built once per certificate."""
    from wsgi import contexts  # noqa: PLC0415 - the application exists only after gunicorn loads it

    try:
        return contexts.context()
    except NoCertificateError as error:
        # gthread closes the connection without a word on this one: the kubelet asks again.
        raise ssl.SSLError(ssl.SSL_ERROR_EOF, str(error)) from error


_health: list[exposition.HealthServer] = []


def on_starting(_arbiter: Any) -> None:
    """Serve liveness and the workers' metrics from the arbiter, which outlives them.

    Liveness must not wait for what a worker waits for, a certificate; a stuck worker is the
    arbiter's business (`timeout`).
    """
    if _environment.metrics is not None:
        registry = exposition.shared(_environment.metrics)
        server = exposition.HealthServer(
            _server.address, _server.metrics_port, registry, lambda: None
        )
        server.start()
        _health.append(server)


def pre_fork(_arbiter: Any, _worker: Any) -> None:
    """Keep what is loaded out of garbage collections, whose marks would unshare every page."""
    gc.collect()
    gc.freeze()


def post_fork(_arbiter: Any, _worker: Any) -> None:
    """Leave the arbiter's socket to the arbiter."""
    for server in _health:
        server.disown()


def post_worker_init(worker: draining.DrainingWorker) -> None:
    """Start the replica's threads, and accept no connection before it is ready.

    The threads must live in the worker, not in its parent. A worker without a certificate could
    only reset connections, while the Pod is in rotation since another worker is ready.
    """
    from wsgi import replica  # noqa: PLC0415 - as above

    replica.start()
    while worker.alive and not replica.lifecycle.state.answers:
        worker.notify()
        time.sleep(_WARMING_SECONDS)
    worker.lifecycle = replica.lifecycle
    worker.drain_seconds = _server.drain_seconds


def pre_request(worker: draining.DrainingWorker, request: Any) -> None:
    """Close connections after the answer where no other request may follow."""
    draining.pre_request(worker, request, _server.max_body_bytes)


def child_exit(_arbiter: Any, worker: Any) -> None:
    """Drop the gauges of a worker that is gone."""
    if _environment.metrics is not None:
        exposition.forget(worker.pid)
