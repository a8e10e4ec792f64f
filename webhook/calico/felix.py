"""A FelixConfiguration, and what a change of one does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from webhook.calico.table import TABLE, Row
from webhook.netconf import KeyChange

_DEFAULTS: Final[Mapping[str, object]] = {
    "ipipEnabled": None,
    "vxlanEnabled": None,
    "vxlanVNI": 4096,
    "vxlanPort": 4789,
    "ipipMTU": 0,
    "vxlanMTU": 0,
    "bpfEnabled": False,
    "wireguardEnabled": False,
}
"""What each key is where it is not set (felix/config/config_params.go)."""

FELIX_KEYS: Final = tuple(_DEFAULTS)
"""The keys that are judged; the chart sends changes of no other."""

_ROWS: Final = {
    "vxlanVNI": "felix-vxlan",
    "vxlanPort": "felix-vxlan",
    "ipipMTU": "felix-mtu",
    "vxlanMTU": "felix-mtu",
    "bpfEnabled": "felix-bpf",
    "wireguardEnabled": "felix-wireguard",
}


@dataclass(frozen=True, slots=True)
class Felix:
    """The effective values of the judged keys."""

    values: Mapping[str, object] = field(default_factory=lambda: dict(_DEFAULTS))


def read_felix(manifest: Mapping[str, Any]) -> Felix:
    """Read a FelixConfiguration; null is absent."""
    spec = manifest.get("spec")
    given = spec if isinstance(spec, dict) else {}
    return Felix(
        {k: default if given.get(k) is None else given[k] for k, default in _DEFAULTS.items()}
    )


def felix_changes(old: Felix, new: Felix) -> tuple[KeyChange, ...]:
    """The keys whose effective values differ, each rated for a cluster that runs Calico."""
    return tuple(_changes(old.values, new.values))


def _changes(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[KeyChange]:
    for key in FELIX_KEYS:
        before, after = old[key], new[key]
        if before != after or type(before) is not type(after):
            yield _row(key, before, after).of(key, _shown(before), _shown(after))


def _row(key: str, before: object, after: object) -> Row:
    if key in _ROWS:
        return TABLE[_ROWS[key]]
    off = before is False or after is False
    return TABLE["felix-encap-off" if off else "felix-encap-on"]


def _shown(value: object) -> str:
    return "unset" if value is None else str(value).lower()
