"""How gunicorn serves the webhook; every figure comes from the settings file.

gunicorn reads module-level names as its settings and functions as its hooks.
"""

import gc
import os
import sys
import time
from math import ceil
from typing import Any

from webhook import exposition, logs, settings
from webhook.server.census import Census
from webhook.server.limits import Limits
from webhook.server.worker import AdmissionWorker

_WARMING_SECONDS = 0.05
# So long a review waits for the interpreter while another thread reads the cluster's Pods; Python's
# own 5 ms were a third of p99 (docs/performance.md).
_SWITCH_SECONDS = 0.0005

_environment = settings.load()
_server = _environment.settings.server

bind = [f"{_server.address}:{_server.port}"]
workers = _server.workers
worker_class = "webhook.server.worker.AdmissionWorker"
# The API server drops idle connections after 90 s (k8s.io/apiserver webhook client). A server that
# closes first races with the next request, which Go does not retry: EOF, and failurePolicy decides.
keepalive = 120
# One import of the libraries, shared by fork: workers of 20 MB less each.
preload_app = True
# The drain, then the wait for what is in flight.
graceful_timeout = int(_server.drain_seconds) + 15
# A worker reports every second; one silent for so long is stuck.
timeout = 60
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112 - no user data
control_socket_disable = True
logconfig_dict = logs.config(_environment.settings.logging.level)


_limits = Limits(
    connections=ceil(_server.max_connections / workers),
    connections_per_peer=ceil(_server.max_connections_per_peer / workers),
    queued=ceil(_server.max_queued_reviews / workers),
    concurrent=_server.threads,
    body_bytes=_server.max_body_bytes,
    buffered_bytes=4 * _server.max_body_bytes,
    idle_seconds=keepalive,
)

_census = Census()
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


def pre_fork(_arbiter: Any, worker: AdmissionWorker) -> None:
    """Keep what is loaded out of garbage collections, whose marks would unshare every page."""
    worker.census, worker.place = _census, _census.enter()
    gc.collect()
    gc.freeze()


def post_fork(_arbiter: Any, _worker: Any) -> None:
    """Leave the arbiter's socket to the arbiter."""
    for server in _health:
        server.disown()


def post_worker_init(worker: AdmissionWorker) -> None:
    """Start the replica's threads, and accept no connection before it is ready.

    The threads must live in the worker, not in its parent. A worker without a certificate could
    only reset connections, while the Pod is in rotation since another worker is ready.
    """
    from wsgi import replica, site  # noqa: PLC0415 - they exist only after gunicorn loads them

    sys.setswitchinterval(_SWITCH_SECONDS)
    replica.start()
    while worker.alive and not replica.lifecycle.state.answers:
        worker.notify()
        time.sleep(_WARMING_SECONDS)
    worker.site = site
    worker.limits = _limits
    worker.lifecycle = replica.lifecycle
    worker.drain_seconds = _server.drain_seconds


def child_exit(_arbiter: Any, worker: AdmissionWorker) -> None:
    """Drop the gauges and the place of a worker that is gone."""
    _census.leave(worker.place)
    if _environment.metrics is not None:
        exposition.forget(worker.pid)
