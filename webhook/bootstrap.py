"""The composition root: settings in, running parts out. The only module that sees all."""

import logging
import ssl
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from flask import Flask

from certs.bundle import BundleError, parse_bundle
from certs.files import FileIdentity
from certs.reason import Decision
from certs.rotation import Rotation, Timing
from certs.serving import ServingIdentity
from certs.store import CertificateStore, FileStore
from webhook import __version__
from webhook.admission import Admission
from webhook.admission.calico import calico_guards
from webhook.admission.enforcement import Enforcement
from webhook.admission.flannel import FlannelGuard
from webhook.admission.flannel_daemonsets import FlannelDaemonSetGuard
from webhook.admission.flannel_namespaces import FlannelNamespaceGuard
from webhook.admission.gate import PodGate
from webhook.admission.isolation import Isolation
from webhook.admission.label_advice import LabelAdviser
from webhook.admission.marks import MarksGuard
from webhook.admission.picture import Pictures
from webhook.admission.policies import PolicyGuard
from webhook.admission.policy_advice import PolicyAdviser
from webhook.admission.policy_checks import PolicyChecks
from webhook.admission.surroundings import Surroundings
from webhook.admission.wishes import Wishes
from webhook.bootstrap_rules import CALL_SECONDS, rules_of
from webhook.controller.sealer import Sealer
from webhook.deadline import Deadline
from webhook.errors import SettingsError
from webhook.interfaces import Cluster
from webhook.lint.action import Action
from webhook.lint.actions import Actions
from webhook.metrics import ProcessMetrics, PrometheusRecorder, Recorder, ServerMetrics
from webhook.model.trust import Anchor
from webhook.own_profiles import OwnProfiles
from webhook.replica import Leaf, Parts, Replica, utc_now
from webhook.server.app import create_app
from webhook.server.callers import Callers
from webhook.server.endpoint import AdmissionEndpoint, Continue, Deciding
from webhook.server.site import WebhookSite
from webhook.server.tls import TlsPolicy
from webhook.settings import (
    Environment,
    Identity,
    ServerSettings,
    Settings,
    Strictness,
)
from webhook.settings_policies import DiffSettings
from webhook.settings_tls import CertificateMode, MinVersion
from webhook.stop import Stop

BUNDLE_FILE = "ca.crt"
"""Where an offline run leaves its caBundle, for ``curl --cacert``."""

LIVE_MODULES = ("bundles", "client", "events", "live", "policy_watch", "secrets")
"""Of `webhook.cluster`, what a live run imports: before the fork, so that the workers share it."""

BESIDE_REVIEWS = 5
"""Callers of the API server beside those that decide reviews: the watch of policies, the writer
of Events, the certificate's thread, the picture of pods, the server's lead. A pool that is too
small throws connections away when there is most to do, and each new one costs a handshake."""

logger = logging.getLogger(__name__)


class Webhook(NamedTuple):
    """What ``wsgi.py`` and ``gunicorn.conf.py`` need."""

    app: Flask
    replica: Replica
    site: WebhookSite


def webhook(environment: Environment) -> Webhook:
    """Put one worker process together; nothing is connected before its `Replica.start`."""
    recorder, process = PrometheusRecorder(), ProcessMetrics(__version__)
    connect = _offline if environment.snapshot else _live
    if connect is _live:
        for module in LIVE_MODULES:
            import_module(f"webhook.cluster.{module}")
    settings = environment.settings
    replica = Replica(
        partial(connect, environment, recorder, process),
        tls_policy(settings.server),
        refresh_seconds=settings.certificates.refresh_period,
    )
    endpoint = AdmissionEndpoint(
        replica,
        replica.lifecycle,
        default_timeout=settings.server.default_timeout,
        meter=ServerMetrics(),
        callers=Callers(settings.server.mtls.allowed_names),
        trace=_continuing(settings),
    )
    app = create_app(endpoint, replica.lifecycle, settings.server)
    site = WebhookSite(endpoint, app, replica.lifecycle, replica.contexts)
    return Webhook(app, replica, site)


