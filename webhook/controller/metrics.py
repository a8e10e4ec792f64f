"""What the controller counts of itself."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from webhook.metrics import SECONDS


class ControllerMetrics:
    """What the controller counts, beside the seals of `webhook.metrics`.

    Args:
        registry: where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.leader = Gauge(
            "portcullis_controller_leader", "Whether this replica leads.", registry=registry
        )
        self.depth = Gauge(
            "portcullis_controller_queue_depth",
            "Namespaces that wait to be reconciled.",
            registry=registry,
        )
        self.seconds = Histogram(
            "portcullis_controller_reconcile_seconds",
            "Duration of one reconcile.",
            buckets=SECONDS,
            registry=registry,
        )
        self.repairs = Counter(
            "portcullis_controller_repairs",
            "Policies written or deleted in sealed namespaces, by what was found.",
            ("found",),
            registry=registry,
        )
        self.rollout = Gauge(
            "portcullis_controller_rollout_depth",
            "Namespaces that wait for a change of the settings, at a bounded rate.",
            registry=registry,
        )
        self.backfill = Gauge(
            "portcullis_controller_backfill_depth",
            "Namespaces older than the installation that wait for a report, or to be adopted.",
            registry=registry,
        )
        self.backfilled = Counter(
            "portcullis_controller_backfilled",
            "Namespaces older than the installation, by what became of them.",
            ("outcome",),
            registry=registry,
        )
        self.errors = Counter(
            "portcullis_controller_reconcile_errors",
            "Reconciles that failed, by kind of error.",
            ("error",),
            registry=registry,
        )
