"""gunicorn with our own worker and nothing behind it: what HTTP and TLS take of a review."""

import os
from pathlib import Path
from types import SimpleNamespace

from webhook.model.review import ALLOWED
from webhook.server.census import Census
from webhook.server.endpoint import AdmissionEndpoint
from webhook.server.lifecycle import Lifecycle, State
from webhook.server.site import WebhookSite
from webhook.server.tls import TlsContexts

worker_class = "webhook.server.worker.AdmissionWorker"
preload_app = True
control_socket_disable = True

_census = Census()
_pair = SimpleNamespace(
    chain_pem=Path(os.environ["BENCH_CERT"]).read_bytes(),
    key_pem=Path(os.environ["BENCH_KEY"]).read_bytes(),
    version="1",
)
_contexts = TlsContexts(SimpleNamespace(current=lambda: _pair))
_admission = SimpleNamespace(validate=lambda *_: ALLOWED, mutate=lambda *_: ALLOWED)


def pre_fork(_arbiter, worker):  # noqa: ANN001, ANN201 - gunicorn's hook
    """Give the worker its place."""
    worker.census, worker.place = _census, _census.enter()


def post_worker_init(worker):  # noqa: ANN001, ANN201 - gunicorn's hook
    """Have every review allowed."""
    lifecycle = Lifecycle(State.SERVING, "")
    endpoint = AdmissionEndpoint(_admission, lifecycle, default_timeout=10.0)
    worker.site = WebhookSite(endpoint, worker.wsgi, lifecycle, _contexts)
    worker.lifecycle = lifecycle
