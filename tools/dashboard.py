"""Renders charts/portcullis/files/dashboard.json, the Grafana dashboard: ``make docs``."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tools.chart_readme import CHART

PATH = CHART / "files" / "dashboard.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
OURS = 'namespace=~"$namespace"'
ENTRIES = r'name=~".+\\.portcullis\\.dev"'
WIDTH, HEIGHT, COLUMNS = 8, 7, 3


@dataclass(frozen=True)
class Panel:
    """A graph, or a figure.

    Args:
        queries: PromQL with the legend of its series.
        unit: Grafana's name of it.
        help: what the panel tells, and what is good.
        figure: show the last value alone.
    """

    title: str
    queries: tuple[tuple[str, str], ...]
    help: str
    unit: str = "short"
    figure: bool = False


def rate(metric: str, by: str, more: str = "") -> str:
    """How often something happens in a second, by some labels."""
    return f"sum by ({by}) (rate({metric}{{{OURS}{more}}}[$__rate_interval]))"


def calls(metric: str, selector: str) -> str:
    """How often the API server notes something of our entries in a second."""
    return f"sum by (name) (rate({API}_{metric}{{{selector}}}[$__rate_interval]))"


def quantile(share: float, metric: str, by: str = "", selector: str = OURS) -> str:
    """A quantile of a histogram."""
    labels = f"le, {by}" if by else "le"
    series = f"rate({metric}_bucket{{{selector}}}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by ({labels}) ({series}))"


REVIEW, RECONCILE = (
    "portcullis_admission_duration_seconds",
    "portcullis_controller_reconcile_seconds",
)
SUCCESS = "portcullis_controller_last_success_timestamp_seconds"
API = "apiserver_admission_webhook"
EXPIRY = f"portcullis_certificate_expiration_timestamp_seconds{{{OURS}"
EXPIRIES = (
    (f'min({EXPIRY}, certificate="leaf"}}) - time()', "leaf"),
    (f'max({EXPIRY}, certificate="authority"}}) - time()', "authority"),
)

ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "At a glance",
        (
            Panel(
                "Leaders",
                ((f"sum(portcullis_controller_leader{{{OURS}}})", ""),),
                "1, but for the seconds of a change.",
                figure=True,
            ),
            Panel(
                "Certificates end in", EXPIRIES, "Renewed at two thirds of life.", "s", figure=True
            ),
            Panel(
                "Versions",
                ((f"count by (version) (portcullis_build_info{{{OURS}}})", "{{version}}"),),
                "Processes of each version.",
                figure=True,
            ),
        ),
    ),
    (
        "Reviews",
        (
            Panel(
                "Reviews",
                ((rate("portcullis_admission_reviews_total", "verdict"), "{{verdict}}"),),
                "By verdict; unjudged ones are refused with 503.",
                "reqps",
            ),
            Panel(
                "Latency, p99 and p50",
                (
                    (quantile(0.99, REVIEW, "guard"), "{{guard}} p99"),
                    (quantile(0.5, REVIEW, "guard"), "{{guard}} p50"),
                ),
                "From the decoded review to the response.",
                "s",
            ),
            Panel(
                "In flight",
                ((f"sum by (path) (portcullis_admission_in_flight{{{OURS}}})", "{{path}}"),),
                "Reviews that are being answered.",
            ),
            Panel(
                "Refused and overridden",
                (
                    (
                        rate("portcullis_check_findings_total", "check, outcome"),
                        "{{check}} {{outcome}}",
                    ),
                ),
                "What the checks found.",
                "reqps",
            ),
            Panel(
                "Not judged",
                (
                    (
                        rate("portcullis_admission_unjudged_total", "guard, cause"),
                        "{{guard}} {{cause}}",
                    ),
                ),
                "Nothing, as long as the API server answers in time.",
                "reqps",
            ),
            Panel(
                "Rejected by limits",
                ((rate("portcullis_http_rejected_total", "code"), "{{code}}"),),
                "400 malformed, 411 no length, 413 too large, 503 starting or stopping.",
                "reqps",
            ),
        ),
    ),
    (
        "As the API server sees us",
        (
            Panel(
                "Let through unseen",
                (
                    (
                        calls("fail_open_count", ENTRIES),
                        "{{name}}",
                    ),
                ),
                "failurePolicy Ignore, and we could not be reached. Nothing is good.",
                "reqps",
            ),
            Panel(
                "Refused because we could not be reached",
                (
                    (
                        calls("rejection_count", f'error_type="calling_webhook_error", {ENTRIES}'),
                        "{{name}}",
                    ),
                ),
                "failurePolicy Fail. Nothing is good.",
                "reqps",
            ),
            Panel(
                "Latency, p99",
                (
                    (
                        quantile(0.99, f"{API}_admission_duration_seconds", "name", ENTRIES),
                        "{{name}}",
                    ),
                ),
                "With the network and TLS; its shortest bucket is 5 ms.",
                "s",
            ),
        ),
    ),
    (
        "Namespaces",
        (
            Panel(
                "Namespaces",
                ((f"max by (state) (portcullis_controller_namespaces{{{OURS}}})", "{{state}}"),),
                "unsealed and drifted: none, but for moments.",
            ),
            Panel(
                "Queue",
                (
                    (f"max(portcullis_controller_queue_depth{{{OURS}}})", "waiting"),
                    (f"max(portcullis_controller_rollout_depth{{{OURS}}})", "rollout"),
                    (f"max(portcullis_controller_backfill_depth{{{OURS}}})", "older"),
                ),
                "Namespaces that wait; rollout and older go at a rate that is set.",
            ),
            Panel(
                "Oldest in the queue",
                ((f"max(portcullis_controller_queue_oldest_seconds{{{OURS}}})", "age"),),
                "Seconds that the namespace that waits longest has waited.",
                "s",
            ),
            Panel(
                "Seals and repairs",
                (
                    (rate("portcullis_seals_total", "by, reason"), "{{by}} {{reason}}"),
                    (rate("portcullis_controller_repairs_total", "found"), "repaired {{found}}"),
                    (
                        rate("portcullis_controller_backfilled_total", "outcome"),
                        "older {{outcome}}",
                    ),
                ),
                "What was done.",
                "reqps",
            ),
            Panel(
                "Reconcile, p99",
                ((quantile(0.99, RECONCILE), "p99"),),
                "Some six requests; a consistent list takes up to 100 ms.",
                "s",
            ),
            Panel(
                "Reconcile errors",
                ((rate("portcullis_controller_reconcile_errors_total", "error"), "{{error}}"),),
                "Each is tried again.",
                "reqps",
            ),
        ),
    ),
    (
        "Beside",
        (
            Panel(
                "Events",
                ((rate("portcullis_events_total", "outcome"), "{{outcome}}"),),
                "limited and full were dropped.",
                "reqps",
            ),
            Panel(
                "Restarts of watches",
                ((rate("portcullis_watch_restarts_total", "watch, cause"), "{{watch}} {{cause}}"),),
                "Each ends in due time after 4 to 5 minutes.",
                "reqps",
            ),
            Panel(
                "Reports",
                ((rate("portcullis_controller_reports_total", "outcome"), "{{outcome}}"),),
                "Where reports.enabled is set.",
                "reqps",
            ),
            Panel(
                "Since the last reconcile",
                (
                    (
                        f"time() - max({SUCCESS}{{{OURS}}} > 0)",
                        "age",
                    ),
                ),
                "A quiet cluster needs none.",
                "s",
            ),
        ),
    ),
)


def render() -> str:
    """The dashboard as Grafana reads it."""
    dashboard = {
        "uid": "portcullis",
        "title": "Portcullis",
        "description": "Made by tools/dashboard.py; what each metric is: docs/observability.md.",
        "tags": ["portcullis", "kubernetes", "admission"],
        "schemaVersion": 39,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_datasource(), _namespace()]},
        "panels": list(_panels()),
    }
    return json.dumps(dashboard, indent=1) + "\n"


def _datasource() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
    }


def _namespace() -> dict[str, Any]:
    return {
        "name": "namespace",
        "label": "Namespace",
        "type": "query",
        "datasource": SOURCE,
        "query": "label_values(portcullis_build_info, namespace)",
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "refresh": 2,
    }


def _panels() -> Iterator[dict[str, Any]]:
    top, number = 0, 0
    for title, panels in ROWS:
        number += 1
        place = {"h": 1, "w": WIDTH * COLUMNS, "x": 0, "y": top}
        yield {"id": number, "type": "row", "title": title, "gridPos": place, "collapsed": False}
        top += 1
        for index, panel in enumerate(panels):
            number += 1
            row, column = divmod(index, COLUMNS)
            place = {"h": HEIGHT, "w": WIDTH, "x": column * WIDTH, "y": top + row * HEIGHT}
            yield _panel(panel, number, place)
        top += HEIGHT * -(-len(panels) // COLUMNS)


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "stat" if panel.figure else "timeseries",
        "title": panel.title,
        "description": panel.help,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "expr": query,
                "legendFormat": legend,
                "datasource": SOURCE,
            }
            for at, (query, legend) in enumerate(panel.queries)
        ],
    }
