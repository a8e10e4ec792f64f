"""The composition of reports; a module of its own, so that only who wants them loads linting."""

from collections.abc import Iterable, Mapping
from functools import partial

from webhook.cluster.client import Api
from webhook.cluster.policy_watch import PolicyWatch
from webhook.cluster.reports import Reports
from webhook.controller.metrics import ControllerMetrics
from webhook.controller.reporter import Reporter
from webhook.controller.runner import Task
from webhook.metrics import ProcessMetrics
from webhook.model.objects import NetworkPolicy
from webhook.settings import Settings


def reporting(
    api: Api, settings: Settings, metrics: ControllerMetrics, shown: ProcessMetrics
) -> Mapping[str, Task]:
    """What is to be run while we lead."""

    def recent(namespace: str) -> Iterable[NetworkPolicy] | None:
        return watch.recent(namespace)

    reporter = Reporter(
        Reports(api),
        recent,
        metrics,
        limit=settings.reports.max_results,
        rate=settings.reports.per_second,
        resync=settings.controller.resync_period,
    )
    watch = PolicyWatch(api, partial(shown.watch_ended, "reports"), reporter.changed)
    return {"reports": reporter.run, "watch-all-policies": watch.run}
