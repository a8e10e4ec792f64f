"""The gunicorn worker: threads, TLS from memory, and a departure that loses no request."""

import threading
from types import FrameType
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from webhook.server.lifecycle import Lifecycle


class DrainingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """gthread, except that SIGTERM begins a drain instead of ending the worker.

    ``lifecycle`` and ``drain_seconds`` are set by ``gunicorn.conf.py`` once the
    worker is up.
    """

    lifecycle: Lifecycle | None = None
    drain_seconds: float = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Leave the rotation, serve for the drain time, then stop as gthread does."""
        if self.lifecycle is None or not self.alive:
            super().handle_exit(sig, frame)
            return
        self.lifecycle.leave()
        timer = threading.Timer(self.drain_seconds, self._depart, (sig,))
        timer.daemon = True
        timer.start()

    def _depart(self, sig: int) -> None:
        assert self.lifecycle is not None
        self.lifecycle.go()
        super().handle_exit(sig, None)


def pre_request(worker: Any, request: Any, max_body_bytes: int) -> None:
    """Decide before a request is served whether its connection is closed after.

    gunicorn drops a ``Connection`` header of the application, so this is the
    place. A body that will not be read cannot be followed by another request.
    """
    lifecycle: Lifecycle | None = worker.lifecycle
    if lifecycle is not None and not lifecycle.state.keeps_connections:
        request.force_close()
        return
    for name, value in request.headers:
        if name == "CONTENT-LENGTH" and value.isdigit() and int(value) > max_body_bytes:
            request.force_close()