def tls_policy(server: ServerSettings) -> TlsPolicy:
    """What the server speaks, and what it asks of clients.

    Raises:
        SettingsError: the CA of clients holds something that is no certificate.
    """
    minimum, client_ca = _VERSIONS[server.tls.min_version], server.mtls.client_ca
    if not server.mtls.enabled:
        return TlsPolicy(minimum)
    try:
        found = parse_bundle(client_ca.encode())
    except BundleError as error:
        raise SettingsError(f"settings: server.mtls.clientCa: {error}") from error
    if not found:
        raise SettingsError("settings: server.mtls.clientCa: expected a certificate, found none")
    return TlsPolicy(minimum, client_ca)


_VERSIONS = {
    MinVersion.TLS_1_2: ssl.TLSVersion.TLSv1_2,
    MinVersion.TLS_1_3: ssl.TLSVersion.TLSv1_3,
}


def admission(environment: Environment, recorder: Recorder, cluster: Cluster) -> Admission:
    """Put admission together on a cluster.

    Raises:
        ClusterError: the time of the installation could not be read.
    """
    settings, identity = environment.settings, environment.identity
    since = cluster.installed_at(Deadline.after(CALL_SECONDS))
    every = rules_of(settings, identity, since, OwnProfiles(cluster))
    rules = every if settings.default_deny.enabled else None
    config_maps = frozenset((ref.namespace, ref.name) for ref in settings.flannel.config_maps)
    prefix = settings.flannel.annotation_prefix
    denied = settings.flannel.direct_routing is Strictness.DENY
    chosen, closed = settings.network_policies, settings.network_policies.protected()
    pictures, budget = Pictures(cluster, chosen.diff.max_pods), chosen.diff.budget_millis / 1000
    told = chosen.diff.enabled and chosen.namespace_labels
    enforcement = Enforcement(cluster) if settings.warnings.not_enforced else None
    isolation = None if chosen.reopened is Action.OFF else Isolation(cluster, rules, closed)
    around = Surroundings(cluster, pictures, budget) if chosen.diff.enabled else None
    actions = Actions(tuple(each.rule() for each in chosen.checks))
    return Admission(
        guards={
            **calico_guards(cluster, settings.calico.objects, settings.calico.api_servers),
            "/configmaps": FlannelGuard(cluster, config_maps, prefix, denied),
            "apps/daemonsets": FlannelDaemonSetGuard(cluster, config_maps, prefix),
            "DELETE /namespaces": FlannelNamespaceGuard(cluster, config_maps, prefix),
            "networking.k8s.io/networkpolicies": PolicyGuard(
                cluster,
                identity.username,
                enforcement,
                isolation=isolation,
                refuses=chosen.reopened is Action.DENY,
                adviser=_adviser(chosen.diff, cluster, pictures),
                checks=PolicyChecks(actions, cluster, around),
            ),
            "/namespaces": MarksGuard(
                identity.username,
                Wishes(rules, cluster) if rules else None,
                LabelAdviser(pictures, budget, closed) if told else None,
            ),
        },
        gate=PodGate(Sealer(cluster, rules), recorder) if rules else None,
        rules=rules,
        authorizer=cluster,
        events=cluster,
        recorder=recorder,
        tells_refusals=settings.events.refusals,
    )


def _adviser(chosen: DiffSettings, cluster: Cluster, pictures: Pictures) -> PolicyAdviser | None:
    if not chosen.enabled:
        return None
    seconds = chosen.budget_millis / 1000
    return PolicyAdviser(cluster, pictures, seconds, chosen.max_pods, chosen.ipblock_matches_pods)


def service_names(settings: Settings, identity: Identity) -> tuple[str, ...]:
    """The DNS names that the API server, or a person with curl, may use."""
    if settings.server.service_names:
        return settings.server.service_names
    host = f"{identity.service}.{identity.namespace}"
    return (f"{host}.svc", host, f"{host}.svc.cluster.local")


