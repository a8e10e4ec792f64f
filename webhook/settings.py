"""The settings: one frozen value, read once. The only reader of ``os.environ``.

The chart writes the file (a mounted ConfigMap); the environment tells what only
the Pod knows. Unknown keys are refused: a misspelt setting must not be silence.
"""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec

from webhook.errors import SettingsError
from webhook.model.backfill import Backfill
from webhook.model.profiles import Profile
from webhook.netpol.addresses import parse_cidr
from webhook.netpol.labels import Selector
from webhook.settings_observability import (
    EventSettings,
    LoggingSettings,
    ReportSettings,
    TracingSettings,
)
from webhook.settings_policies import NetworkPolicySettings
from webhook.settings_section import Name, Port, Seconds, Section, read_selector
from webhook.settings_tls import CertificateSettings, MtlsSettings, TlsSettings

ProfileName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(deny-all|deny-ingress|same-namespace|none|own-[a-z0-9]([-a-z0-9]*[a-z0-9])?)$",
        max_length=63,
    ),
]
"""One of `Profile`, `none`, or one that the platform team wrote."""


class ConfigMapRef(Section, frozen=True):
    """A ConfigMap that holds a net-conf.json."""

    namespace: Name
    name: Name


FLANNEL_CONFIG_MAPS = (
    ConfigMapRef(namespace="kube-flannel", name="kube-flannel-cfg"),
    ConfigMapRef(namespace="kube-system", name="kube-flannel-cfg"),
    ConfigMapRef(namespace="kube-system", name="canal-config"),
)

SYSTEM_NAMESPACES = (
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "kube-flannel",
    "calico-system",
    "calico-apiserver",
    "tigera-operator",
)


class Strictness(StrEnum):
    """What becomes of a change whose harm hangs on what we cannot see."""

    DENY = "deny"
    WARN = "warn"


class FlannelSettings(Section, frozen=True):
    """What the flannel guard watches over.

    Args:
        annotation_prefix: flanneld's ``--kube-annotation-prefix``.
        direct_routing: on a change of DirectRouting, which splits nodes with ``rp_filter=1``.
    """

    config_maps: tuple[ConfigMapRef, ...] = FLANNEL_CONFIG_MAPS
    annotation_prefix: Name = "flannel.alpha.coreos.com"
    direct_routing: Strictness = Strictness.DENY


CALICO_CONFIG_MAPS = (ConfigMapRef(namespace="kube-system", name="calico-config"),)

CALICO_API_SERVERS = (
    "system:serviceaccount:calico-apiserver:calico-apiserver",
    "system:serviceaccount:calico-system:calico-apiserver",
)


class CalicoSettings(Section, frozen=True):
    """What the Calico guard watches over, beside IP pools and Felix configurations.

    Args:
        config_maps: with ``calico_backend``; operator installs have none.
        api_servers: user names of Calico's API server, which asks us in its own users' names and
            whose writes of ``crd.projectcalico.org`` are therefore not judged again.
    """

    config_maps: tuple[ConfigMapRef, ...] = CALICO_CONFIG_MAPS
    api_servers: tuple[Name, ...] = CALICO_API_SERVERS

    @property
    def objects(self) -> tuple[tuple[str, str], ...]:
        """(namespace, name) of each ConfigMap."""
        return tuple((ref.namespace, ref.name) for ref in self.config_maps)


class WarningSettings(Section, frozen=True):
    """What authors are warned of.

    Args:
        not_enforced: a new NetworkPolicy in a cluster whose network plugin enforces none.
    """

    not_enforced: bool = True


class AllowSettings(Section, frozen=True):
    """What a profile allows beside its denial, each by a policy of its own.

    Args:
        node_local_dns: CIDRs of NodeLocal DNSCache, such as ``169.254.20.10/32``.
        ingress_namespaces: that ingress controllers run in.
        monitoring_namespaces: that scrape metrics.
        api_servers: CIDRs of the API server's endpoints.
        api_server_ports: their ports.

    Raises:
        ValueError: a CIDR is none.
    """

    node_local_dns: tuple[Name, ...] = ()
    ingress_namespaces: tuple[Name, ...] = ()
    monitoring_namespaces: tuple[Name, ...] = ()
    api_servers: tuple[Name, ...] = ()
    api_server_ports: tuple[Annotated[int, msgspec.Meta(ge=1, le=65535)], ...] = (443, 6443)

    def __post_init__(self) -> None:
        """Read every CIDR."""
        for cidr in (*self.node_local_dns, *self.api_servers):
            parse_cidr(cidr)


