"""The gunicorn worker: our own connections and threads, and a departure that loses no request."""

import os
import resource
import threading
import time
from types import FrameType

from gunicorn.workers.base import Worker

from webhook.server.census import Census
from webhook.server.crew import Crew
from webhook.server.lifecycle import Lifecycle
from webhook.server.limits import Limits
from webhook.server.reactor import Reactor
from webhook.server.site import WebhookSite

HEARTBEAT_SECONDS = 1.0
"""How often the arbiter is told that this worker is well."""
STALL_SECONDS = 10.0
"""Without a look at its sockets a worker is not well."""
SPARE_DESCRIPTORS = 200
"""For the API server's connections, files and pipes."""


class AdmissionWorker(Worker):  # type: ignore[misc]  # gunicorn ships no types
    """Serves a `WebhookSite`; SIGTERM begins a drain instead of ending the worker.

    ``census`` and ``place`` are set before the fork, the others by ``gunicorn.conf.py`` once the
    worker is up.
    """

    census: Census
    place: int
    site: WebhookSite
    limits = Limits()
    lifecycle: Lifecycle | None = None
    drain_seconds: float = 0.0

    def run(self) -> None:
        """Serve until told to stop, and until all is answered then."""
        if not self.alive:
            return
        allow_descriptors(self.limits.connections + SPARE_DESCRIPTORS)
        reactor = Reactor(self.sockets, self.site, self.limits, self.census, self.place)
        crew = Crew(reactor, self.site, self.limits.concurrent)
        crew.start()
        while self.alive and os.getppid() == self.ppid:
            self._supervise(crew, reactor)
        reactor.retire()
        limit = time.monotonic() + float(self.cfg.graceful_timeout)
        while not crew.over.is_set() and time.monotonic() < limit:
            self._supervise(crew, reactor)

    def _supervise(self, crew: Crew, reactor: Reactor) -> None:
        crew.supervise(HEARTBEAT_SECONDS)
        if time.monotonic() - reactor.beat < STALL_SECONDS:
            self.notify()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Leave the rotation, serve for the drain time, then stop."""
        if self.lifecycle is None or not self.alive:
            super().handle_exit(sig, frame)
            return
        self.lifecycle.leave()
        timer = threading.Timer(self.drain_seconds, self._depart)
        timer.daemon = True
        timer.start()

    def _depart(self) -> None:
        assert self.lifecycle is not None, "a drain begins where there is one"
        self.lifecycle.go()
        self.alive = False


def allow_descriptors(wanted: int) -> None:
    """Raise the soft limit of open files to what may be needed, as far as the hard one allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