def _live(environment: Environment, recorder: Recorder, process: ProcessMetrics) -> Parts:
    from webhook.cluster.bundles import WebhookBundles  # noqa: PLC0415 - an offline run does without
    from webhook.cluster.client import Api  # noqa: PLC0415
    from webhook.cluster.events import EventWriter  # noqa: PLC0415
    from webhook.cluster.live import LiveCluster  # noqa: PLC0415
    from webhook.cluster.policy_watch import PolicyWatch  # noqa: PLC0415
    from webhook.cluster.secrets import SecretStore  # noqa: PLC0415

    settings, identity = environment.settings, environment.identity
    connections = settings.server.threads + BESIDE_REVIEWS
    api = Api.connect(environment.kubeconfig, connections=connections, version=__version__)
    ended = partial(process.watch_ended, "policies")
    watch = PolicyWatch(api, ended) if settings.network_policies.diff.enabled else None
    if watch is not None:
        threading.Thread(target=watch.run, args=[Stop()], name="policies", daemon=True).start()
    events = EventWriter(api, instance=identity.pod, count=process.event)
    cluster = LiveCluster(api, events, identity, watch)
    store = SecretStore(api, identity.namespace, settings.certificates.secret_name)
    bundles = WebhookBundles(api, settings.certificates.webhook_configuration)
    process.started()
    return Parts(
        leaf=_leaf(environment, store),
        admission=_deciding(environment, recorder, cluster),
        anchors=bundles.anchors,
        loading=lambda: "" if watch is None or watch.synced else "listing the NetworkPolicies",
        expires=partial(process.expires, "leaf"),
    )


def _offline(environment: Environment, recorder: Recorder, process: ProcessMetrics) -> Parts:
    from webhook.manifests import read_manifests  # noqa: PLC0415 - a live run reads none
    from webhook.snapshot import SnapshotCluster  # noqa: PLC0415

    assert environment.snapshot is not None
    identity = environment.identity
    objects = [manifest.value for manifest in read_manifests([str(environment.snapshot)])]
    cluster = SnapshotCluster(objects, (identity.namespace, identity.installation))
    store = FileStore(environment.state / "ca.yaml")
    publisher = FileBundle(environment.state / BUNDLE_FILE)
    # Nobody else reads this bundle, so there is nothing to wait for between publishing and signing.
    Rotation(store, publisher, utc_now, Timing(propagation=timedelta(0))).step()
    name = service_names(environment.settings, identity)[0]
    process.started()
    return Parts(
        leaf=_leaf(environment, store),
        admission=_deciding(environment, recorder, cluster),
        anchors=lambda: [Anchor(BUNDLE_FILE, name, pem) for pem in publisher.published()],
        expires=partial(process.expires, "leaf"),
    )


def _deciding(
    environment: Environment, recorder: Recorder, cluster: Cluster
) -> Callable[[], Deciding]:
    """Who decides; in spans where that is wished."""
    make = partial(admission, environment, recorder, cluster)
    if not environment.settings.tracing.enabled:
        return make
    from webhook.bootstrap_tracing import tracer  # noqa: PLC0415 - few trace

    tracing = tracer("webhook")
    from webhook.tracing import TracedAdmission  # noqa: PLC0415 - loads OpenTelemetry

    return lambda: TracedAdmission(make(), tracing)


def _continuing(settings: Settings) -> Continue | None:
    """What makes a review part of its sender's trace; None where nothing is traced."""
    if not settings.tracing.enabled:
        return None
    from webhook.bootstrap_tracing import continuing  # noqa: PLC0415 - few trace

    return continuing()


def _leaf(environment: Environment, store: CertificateStore) -> Leaf:
    """Who keeps the serving certificate; an offline run always has a CA of its own."""
    settings, chosen = environment.settings, environment.settings.certificates
    if chosen.mode is not CertificateMode.SELF_MANAGED and environment.snapshot is None:
        return FileIdentity(Path(chosen.directory), utc_now)
    names = service_names(settings, environment.identity)
    lifetime = timedelta(seconds=chosen.leaf_duration)
    return ServingIdentity(store, names, utc_now, lifetime=lifetime, on_issue=_tell_issue)


def _tell_issue(decision: Decision) -> None:
    logger.info(decision.message, extra={"step": "sign", "reason": decision.reason})


class FileBundle:
    """A caBundle in a file, for offline runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def publish(self, bundle_pem: bytes) -> None:
        """Write the file."""
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_bytes(bundle_pem)

    def published(self) -> Sequence[bytes]:
        """Read the file; before the first writing it is empty."""
        with self._lock:
            return [self._path.read_bytes() if self._path.exists() else b""]