class OptionSettings(AllowSettings, frozen=True):
    """What one profile allows, in place of what all do."""

    dns: bool = True


class RuleSettings(Section, frozen=True):
    """Namespaces that get a profile of their own.

    Args:
        namespace_selector: a ``metav1.LabelSelector``.
        profile: that they get, or ``none``.

    Raises:
        ValueError: the selector is none.
    """

    profile: ProfileName
    namespace_selector: dict[str, Any] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the selector."""
        self.selector()

    def selector(self) -> Selector:
        """The selector, read."""
        return read_selector(self.namespace_selector, "namespaceSelector")


class DefaultDenySettings(Section, frozen=True):
    """What new namespaces get.

    Args:
        profile: where no rule fits.
        dns: whether pods may ask kube-dns where egress is denied.
        allow: what else is allowed.
        options: by profile, in place of `dns` and `allow`.
        rules: the first one that fits decides.
        system_namespaces: never touched, never gated; our own is added.
        exempt_namespaces: names, or shell patterns such as ``ci-*``, that get no policies.
        backfill: what becomes of namespaces older than the installation.
    """

    enabled: bool = True
    profile: ProfileName = Profile.DENY_ALL
    dns: bool = True
    allow: AllowSettings = AllowSettings()
    options: dict[ProfileName, OptionSettings] = msgspec.field(default_factory=dict)
    rules: tuple[RuleSettings, ...] = ()
    system_namespaces: tuple[Name, ...] = SYSTEM_NAMESPACES
    exempt_namespaces: tuple[Name, ...] = ()
    backfill: Backfill = Backfill.REPORT


class ServerSettings(Section, frozen=True):
    """How the webhook listens.

    Args:
        address: to bind.
        service_names: DNS names of the serving certificate; empty takes
            ``<service>.<namespace>.svc`` of the Pod's environment.
        max_body_bytes: a review carries object and oldObject, each up to 3 MiB.
        default_timeout: deadline where a request names none, in seconds.
        max_connections: of a replica; beyond, the least useful one makes room. Each worker grants
            its share, as of the next two.
        max_connections_per_peer: of these, from one address, or one /64 of IPv6; the API
            servers may share one.
        max_queued_reviews: that wait for their turn; beyond, 503 with ``Retry-After``.
        drain_seconds: how long a stopping replica goes on serving.
        tls: what is spoken.
        mtls: who may send reviews.
    """

    address: str = "0.0.0.0"  # noqa: S104 - a Pod serves its Service on every address
    port: Port = 8443
    metrics_port: Port = 9402
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    threads: Annotated[int, msgspec.Meta(ge=1, le=256)] = 16
    service_names: tuple[Name, ...] = ()
    max_body_bytes: Annotated[int, msgspec.Meta(ge=8 << 20)] = 12 << 20
    default_timeout: Seconds = 10.0
    max_connections: Annotated[int, msgspec.Meta(ge=64, le=100_000)] = 2000
    max_connections_per_peer: Annotated[int, msgspec.Meta(ge=16, le=100_000)] = 1000
    max_queued_reviews: Annotated[int, msgspec.Meta(ge=16, le=100_000)] = 512
    drain_seconds: Seconds = 10.0
    tls: TlsSettings = TlsSettings()
    mtls: MtlsSettings = MtlsSettings()


class ControllerSettings(Section, frozen=True):
    """How the controller elects its leader and watches; durations in seconds.

    Args:
        lease_duration: a lease not renewed for so long may be taken over.
        changes_per_second: namespaces that a change of the settings, or a report, reaches in one.
        adoptions_per_second: namespaces that are adopted in a second.
        report_period: after which what adopting would cut off is looked into again.
    """

    lease_duration: Seconds = 15.0
    renew_deadline: Seconds = 10.0
    retry_period: Seconds = 2.0
    resync_period: Seconds = 600.0
    changes_per_second: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 20.0
    adoptions_per_second: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 1.0
    report_period: Annotated[float, msgspec.Meta(ge=60)] = 21_600.0
    metrics_port: Port = 9403


class Settings(Section, frozen=True):
    """Everything that can be set in the file."""

    flannel: FlannelSettings = FlannelSettings()
    calico: CalicoSettings = CalicoSettings()
    warnings: WarningSettings = WarningSettings()
    default_deny: DefaultDenySettings = DefaultDenySettings()
    network_policies: NetworkPolicySettings = NetworkPolicySettings()
    logging: LoggingSettings = LoggingSettings()
    events: EventSettings = EventSettings()
    reports: ReportSettings = ReportSettings()
    tracing: TracingSettings = TracingSettings()
    server: ServerSettings = ServerSettings()
    controller: ControllerSettings = ControllerSettings()
    certificates: CertificateSettings = CertificateSettings()


class Identity(msgspec.Struct, frozen=True):
    """Who this process is in its cluster.

    Args:
        namespace: of the Pod.
        pod: name of the Pod; the leader's identity in the Lease.
        service: name of the Service in front of the replicas.
        service_account: name of the Pod's ServiceAccount.
        installation: name of the ConfigMap with the settings; its creation is
            the time of the installation, before which namespaces are left alone.
    """

    namespace: str = "portcullis-system"
    pod: str = "portcullis"
    service: str = "portcullis"
    service_account: str = "portcullis"
    installation: str = "portcullis"

    @property
    def username(self) -> str:
        """Our user name as the API server tells it in ``userInfo``."""
        return f"system:serviceaccount:{self.namespace}:{self.service_account}"


class Environment(msgspec.Struct, frozen=True):
    """What the environment says: settings, identity, and an offline cluster if any.

    Args:
        snapshot: folder of manifests that stands for a cluster, or None.
        state: folder for the certificates of an offline run.
        metrics: folder that the worker processes share their counters in.
        kubeconfig: how to reach the API server; None means as a Pod does.
    """

    settings: Settings
    identity: Identity
    snapshot: Path | None
    state: Path
    metrics: Path | None
    kubeconfig: str | None


def decode_settings(text: str | bytes) -> Settings:
    """Read a settings file (YAML or JSON).

    Raises:
        SettingsError: names the key at fault, as ``$.server.port``.
    """
    try:
        return msgspec.yaml.decode(text or b"{}", type=Settings)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise SettingsError(f"settings: {error}") from error


def load(environ: Mapping[str, str] | None = None) -> Environment:
    """Read the settings file that ``PORTCULLIS_SETTINGS`` names, and the Pod's environment.

    Raises:
        SettingsError: the file cannot be read, or is wrong.
    """
    env = os.environ if environ is None else environ
    snapshot = env.get("PORTCULLIS_SNAPSHOT")
    metrics = env.get("PROMETHEUS_MULTIPROC_DIR")
    return Environment(
        settings=_file(env.get("PORTCULLIS_SETTINGS")),
        identity=_identity(env),
        snapshot=Path(snapshot) if snapshot else None,
        state=Path(env.get("PORTCULLIS_STATE", "/var/run/portcullis")),
        metrics=Path(metrics) if metrics else None,
        kubeconfig=env.get("KUBECONFIG") or None,
    )


def _file(path: str | None) -> Settings:
    if not path:
        return Settings()
    try:
        return decode_settings(Path(path).read_bytes())
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error


def _identity(env: Mapping[str, str]) -> Identity:
    names = {
        "namespace": "POD_NAMESPACE",
        "pod": "POD_NAME",
        "service": "PORTCULLIS_SERVICE",
        "service_account": "POD_SERVICE_ACCOUNT",
        "installation": "PORTCULLIS_INSTALLATION",
    }
    return Identity(**{field: env[name] for field, name in names.items() if env.get(name)})
