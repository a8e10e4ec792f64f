"""The ConfigMap calico-config of a manifest install, and what a change of it does."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from webhook.calico.table import TABLE
from webhook.netconf import KeyChange

CONFIG_KEYS: Final = (
    "calico_backend",
    "etcd_endpoints",
    "cni_network_config",
    "veth_mtu",
    "typha_service_name",
)
"""The keys that are judged; the chart sends changes of no other."""

# cni_network_config is a template (``"mtu": __CNI_MTU__``), not JSON, so it is searched.
_DATASTORE = re.compile(r'"datastore_type"\s*:\s*"([^"]*)"')
_ETCD = re.compile(r'"etcd_endpoints"\s*:')
_IPAM = re.compile(r'"ipam"\s*:\s*\{[^{}]*"type"\s*:\s*"([^"]*)"')


@dataclass(frozen=True, slots=True)
class CalicoConfig:
    """What the judged keys say; None where a key is not there.

    Args:
        backend: ``calico_backend``: bird, vxlan or none.
        etcd_endpoints: where the etcd datastore is; empty or None with the Kubernetes API.
        datastore: ``kubernetes`` or ``etcdv3``, as the CNI plugin is told.
        ipam: type of the plugin's IPAM.
        cni: the whole template.
        veth_mtu: as it stands.
        typha: ``typha_service_name``.
    """

    backend: str | None = None
    etcd_endpoints: str | None = None
    datastore: str | None = None
    ipam: str | None = None
    cni: str | None = None
    veth_mtu: str | None = None
    typha: str | None = None


def read_config(data: Mapping[str, str]) -> CalicoConfig:
    """Read the ConfigMap's data."""
    cni = data.get("cni_network_config")
    return CalicoConfig(
        backend=data.get("calico_backend"),
        etcd_endpoints=data.get("etcd_endpoints") or None,
        datastore=None if cni is None else _datastore(cni),
        ipam=None if cni is None else _found(_IPAM, cni),
        cni=cni,
        veth_mtu=data.get("veth_mtu"),
        typha=data.get("typha_service_name"),
    )


def config_changes(old: CalicoConfig, new: CalicoConfig) -> tuple[KeyChange, ...]:
    """The values that differ, each rated for a cluster that runs Calico."""
    return (*_backend(old, new), *_datastores(old, new), *_plugin(old, new), *_rest(old, new))


def _backend(old: CalicoConfig, new: CalicoConfig) -> Iterator[KeyChange]:
    if old.backend == new.backend or old.backend is None:
        return
    row = "calico_backend-removed" if new.backend is None else "calico_backend"
    yield TABLE[row].of("calico_backend", old.backend, _shown(new.backend))


def _datastores(old: CalicoConfig, new: CalicoConfig) -> Iterator[KeyChange]:
    row = TABLE["datastore"]
    if _endpoints(old.etcd_endpoints) != _endpoints(new.etcd_endpoints):
        before, after = _shown(old.etcd_endpoints), _shown(new.etcd_endpoints)
        yield row.of("etcd_endpoints", before, after)
    if old.cni is not None and new.cni is not None and old.datastore != new.datastore:
        before, after = _shown(old.datastore), _shown(new.datastore)
        yield row.of("cni_network_config", f"datastore_type {before}", f"datastore_type {after}")


def _plugin(old: CalicoConfig, new: CalicoConfig) -> Iterator[KeyChange]:
    if old.cni == new.cni:
        return
    if old.cni is not None and new.cni is not None and old.ipam != new.ipam:
        before, after = f"ipam {_shown(old.ipam)}", f"ipam {_shown(new.ipam)}"
        yield TABLE["ipam"].of("cni_network_config", before, after)
    elif old.datastore == new.datastore or old.cni is None or new.cni is None:
        yield TABLE["cni_network_config"].of("cni_network_config", "(old)", "(new)")


def _rest(old: CalicoConfig, new: CalicoConfig) -> Iterator[KeyChange]:
    if old.veth_mtu != new.veth_mtu:
        yield TABLE["veth_mtu"].of("veth_mtu", _shown(old.veth_mtu), _shown(new.veth_mtu))
    if old.typha != new.typha:
        yield TABLE["typha_service_name"].of(
            "typha_service_name", _shown(old.typha), _shown(new.typha)
        )


def _datastore(cni: str) -> str | None:
    """The plugin's datastore: as named, or etcd, its default, where only endpoints are."""
    return _found(_DATASTORE, cni) or ("etcdv3" if _ETCD.search(cni) else None)


def _endpoints(text: str | None) -> frozenset[str]:
    """The same members in another order are the same etcd."""
    return frozenset(part.strip().rstrip("/") for part in (text or "").split(",")) - {""}


def _found(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match[1] if match else None


def _shown(value: str | None) -> str:
    return "unset" if value is None else value
