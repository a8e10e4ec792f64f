"""Every metric of Portcullis: its name, labels and meaning. PURE.

The recorders make their metrics from this table and no others, and docs/observability.md prints
it. Each label has a closed set of values, so no request can add a time series: the table is the
bound of what a Prometheus server has to keep.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds of the latency buckets."""

Values = tuple[str, ...] | str
"""The values of a label, or in words the closed set that they are from."""

GUARDS = (
    "calico",
    "flannel",
    "flannel-daemonsets",
    "flannel-namespaces",
    "gate",
    "marking",
    "marks",
    "networkpolicies",
    "none",
)
"""What may answer a review: guards, the Pod gate, the marking of Namespaces, nothing."""
OPERATIONS = ("CREATE", "UPDATE", "DELETE", "CONNECT")
BOOL = ("false", "true")
REASONS = (
    "Disabled",
    "Terminating",
    "System",
    "Exempt",
    "Sealed",
    "OlderThanInstallation",
    "Adopted",
    "Pending",
    "BornUnmarked",
)
"""`webhook.controller.plan.Reason`, which is above this layer."""
ERRORS = (
    "AlreadyExistsError",
    "ConflictError",
    "DeadlineError",
    "MalformedReviewError",
    "NotFoundError",
    "RefusedError",
    "TooManyError",
    "UnavailableError",
    "internal",
)
"""`webhook.errors`; ``internal`` is a bug of ours."""
WATCHES = ("namespaces", "policies", "profiles", "reports", "secret", "webhooks")


