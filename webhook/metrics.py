"""What Portcullis counts, behind one small interface.

Metric labels are the ids and verdicts used everywhere else, and the metrics those of
`webhook.metric_table`.
"""

import platform
from datetime import datetime
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.registry import REGISTRY

from webhook import metric_table as table
from webhook.metric_table import SECONDS, Family


def counter(family: Family, registry: CollectorRegistry) -> Counter:
    """Make a counter of the table."""
    return Counter(family.name, family.help, tuple(family.labels), registry=registry)


def gauge(family: Family, registry: CollectorRegistry) -> Gauge:
    """Make a gauge of the table."""
    labels = tuple(family.labels)
    return Gauge(
        family.name, family.help, labels, registry=registry, multiprocess_mode=family.merge
    )


def histogram(family: Family, registry: CollectorRegistry) -> Histogram:
    """Make a histogram of the table."""
    labels = tuple(family.labels)
    return Histogram(family.name, family.help, labels, buckets=SECONDS, registry=registry)


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

    def unjudged(self, guard: str, cause: str) -> None:
        """A review could not be judged; the cause is one of `webhook.metric_table.ERRORS`."""

    def finding(self, check_id: str, outcome: str) -> None:
        """A check found a violation; outcome is ``refused``, ``overridden`` or ``warned``."""

    def seal(self, by: str, reason: str) -> None:
        """A plan was carried out; ``by`` is ``gate`` or ``controller``."""


class SilentRecorder:
    """Counts nothing: for the command line and for tests that do not ask."""

    def review(
        self, guard: str, operation: str, verdict: str, *, dry_run: bool, seconds: float
    ) -> None:
        """Ignore."""

    def unjudged(self, guard: str, cause: str) -> None:
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
        self._reviews = counter(table.REVIEWS, registry)
        self._seconds = histogram(table.DURATION, registry)
        self._unjudged = counter(table.UNJUDGED, registry)
        self._findings = counter(table.FINDINGS, registry)
        self._seals = counter(table.SEALS, registry)
        self._kinds: dict[tuple[str, str, str, bool], tuple[Counter, Histogram]] = {}
        """Series already asked for: the library's own look-up takes a review 10 µs."""
        self._outcomes: dict[tuple[str, str], Counter] = {}
        """The same, of findings."""

    def review(
        self, guard: str, operation: str, verdict: str, *, dry_run: bool, seconds: float
    ) -> None:
        """Count and time one review."""
        kind = (guard, operation, verdict, dry_run)
        known = self._kinds.get(kind)
        if known is None:
            counted = self._reviews.labels(*kind[:3], "true" if dry_run else "false")
            known = self._kinds[kind] = counted, self._seconds.labels(guard)
        counter, histogram = known
        counter.inc()
        histogram.observe(seconds)

    def unjudged(self, guard: str, cause: str) -> None:
        """Count one review that was not judged."""
        self._unjudged.labels(guard, cause).inc()

    def finding(self, check_id: str, outcome: str) -> None:
        """Count one violation."""
        known = self._outcomes.get((check_id, outcome))
        if known is None:
            known = self._outcomes[check_id, outcome] = self._findings.labels(check_id, outcome)
        known.inc()

    def seal(self, by: str, reason: str) -> None:
        """Count one plan."""
        self._seals.labels(by, reason).inc()


class ServerMetrics:
    """What a webhook worker shows of its server, beside what it decides.

    Args:
        registry: where the metrics are registered; the process-wide one by default.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._in_flight = gauge(table.IN_FLIGHT, registry)
        self._rejected = counter(table.REJECTED, registry)
        self._by_path: dict[str, Gauge] = {}

    def began(self, path: str) -> None:
        """A review is being answered on one of our two paths."""
        self._of(path).inc()

    def ended(self, path: str) -> None:
        """It is."""
        self._of(path).dec()

    def rejected(self, code: int) -> None:
        """A request got no review back, but this HTTP status."""
        known = str(code) in table.REJECTED.labels["code"]
        self._rejected.labels(str(code) if known else "other").inc()

    def _of(self, path: str) -> Gauge:
        """The gauge of a path; looking it up by its label costs as much as counting, twice."""
        found = self._by_path.get(path)
        if found is None:
            found = self._by_path[path] = self._in_flight.labels(path)
        return found


class ProcessMetrics:
    """What every process shows: who it is, and how it gets on with the API server.

    Args:
        version: of Portcullis.
        registry: where the metrics are registered; the process-wide one by default.
    """

    def __init__(self, version: str, registry: CollectorRegistry = REGISTRY) -> None:
        self._version = version
        self._build = gauge(table.BUILD, registry)
        self._expiry = gauge(table.EXPIRY, registry)
        self._events = counter(table.EVENTS, registry)
        self._watches = counter(table.WATCH_ENDS, registry)

    def started(self) -> None:
        """The process is up; to be called after a fork, for each process has its own file."""
        self._build.labels(self._version, platform.python_version()).set(1)

    def expires(self, certificate: str, end: datetime) -> None:
        """A certificate, ``leaf`` or ``authority``, is in use until then."""
        self._expiry.labels(certificate).set(end.timestamp())

    def event(self, outcome: str) -> None:
        """A Kubernetes Event was ``written``, or dropped (`webhook.metric_table.EVENTS`)."""
        self._events.labels(outcome).inc()

    def watch_ended(self, watch: str, cause: str) -> None:
        """A watch begins anew (`webhook.metric_table.WATCH_ENDS`)."""
        self._watches.labels(watch, cause).inc()
