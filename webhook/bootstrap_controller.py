"""The composition root of the controller's process."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from certs import rotation
from certs.anchors import Announcer, named_anchors
from certs.bundle import BundleError, parse_bundle
from certs.rotation import Rotation
from webhook import __version__
from webhook.bootstrap_rules import CALL_SECONDS, rules_of
from webhook.cluster.bundles import WebhookBundles
from webhook.cluster.client import Api, resource_path
from webhook.cluster.events import EventWriter
from webhook.cluster.informer import (
    PARTIAL,
    POLICIES,
    Handler,
    Informer,
    ObjectInformer,
    Subscription,
)
from webhook.cluster.lease import LeaseLock
from webhook.cluster.live import LiveCluster
from webhook.cluster.profiles import ProfileSource
from webhook.cluster.secrets import SecretStore
from webhook.controller.backfill import WORKERS, Backfiller, Course
from webhook.controller.certificates import CertificateKeeper, Steps
from webhook.controller.elector import Elector, Timing
from webhook.controller.metrics import ControllerMetrics
from webhook.controller.plan import Rules
from webhook.controller.profiles import ProfileKeeper
from webhook.controller.reconciler import Reconciler
from webhook.controller.runner import Runner, Task, patiently, run_until_signal
from webhook.controller.sealer import Sealer
from webhook.deadline import Deadline
from webhook.errors import SettingsError
from webhook.exposition import HealthServer
from webhook.metrics import ProcessMetrics, PrometheusRecorder
from webhook.model.backfill import Backfill
from webhook.model.namespace import MANAGED_BY, MANAGED_BY_LABEL
from webhook.model.objects import PartialObject
from webhook.own_profiles import OwnProfiles
from webhook.replica import utc_now
from webhook.settings import ControllerSettings, Environment
from webhook.settings_tls import CertificateMode
from webhook.stop import Stop

SEALERS = 12
"""Namespaces brought to their plan at once. Each waits for most of its time, as a consistent list
takes the API server up to 100 ms; in a storm of 1,000 namespaces 12 are thrice as fast as 4."""
CONNECTIONS = SEALERS + WORKERS + 11
"""One for each worker and each watch, and some for the election and Events."""

logger = logging.getLogger(__name__)


def controller(environment: Environment) -> int:
    """Run the controller until it is told to stop; gives the exit code.

    Raises:
        SettingsError: there is no way to an API server, the lease's times do not fit, or the
            caBundle is none.
    """
    return run_until_signal(Process(environment).run)


class Process:
    """The controller's parts, put together.

    Args:
        environment: settings and identity.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._timing = _timing(environment.settings.controller)
        self._registry = CollectorRegistry()
        self._metrics = ControllerMetrics(self._registry)
        self._recorder = PrometheusRecorder(self._registry)
        self._shown = ProcessMetrics(__version__, self._registry)
        self._shown.started()
        identity = environment.identity
        self._api = Api.connect(
            environment.kubeconfig, connections=CONNECTIONS, version=__version__
        )
        self._events = EventWriter(
            self._api,
            component="portcullis-controller",
            instance=identity.pod,
            count=self._shown.event,
        )
        self._cluster = LiveCluster(self._api, self._events, identity)
        self._always = self._certificates()
        self._runner: Runner | None = None

    def run(self, stop: Stop) -> int:
        """Serve health, wait for the API server, then keep certificates, and lead when elected."""
        settings = self._environment.settings
        health = HealthServer(
            settings.server.address, settings.controller.metrics_port, self._registry, self._ailment
        )
        health.start()
        since = patiently(self._installed_at, stop, "the time of the installation")
        if since is None:
            return 0
        self._runner = Runner(
            self._elector(), self._tasks(since), self._metrics, always=self._always
        )
        code = self._runner.run(stop)
        self._events.close()
        return code

    def _ailment(self) -> str | None:
        """Waiting for the API server is no ailment: a restart would not bring it back."""
        return self._runner.ailment() if self._runner else None

    def _installed_at(self) -> datetime:
        return self._cluster.installed_at(Deadline.after(CALL_SECONDS))

    def _elector(self) -> Elector:
        identity = self._environment.identity
        lock = LeaseLock(self._api, identity.namespace, identity.installation)
        return Elector(lock, identity.pod, self._timing)

    def _tasks(self, since: datetime) -> Mapping[str, Task]:
        settings, tasks = self._environment.settings, dict[str, Task]()
        if settings.reports.enabled:
            from webhook.bootstrap_reports import reporting  # noqa: PLC0415 - loads all of linting

            tasks |= reporting(self._api, settings, self._metrics, self._shown)
        if settings.default_deny.enabled:
            tasks |= self._sealing(since)
        return tasks

    def _certificates(self) -> dict[str, Task]:
        """Keep the CA, and put back a caBundle that somebody took away.

        By every replica, whoever leads: a caBundle must not wait for an election, and the first
        Pod of another mode could not become ready as long as one of the former mode leads. All
        steps bear several who take them (`certs.rotation`).
        """
        identity, names = self._environment.identity, self._environment.settings.certificates
        mode = names.mode
        if mode is CertificateMode.CERT_MANAGER:
            return {}  # Its cainjector writes the caBundles; two writers would only fight.
        if mode is CertificateMode.EXISTING:
            _refuse_unreadable(names.ca_bundle)
            named = partial(named_anchors, names.ca_bundle, Path(names.directory))
            return self._kept(Announcer(named, self._bundles(), utc_now), [])
        store = SecretStore(self._api, identity.namespace, names.secret_name)
        secrets = resource_path("api", "v1", "namespaces", identity.namespace, "secrets")
        watched = [("watch-secret", "secret", secrets, names.secret_name)]
        times = rotation.Timing(leaf=timedelta(seconds=names.leaf_duration))
        return self._kept(Rotation(store, self._bundles(), utc_now, times), watched)

    def _kept(self, steps: Steps, watched: list[tuple[str, str, str, str]]) -> dict[str, Task]:
        """Take steps, woken by changes of both configurations and what else is watched."""
        keeper = CertificateKeeper(
            steps,
            expires=partial(self._shown.expires, "authority"),
            afterwards=self._bundles().disown,
        )
        name = self._environment.settings.certificates.webhook_configuration
        group = ("apis", "admissionregistration.k8s.io", "v1")
        for kind in ("validating", "mutating"):
            path = resource_path(*group, f"{kind}webhookconfigurations")
            watched.append((f"watch-{kind}", "webhooks", path, name))
        tasks: dict[str, Task] = {"certificates": keeper.run}
        for task, shown, path, of in watched:
            tasks[task] = self._informer(shown, path, keeper.observe, of).run
        return tasks

    def _bundles(self) -> WebhookBundles:
        return WebhookBundles(
            self._api, self._environment.settings.certificates.webhook_configuration
        )

    def _sealing(self, since: datetime) -> dict[str, Task]:
        own = OwnProfiles(self._cluster)
        rules = rules_of(self._environment.settings, self._environment.identity, since, own)
        sealer = self._sealer(rules)
        settings = self._environment.settings.controller
        reconciler = Reconciler(
            sealer,
            self._events,
            self._recorder,
            self._metrics,
            rate=settings.changes_per_second,
        )
        backfiller = self._backfiller(rules)

        def observe(kind: str, item: PartialObject) -> None:
            reconciler.observe(kind, item.metadata)
            backfiller.observe(kind, item.metadata)

        namespaces = Subscription(
            resource_path("api", "v1", "namespaces"),
            PARTIAL,
            observe,
            reconciler.begin_namespaces,
            reconciler.end_namespaces,
        )
        policies = Subscription(
            resource_path("apis", "networking.k8s.io", "v1", "networkpolicies"),
            POLICIES,
            reconciler.observe_policy,
            reconciler.begin_policies,
            reconciler.end_policies,
            {"labelSelector": f"{MANAGED_BY_LABEL}={MANAGED_BY}"},
        )
        watches: dict[str, Task] = {
            "watch-namespaces": self._watch("namespaces", namespaces),
            "watch-policies": self._watch("policies", policies),
        }
        sealers: dict[str, Task] = {f"sealer-{n}": reconciler.run for n in range(SEALERS)}
        sealers["rollout"] = reconciler.pace
        older: dict[str, Task] = {f"backfill-{n}": backfiller.run for n in range(WORKERS)}
        return watches | sealers | older | self._profiles(own, reconciler)

    def _sealer(self, rules: Rules) -> Sealer:
        """Who carries plans out; in spans where that is wished."""
        if not self._environment.settings.tracing.enabled:
            return Sealer(self._cluster, rules)
        from webhook.bootstrap_tracing import tracer  # noqa: PLC0415 - few trace

        tracing = tracer("controller")
        from webhook.tracing import TracedSealer  # noqa: PLC0415 - loads OpenTelemetry

        return TracedSealer(self._cluster, rules, tracing)

    def _backfiller(self, rules: Rules) -> Backfiller:
        """Who cares for the namespaces that were there before us."""
        settings = self._environment.settings
        mode, chosen = settings.default_deny.backfill, settings.controller
        enforces = mode is Backfill.ENFORCE
        rate = chosen.adoptions_per_second if enforces else chosen.changes_per_second
        return Backfiller(
            self._cluster,
            rules,
            Course(mode, rate, chosen.report_period),
            self._events,
            self._recorder,
            self._metrics,
        )

    def _profiles(self, own: OwnProfiles, reconciler: Reconciler) -> dict[str, Task]:
        """Take over what the platform team writes."""
        identity = self._environment.identity
        source = ProfileSource(self._api, identity)
        keeper = ProfileKeeper(source, own, self._events, reconciler.change_profile)
        path = resource_path("api", "v1", "namespaces", identity.namespace, "configmaps")
        watch = self._informer("profiles", path, keeper.observe, source.name)
        return {"profiles": keeper.run, "watch-profiles": watch.run}

    def _watch(self, label: str, subscription: Subscription[Any]) -> Task:
        """Watch what is subscribed to; the metrics know the watch by its label."""
        resync = self._environment.settings.controller.resync_period
        ended = partial(self._shown.watch_ended, label)
        return ObjectInformer(self._api, subscription, resync=resync, ended=ended).run

    def _informer(self, label: str, path: str, handler: Handler, name: str) -> Informer:
        """Watch the one object of that name in a collection."""
        return Informer(
            self._api,
            path,
            handler,
            selector={"fieldSelector": f"metadata.name={name}"},
            resync=self._environment.settings.controller.resync_period,
            ended=partial(self._shown.watch_ended, label),
        )


def _refuse_unreadable(ca_bundle: str) -> None:
    """A value is wrong for ever; a file that is, may be right at the next look."""
    try:
        parse_bundle(ca_bundle.encode())
    except BundleError as error:
        raise SettingsError(f"settings: certificates.caBundle: {error}") from error


def _timing(times: ControllerSettings) -> Timing:
    try:
        return Timing(times.lease_duration, times.renew_deadline, times.retry_period)
    except ValueError as error:
        raise SettingsError(f"settings: {error}") from error
