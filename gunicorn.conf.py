"""How gunicorn serves the webhook; every figure comes from the settings file.

gunicorn reads module-level names as its settings and functions as its hooks.
"""

import os
import ssl
from collections.abc import Callable
from typing import Any

from webhook import logs, settings
from webhook.server import exposition
from webhook.server import worker as draining
from webhook.server.tls import NoCertificateError

_environment = settings.load()
_server = _environment.settings.server

bind = [f"{_server.address}:{_server.port}"]
workers = _server.workers
threads = _server.threads
worker_class = "webhook.server.worker.DrainingWorker"
worker_connections = 1000
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
logconfig_dict = logs.config()


def ssl_context(_config: Any, _default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """The context of the present certificate, built once per certificate."""
    from wsgi import contexts  # noqa: PLC0415 - the application exists only after gunicorn loads it

    try:
        return contexts.context()
    except NoCertificateError as error:
        # gthread closes the connection without a word on this one: the kubelet asks again.
        raise ssl.SSLError(ssl.SSL_ERROR_EOF, str(error)) from error


def when_ready(_arbiter: Any) -> None:
    """Serve /metrics from the arbiter, which outlives the workers."""
    if _environment.metrics is not None:
        exposition.serve(_server.address, _server.metrics_port, _environment.metrics)


def on_starting(_arbiter: Any) -> None:
    """Forget the counters of a former run."""
    if _environment.metrics is not None:
        exposition.prepare(_environment.metrics)


def post_worker_init(worker: draining.DrainingWorker) -> None:
    """Start the replica's threads: they must live in the worker, not in its parent."""
    from wsgi import replica  # noqa: PLC0415 - as above

    worker.lifecycle = replica.lifecycle
    worker.drain_seconds = _server.drain_seconds
    replica.start()


def pre_request(worker: draining.DrainingWorker, request: Any) -> None:
    """Close connections after the answer where no other request may follow."""
    draining.pre_request(worker, request, _server.max_body_bytes)


def child_exit(_arbiter: Any, worker: Any) -> None:
    """Drop the gauges of a worker that is gone."""
    if _environment.metrics is not None:
        exposition.forget(worker.pid)
