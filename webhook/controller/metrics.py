"""What the controller counts of itself."""

from collections.abc import Callable, Mapping
from functools import partial

from prometheus_client import CollectorRegistry, Gauge

from webhook import metric_table as table
from webhook.metrics import counter, gauge, histogram


class ControllerMetrics:
    """What the controller counts, beside the seals of `webhook.metrics`.

    What it knows from watches is shown while it leads: a replica that does not lead has no watch,
    and would show what was true once.

    Args:
        registry: where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._leader = gauge(table.LEADER, registry)
        self._depth = gauge(table.DEPTH, registry)
        self._oldest = gauge(table.OLDEST, registry)
        self._rollout = gauge(table.ROLLOUT, registry)
        self._backfill = gauge(table.BACKFILL, registry)
        self._namespaces = gauge(table.NAMESPACES, registry)
        self.seconds = histogram(table.RECONCILE, registry)
        self.success = gauge(table.SUCCESS, registry)
        self.errors = counter(table.RECONCILE_ERRORS, registry)
        self.repairs = counter(table.REPAIRS, registry)
        self.backfilled = counter(table.BACKFILLED, registry)
        self.reports = counter(table.REPORTS, registry)
        self._leads = False

    def lead(self, *, leads: bool) -> None:
        """This replica leads from now on, or not any more."""
        self._leads = leads
        self._leader.set(leads)

    def queue(self, depth: Callable[[], float], oldest: Callable[[], float]) -> None:
        """What waits to be reconciled, and since when in seconds."""
        self._tell(self._depth, depth)
        self._tell(self._oldest, oldest)

    def rollout(self, depth: Callable[[], float]) -> None:
        """What waits for a change of the settings."""
        self._tell(self._rollout, depth)

    def backfill(self, depth: Callable[[], float]) -> None:
        """What waits to be reported on, or to be adopted."""
        self._tell(self._backfill, depth)

    def namespaces(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """How many namespaces are in which state."""
        for state in table.NAMESPACES.labels["state"]:
            self._tell(self._namespaces.labels(state), partial(_count, counts, state))

    def _tell(self, metric: Gauge, value: Callable[[], float]) -> None:
        metric.set_function(lambda: value() if self._leads else 0.0)


def _count(counts: Callable[[], Mapping[str, int]], state: str) -> float:
    return counts()[state]
