"""Threads that serve requests: one leads, the others wait.

The leader looks after all sockets (`webhook.server.reactor`) and serves each request itself, on the
spot: no thread is woken for it, which under one interpreter lock costs more than most reviews. Only
where a request keeps the leader, since it waits for the API server or takes long, the lead passes
to another thread; the former leader finishes its request, leaves the answer to the new one and
queues up. So has Go's scheduler done with system calls since 1.2 (sysmon and entersyscall), and
leader/followers has been the pattern's name since Schmidt (POSA2).
"""

import logging
import threading
import time

from webhook import waiting
from webhook.rationed import TRACEBACKS, RationedLog
from webhook.server.reactor import Job, Reactor, Site

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.005
"""How long a request may keep the leader."""
QUIET_TICKS = 100
"""Looks without any request, after which the supervisor sleeps until there is one."""


class Crew:
    """The threads.

    Args:
        reactor: whom the leader looks after.
        site: serves requests.
        concurrent: requests being served at once.
    """

    def __init__(self, reactor: Reactor, site: Site, concurrent: int) -> None:
        self._reactor, self._site, self._concurrent = reactor, site, concurrent
        self._baton = threading.Lock()
        self._lock = threading.Lock()
        self._leader = 0
        self._job: Job | None = None
        self._began = 0.0
        self._served = self._away = self._quiet = 0
        self._stirred = threading.Event()
        self._sleeping = False
        self._bugs = RationedLog(logger, TRACEBACKS)
        self.over = threading.Event()
        """The reactor has come to its end."""

    def start(self) -> None:
        """Begin; one thread more than requests are served at once, so that one always leads."""
        waiting.tell(self._about_to_wait)
        for number in range(self._concurrent + 1):
            name = f"crew-{number}"
            threading.Thread(target=self._follow, name=name, daemon=True).start()

    def supervise(self, seconds: float) -> None:
        """Pass the lead on from whoever keeps it for too long; returns after some seconds."""
        until, served = time.monotonic() + seconds, self._served
        while (now := time.monotonic()) < until and not self.over.is_set():
            if self._quiet < QUIET_TICKS:
                time.sleep(PATIENCE_SECONDS)
            else:
                self._sleep(until - now)
            job, began = self._job, self._began
            if job is not None and time.monotonic() - began >= PATIENCE_SECONDS:
                self._pass_on(job)
            self._quiet = self._quiet + 1 if job is None and served == self._served else 0
            served = self._served

    def _sleep(self, seconds: float) -> None:
        """Wait until a request is served, at most for some seconds."""
        self._stirred.clear()
        self._sleeping = True
        if self._job is None and not self.over.is_set():
            self._stirred.wait(seconds)
        self._sleeping = False

    def _follow(self) -> None:
        while True:
            self._baton.acquire()
            if self.over.is_set():
                self._baton.release()
                return
            self._lead()

    def _lead(self) -> None:
        """Look after the sockets and serve, until another thread has the lead."""
        self._leader = threading.get_ident()
        while True:
            try:
                job = self._reactor.take(self._may_serve)
            except Exception as error:  # noqa: BLE001 - told with its traceback
                self._bugs.tell("looking after the sockets failed", {}, error)
                time.sleep(PATIENCE_SECONDS)
                continue
            if job is None:
                break
            if not self._serve(job):
                return
        self.over.set()
        self._stirred.set()
        self._baton.release()

    def _may_serve(self) -> bool:
        return self._away < self._concurrent

    def _serve(self, job: Job) -> bool:
        """Serve a request; whether this thread still leads."""
        self._began = time.monotonic()
        self._job = job
        self._served += 1
        if self._sleeping:
            self._stirred.set()
        answer = self._site.serve(job.request, job.deadline, job.connection.channel.certificate)
        with self._lock:
            leads = self._job is job
            if leads:
                self._job = None
            else:
                self._away -= 1
        if leads:
            self._reactor.deliver(job, answer)
        else:
            self._reactor.finish(job, answer)
        return leads

    def _pass_on(self, job: Job) -> None:
        """Let another thread lead while this request is served."""
        with self._lock:
            if self._job is not job:
                return
            self._job = None
            self._away += 1
        self._baton.release()

    def _about_to_wait(self) -> None:
        """The calling thread will wait for somebody else; it need not lead meanwhile."""
        job = self._job
        if job is not None and threading.get_ident() == self._leader:
            self._pass_on(job)