@dataclass(frozen=True, slots=True)
class Family:
    """One metric.

    Args:
        name: as scraped; of a histogram without ``_bucket``.
        help: one sentence.
        labels: by name, each with its values.
        process: the container that shows it.
        merge: what a gauge of several workers comes to (prometheus_client's multiprocess mode).
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: Mapping[str, Values] = field(default_factory=dict)
    process: Literal["webhook", "controller", "both"] = "both"
    merge: Literal["livemin", "livesum", "max", "all"] = "all"


REVIEWS = Family(
    "portcullis_admission_reviews_total",
    "counter",
    "AdmissionReviews answered.",
    {
        "guard": GUARDS,
        "operation": OPERATIONS,
        "verdict": ("allowed", "refused", "unjudged"),
        "dry_run": BOOL,
    },
    "webhook",
)
DURATION = Family(
    "portcullis_admission_duration_seconds",
    "histogram",
    "Time from the decoded review to the response.",
    {"guard": GUARDS},
    "webhook",
)
UNJUDGED = Family(
    "portcullis_admission_unjudged_total",
    "counter",
    "Reviews that could not be judged, by cause; DeadlineError: the request's time was up.",
    {"guard": GUARDS, "cause": ERRORS},
    "webhook",
)
IN_FLIGHT = Family(
    "portcullis_admission_in_flight",
    "gauge",
    "Reviews that are being answered.",
    {"path": ("/validate", "/mutate")},
    "webhook",
    "livesum",
)
REJECTED = Family(
    "portcullis_http_rejected_total",
    "counter",
    "Requests that got no review back: malformed (400), without length (411), too large (413, 414, "
    "431), too slow (408), or while no review is answered or too many wait (503).",
    {"code": ("400", "403", "408", "411", "413", "414", "431", "503", "other")},
    "webhook",
)
FINDINGS = Family(
    "portcullis_check_findings_total",
    "counter",
    "Violations found.",
    {
        "check": "an id of CHECKS.md or docs/networkpolicy-checks.md",
        "outcome": ("refused", "overridden", "warned"),
    },
    "webhook",
)
SEALS = Family(
    "portcullis_seals_total",
    "counter",
    "Plans carried out for namespaces, by who did it and why.",
    {"by": ("gate", "controller"), "reason": REASONS},
)
EXPIRY = Family(
    "portcullis_certificate_expiration_timestamp_seconds",
    "gauge",
    "End of the validity of a certificate in use; of the workers' leaves the earliest.",
    {"certificate": ("leaf", "authority")},
    merge="livemin",
)
EVENTS = Family(
    "portcullis_events_total",
    "counter",
    "Kubernetes Events: written, or dropped as too many for one object or in all (limited), "
    "because too many waited (full), or because the API server did not take them (failed).",
    {"outcome": ("written", "limited", "full", "failed")},
)
WATCH_ENDS = Family(
    "portcullis_watch_restarts_total",
    "counter",
    "Watches begun anew: in due time, after a failure, or because their history was gone (410).",
    {"watch": WATCHES, "cause": ("expired", "failed", "gone")},
)
BUILD = Family(
    "portcullis_build_info",
    "gauge",
    "1; the labels tell what runs.",
    {"version": "of Portcullis", "python": "of Python"},
    merge="max",
)
LEADER = Family(
    "portcullis_controller_leader", "gauge", "Whether this replica leads.", process="controller"
)
DEPTH = Family(
    "portcullis_controller_queue_depth",
    "gauge",
    "Namespaces that wait to be reconciled.",
    process="controller",
)
OLDEST = Family(
    "portcullis_controller_queue_oldest_seconds",
    "gauge",
    "How long the namespace that waits longest has waited, failed attempts included.",
    process="controller",
)
RECONCILE = Family(
    "portcullis_controller_reconcile_seconds",
    "histogram",
    "Duration of one reconcile.",
    process="controller",
)
SUCCESS = Family(
    "portcullis_controller_last_success_timestamp_seconds",
    "gauge",
    "When a reconcile last succeeded; 0 before the first. A quiet cluster needs none.",
    process="controller",
)
RECONCILE_ERRORS = Family(
    "portcullis_controller_reconcile_errors_total",
    "counter",
    "Reconciles that failed; each is tried again after its back-off.",
    {"error": ERRORS},
    "controller",
)
REPAIRS = Family(
    "portcullis_controller_repairs_total",
    "counter",
    "Policies written or deleted in sealed namespaces, by what was found.",
    {"found": ("missing", "edited", "orphan")},
    "controller",
)
NAMESPACES = Family(
    "portcullis_controller_namespaces",
    "gauge",
    "Namespaces with default deny, as the leader sees them: in order, waiting for their first "
    "policies (unsealed), or with other policies than they should have (drifted).",
    {"state": ("sealed", "unsealed", "drifted")},
    "controller",
)
ROLLOUT = Family(
    "portcullis_controller_rollout_depth",
    "gauge",
    "Namespaces that wait for a change of the settings, at a bounded rate.",
    process="controller",
)
BACKFILL = Family(
    "portcullis_controller_backfill_depth",
    "gauge",
    "Namespaces older than the installation that wait for a report, or to be adopted.",
    process="controller",
)
BACKFILLED = Family(
    "portcullis_controller_backfilled_total",
    "counter",
    "Namespaces older than the installation, by what became of them.",
    {"outcome": ("reported", "adopted", "refused")},
    "controller",
)
REPORTS = Family(
    "portcullis_controller_reports_total",
    "counter",
    "Reports on NetworkPolicies: written, as they stood already, or not to be written.",
    {"outcome": ("written", "unchanged", "failed")},
    "controller",
)

FAMILIES = (
    REVIEWS,
    DURATION,
    UNJUDGED,
    IN_FLIGHT,
    REJECTED,
    FINDINGS,
    SEALS,
    EXPIRY,
    EVENTS,
    WATCH_ENDS,
    BUILD,
    LEADER,
    DEPTH,
    OLDEST,
    RECONCILE,
    SUCCESS,
    RECONCILE_ERRORS,
    REPAIRS,
    NAMESPACES,
    ROLLOUT,
    BACKFILL,
    BACKFILLED,
    REPORTS,
)
"""In the order of the documentation."""


def cause_of(error: BaseException) -> str:
    """The label value of an error: its class where it is one of ours, else ``internal``."""
    name = type(error).__name__
    return name if name in ERRORS else "internal"
