"""What Portcullis counts, behind one small interface.

Metric labels are the ids and verdicts used everywhere else. Label values are
from closed sets (check ids, resources that we guard, reasons): no request can
add a time series.
"""

from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.registry import REGISTRY

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Recorder(Protocol):
    """Counts what admission decides."""

    def review(
        self, guard: str, operation: str, verdict: str, *, dry_run: bool, seconds: float
    ) -> None:
        """A review was answered.

        Args:
            guard: name of the guard, or ``none``.
            operation: CREATE, UPDATE, DELETE or CONNECT.
            verdict: ``allowed``, ``refused`` or ``unjudged``.
            dry_run: the request asked for no effect.
            seconds: from the decoded review to the response.
        """

    def finding(self, check_id: str, outcome: str) -> None:
        """A check found a violation; outcome is ``refused`` or ``overridden``."""

    def seal(self, by: str, reason: str) -> None:
        """A plan was carried out; ``by`` is ``gate`` or ``controller``."""


class SilentRecorder:
    """Counts nothing: for the command line and for tests that do not ask."""

    def review(
        self, guard: str, operation: str, verdict: str, *, dry_run: bool, seconds: float
    ) -> None:
        """Ignore."""

    def finding(self, check_id: str, outcome: str) -> None:
        """Ignore."""

    def seal(self, by: str, reason: str) -> None:
        """Ignore."""


class PrometheusRecorder:
    """Counts in a Prometheus registry.

    Args:
        registry: where the metrics are registered; the process-wide one by default.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._reviews = Counter(
            "portcullis_admission_reviews",
            "AdmissionReviews answered, by guard, operation, verdict and dry run.",
            ("guard", "operation", "verdict", "dry_run"),
            registry=registry,
        )
        self._seconds = Histogram(
            "portcullis_admission_duration_seconds",
            "Time from the decoded review to the response, by guard.",
            ("guard",),
            buckets=SECONDS,
            registry=registry,
        )
        self._findings = Counter(
            "portcullis_check_findings",
            "Violations found, by check id and outcome (refused, overridden).",
            ("check", "outcome"),
            registry=registry,
        )
        self._seals = Counter(
            "portcullis_seals",
            "Plans carried out for namespaces, by who did it and why.",
            ("by", "reason"),
            registry=registry,
        )

    def review(
        self, guard: str, operation: str, verdict: str, *, dry_run: bool, seconds: float
    ) -> None:
        """Count and time one review."""
        self._reviews.labels(guard, operation, verdict, "true" if dry_run else "false").inc()
        self._seconds.labels(guard).observe(seconds)

    def finding(self, check_id: str, outcome: str) -> None:
        """Count one violation."""
        self._findings.labels(check_id, outcome).inc()

    def seal(self, by: str, reason: str) -> None:
        """Count one plan."""
        self._seals.labels(by, reason).inc()
