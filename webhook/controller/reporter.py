"""Keeps one report in each namespace that says what its NetworkPolicies get wrong.

Level-triggered: the watch of policies tells which namespaces changed, what stands is known by its
digest, and only what differs is written, at a bounded rate. Reports are not watched: every resync
period they are listed, metadata alone, and what somebody changed or took away is written again.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from webhook.backoff import Backoff
from webhook.controller.metrics import ControllerMetrics
from webhook.controller.queue import WorkQueue
from webhook.deadline import Deadline
from webhook.errors import ClusterError, NotFoundError, PortcullisError
from webhook.lint.policyreport import Manifest, ReportKind, digest_of, findings, report
from webhook.model.objects import NetworkPolicy
from webhook.model.profiles import POLICY_PREFIX
from webhook.stop import Stop

FAILED = Backoff(base=2.0, cap=900.0)
SECONDS = 10.0
"""For one request; a list of many pages has as much for all of them."""
POLL_SECONDS = 0.5
BREATH_SECONDS = 0.02
"""Between two namespaces that need no writing: judging thousands must not keep the sealers from
the interpreter."""
RETRY_SECONDS = 30.0
"""After a survey that failed."""

logger = logging.getLogger(__name__)


class Standing(Protocol):
    """A report as it stands."""

    @property
    def digest(self) -> str:
        """That we gave it."""

    @property
    def generation(self) -> int:
        """Changes with its content."""


class Reports(Protocol):
    """Reads and writes reports; `webhook.cluster.reports.Reports` does."""

    def kind(self, deadline: Deadline) -> ReportKind | None:
        """The API of reports that this cluster has, None where it has none."""

    def standing(self, kind: ReportKind, deadline: Deadline) -> Mapping[str, Standing]:
        """Our reports by namespace."""

    def write(self, kind: ReportKind, manifest: Manifest, deadline: Deadline) -> Standing:
        """Put a report where it belongs; how it stands then."""


Recent = Callable[[str], Iterable[NetworkPolicy] | None]
"""The NetworkPolicies of a namespace as a watch told them; None before its first list."""


class Reporter:
    """One thread works, others tell what changed.

    Args:
        reports: where to write.
        recent: what to judge.
        metrics: counts.
        limit: results of one report.
        rate: reports that are written in a second.
        resync: seconds between two looks at what stands.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        reports: Reports,
        recent: Recent,
        metrics: ControllerMetrics,
        *,
        limit: int,
        rate: float,
        resync: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reports = reports
        self._recent = recent
        self._metrics = metrics
        self._limit = limit
        self._pause = 1 / rate
        self._resync = resync
        self._clock = clock
        self._queue = WorkQueue(clock)
        self._kind: ReportKind | None = None
        self._known: dict[str, Standing] = {}
        self._due = 0.0

    def changed(self, namespace: str) -> None:
        """The policies of a namespace are not what they were."""
        self._queue.add(namespace)

    def run(self, stop: Stop) -> None:
        """Keep the reports until told to stop."""
        self._due = self._clock()
        while not stop.is_set():
            stop.wait(self.step(POLL_SECONDS))

    def step(self, timeout: float) -> float:
        """Survey if it is time, and take the next namespace; seconds to pause then."""
        if self._clock() >= self._due:
            self._due = self._clock() + (self._resync if self._survey() else RETRY_SECONDS)
        if self._kind is None:
            return timeout
        name = self._queue.get(timeout)
        if name is None:
            return 0.0
        try:
            return self._handle(self._kind, name)
        finally:
            self._queue.done(name)

    def _survey(self) -> bool:
        """Look which API there is and what stands; False where that could not be told."""
        try:
            deadline = Deadline.after(SECONDS)
            kind = self._reports.kind(deadline)
            standing = self._reports.standing(kind, deadline) if kind else {}
        except ClusterError as error:
            logger.warning("reports not surveyed", extra={"error": str(error)})
            return False
        if kind != self._kind:
            api = f"{kind.group}/{kind.version}" if kind else "none"
            logger.info("the API of reports", extra={"api": api})
            self._kind = kind
            stale = self._known.keys() | standing.keys()
        else:
            stale = {it for it in {*self._known, *standing} if self._differs(it, standing)}
        self._known = {it: now for it, now in standing.items() if not self._edited(it, now)}
        for name in stale:
            self._queue.add(name)
        return True

    def _differs(self, name: str, standing: Mapping[str, Standing]) -> bool:
        return self._known.get(name) != standing.get(name)

    def _edited(self, name: str, now: Standing) -> bool:
        """Whether somebody changed what we wrote; what another leader wrote has its digest."""
        known = self._known.get(name)
        return (
            known is not None and known.digest == now.digest and known.generation != now.generation
        )

    def _handle(self, kind: ReportKind, name: str) -> float:
        try:
            outcome = self._tend(kind, name)
        except NotFoundError:
            self._known.pop(name, None)  # The namespace is gone, or the API: a survey tells.
            self._queue.drop(name)
            return self._pause
        except PortcullisError as error:
            self._failed(name, error)
            return self._pause
        except Exception as error:
            logger.exception("reporting failed", extra={"namespace": name})
            self._failed(name, error)
            return self._pause
        self._queue.succeeded(name)
        if outcome is not None:
            self._metrics.reports.labels(outcome).inc()
        return self._pause if outcome == "written" else BREATH_SECONDS

    def _tend(self, kind: ReportKind, name: str) -> str | None:
        """Write a namespace's report if it differs; what was done, None for nothing to report."""
        policies = list(self._recent(name) or ())
        known = self._known.get(name)
        theirs = [it for it in policies if not it.metadata.name.startswith(POLICY_PREFIX)]
        if not theirs and known is None:
            return None
        found = findings(name, policies)
        manifest = report(kind, name, found, self._limit)
        if known is not None and known.digest == digest_of(manifest):
            return "unchanged"
        self._known[name] = self._reports.write(kind, manifest, Deadline.after(SECONDS))
        return "written"

    def _failed(self, name: str, error: Exception) -> None:
        pause = self._queue.retry(name, FAILED)
        self._metrics.reports.labels("failed").inc()
        fields = {"namespace": name, "error": str(error), "retry_seconds": round(pause, 1)}
        logger.warning("report not written", extra=fields)
