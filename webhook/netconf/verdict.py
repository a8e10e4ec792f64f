"""`judge`: the whole verdict on a text, as the shared cases and the command line show it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from webhook.netconf.backend_reader import find_backend, read_backend
from webhook.netconf.backends import Backend, Vxlan, Wireguard
from webhook.netconf.config import Config, Reading, read
from webhook.netconf.errors import NetConfError, Stage
from webhook.netconf.etcd import check_network_config, network_config_error
from webhook.netconf.lease import Lease, lease
from webhook.netconf.nets import ip4_string, ip6_string
from webhook.netconf.plain import TooDeepError, to_python
from webhook.netconf.reader import NetConf, check_family, started
from webhook.netconf.versions import NEWEST, Version

INTERFACE_MTU = 1500
"""The MTU of the external interface where none is told."""


class Mode(StrEnum):
    """Where flanneld keeps its leases."""

    KUBE = "kube"
    """`--kube-subnet-mgr`: in Node annotations."""
    ETCD = "etcd"
    """In etcd; the network config is checked by `CheckNetworkConfig`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What flanneld does with a text.

    Args:
        ok: it starts.
        error: why not, and where.
        config: the decoded top level, from stage family on.
        backend_type: the type as written, from stage family on.
        backend_config: the backend's values, where the type is known; None if vxlan refuses them.
        etcd_error: what `CheckNetworkConfig` says, whatever the mode.
        netconf: the values, if it starts.
        leases: of each asked set of podCIDRs.
    """

    ok: bool
    error: NetConfError | None = None
    config: dict[str, Any] | None = None
    backend_type: str | None = None
    backend_config: dict[str, Any] | None = None
    etcd_error: str | None = None
    netconf: NetConf | None = None
    leases: dict[str, Lease] = field(default_factory=dict)

    @property
    def stage(self) -> Stage | None:
        """Where flanneld stops, None if it starts."""
        return self.error.stage if self.error else None

    def as_case(self) -> dict[str, Any]:
        """Return the verdict in the form of the shared cases; what is not known is left out."""
        entries = {
            "ok": self.ok,
            "stage": self.stage.value if self.stage else None,
            "config": self.config,
            "backend_type": self.backend_type,
            "backend_config": self.backend_config,
            "etcd_mode_ok": None if self.config is None else self.etcd_error is None,
        }
        return {key: value for key, value in entries.items() if value is not None}


def judge(
    text: str | bytes,
    *,
    mode: Mode = Mode.KUBE,
    version: Version = NEWEST,
    pod_cidrs: Sequence[str] = (),
    interface_mtu: int = INTERFACE_MTU,
) -> Verdict:
    """Judge a text as flanneld does; never raises.

    Args:
        text: the value of net-conf.json.
        mode: how flanneld is run.
        version: flannel's version.
        pod_cidrs: of each node to judge a lease for, its podCIDRs with commas between.
        interface_mtu: MTU of the nodes' external interface, bytes.
    """
    try:
        reading = read(text, version.unknown_keys)
    except NetConfError as error:
        return Verdict(ok=False, error=error)
    checks = mode is Mode.ETCD or version.checks_in_kube_mode
    stage = Stage.NETWORK if mode is Mode.ETCD else Stage.PARSE
    refused = network_config_error(reading, stage) if checks else None
    verdict = _judge(reading, refused, version, interface_mtu)
    netconf = verdict.netconf
    if netconf is None:
        return verdict
    leases = {cidrs: _lease(netconf, cidrs, version) for cidrs in pod_cidrs}
    return replace(verdict, leases=leases)


def _lease(netconf: NetConf, cidrs: str, version: Version) -> Lease:
    if version.checks_pod_cidr:
        return lease(netconf, [cidr.strip() for cidr in cidrs.split(",") if cidr.strip()])
    return Lease(ok=True, note="before v0.18.0 a podCIDR outside Network goes unnoticed (#1428)")


def _judge(reading: Reading, refused: NetConfError | None, version: Version, mtu: int) -> Verdict:
    known: dict[str, Any] = {
        "config": config_view(reading),
        "backend_type": reading.backend_type,
        "etcd_error": check_network_config(reading.config),
    }
    try:
        if refused:
            raise refused
        check_family(reading)
        cls = find_backend(reading.section, reading.backend_type, version.unknown_backends)
    except NetConfError as stopped:
        return Verdict(ok=False, error=stopped, **known)
    enable_ip4, ignored = reading.config.enable_ip4, version.unknown_backend_keys(cls.type)
    backend = read_backend(reading.section, cls, enable_ip4=enable_ip4, ignored=ignored)
    if not (backend.error and cls is Vxlan):
        known["backend_config"] = backend_view(backend.backend, mtu)
    if backend.error:
        return Verdict(ok=False, error=backend.error, **known)
    return Verdict(ok=True, netconf=started(reading, backend), **known)


def config_view(reading: Reading) -> dict[str, Any]:
    """Return the top level as flannel's own `Config` marshals."""
    view = _config_values(reading.config)
    section = reading.section
    if section.present:
        with suppress(TooDeepError):
            view["Backend"] = to_python(section.data, section.at, section.end)
    return view


def _config_values(config: Config) -> dict[str, Any]:
    low, high = config.ip6_subnet_min, config.ip6_subnet_max
    return {
        "EnableIPv4": config.enable_ip4,
        "EnableIPv6": config.enable_ip6,
        "EnableNFTables": config.enable_nftables,
        "Network": str(config.network),
        "IPv6Network": str(config.ip6_network),
        "SubnetMin": ip4_string(config.subnet_min),
        "SubnetMax": ip4_string(config.subnet_max),
        "IPv6SubnetMin": None if low is None else ip6_string(low),
        "IPv6SubnetMax": None if high is None else ip6_string(high),
        "SubnetLen": config.subnet_len,
        "IPv6SubnetLen": config.ip6_subnet_len,
    }


_VXLAN_NAMES = {
    "VNI": "vni",
    "Port": "port",
    "MTU": "mtu",
    "GBP": "gbp",
    "Learning": "learning",
    "DirectRouting": "directRouting",
}


def backend_view(backend: Backend, interface_mtu: int) -> dict[str, Any]:
    """Return the backend's values as the cases name them, an absent MTU being the interface's."""
    values = dict(backend.values())
    if isinstance(backend, (Vxlan, Wireguard)) and backend.mtu is None:
        values["MTU"] = interface_mtu
    if isinstance(backend, Vxlan):
        return {_VXLAN_NAMES[name]: value for name, value in values.items()}
    return values
