"""What flannel takes and the Linux kernel, Windows, or CNI does not.

Sources: measured with a kernel (ip link), flannel pkg/backend/vxlan/vxlan_windows.go,
flannel-io/cni-plugin flannel.go (FLANNEL_MTU is parsed unsigned).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from webhook.netconf.backends import Udp, Vxlan, Wireguard
from webhook.netconf.reader import NetConf
from webhook.netconf.scan import Kind
from webhook.netconf.text import fold, unquote

MAX_VNI: Final = 9_999_999
"""The largest VNI: the device's name `flannel.N` has at most 15 characters."""
MAX_VNI_IP6: Final = 9_999
"""The largest VNI with EnableIPv6: the device is named `flannel-v6.N`."""
VXLAN_OVERHEAD: Final = 50
"""The bytes a vxlan header takes off the MTU."""
WIREGUARD_OVERHEAD: Final = 80
"""The bytes flannel takes off the MTU for wireguard."""
WINDOWS_PORT: Final = 4789
"""The only vxlan port of Windows."""
WINDOWS_VNI: Final = 4096
"""The smallest vxlan VNI of Windows."""

_SMALLEST_DEVICE_MTU = 68
_LARGEST_DEVICE_MTU = 65_535
_LARGEST_PORT = 65_535
_MAC_PREFIX_LENGTH = 5


class Effect(StrEnum):
    """What comes of a limit that is passed."""

    EXITS = "exits"
    """flanneld does not start."""
    BROKEN = "broken"
    """flanneld starts, traffic or new pods fail."""
    DIFFERS = "differs"
    """Something else takes effect than what is written."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that is passed.

    Args:
        key: path of the key.
        value: as written.
        effect: what comes of it.
        message: the limit and what happens beyond it.
    """

    key: str
    value: str
    effect: Effect
    message: str


def kernel_limits(netconf: NetConf) -> tuple[Limit, ...]:
    """Return the limits of the Linux kernel and of CNI that a configuration passes."""
    backend = netconf.backend
    if isinstance(backend, Vxlan):
        return (
            *_vni(backend, enable_ip6=netconf.config.enable_ip6),
            *_vxlan_port(backend),
            *_mtu(backend.mtu, VXLAN_OVERHEAD),
        )
    if isinstance(backend, Wireguard):
        # What the kernel refuses of a wireguard device's MTU was not measured.
        limits = _mtu(backend.mtu, WIREGUARD_OVERHEAD)
        return tuple(limit for limit in limits if limit.effect is Effect.BROKEN)
    if isinstance(backend, Udp) and not 0 <= backend.port <= _LARGEST_PORT:
        message = f"must be from 0 to {_LARGEST_PORT}: flanneld cannot listen and exits"
        return (Limit("Backend.Port", str(backend.port), Effect.EXITS, message),)
    return ()


def _vni(backend: Vxlan, *, enable_ip6: bool) -> Iterator[Limit]:
    most = MAX_VNI_IP6 if enable_ip6 else MAX_VNI
    if not 0 <= backend.vni <= most:
        device = "flannel-v6.N" if enable_ip6 else "flannel.N"
        message = f"must be from 0 to {most}: the device {device} cannot be made, flanneld exits"
        yield Limit("Backend.VNI", str(backend.vni), Effect.EXITS, message)


def _vxlan_port(backend: Vxlan) -> Iterator[Limit]:
    if not 0 <= backend.port <= _LARGEST_PORT:
        message = f"must be from 0 to {_LARGEST_PORT}: the device gets {backend.device_port}"
        yield Limit("Backend.Port", str(backend.port), Effect.DIFFERS, message)


def _mtu(mtu: int | None, overhead: int) -> Iterator[Limit]:
    if mtu is None:
        return
    device = mtu - overhead
    if device <= 0:
        effect = Effect.BROKEN
        message = f"must be above {overhead}: pods get an MTU of {device}, and CNI fails below 0"
    elif device < _SMALLEST_DEVICE_MTU or device > _LARGEST_DEVICE_MTU:
        effect = Effect.EXITS
        low, high = _SMALLEST_DEVICE_MTU + overhead, _LARGEST_DEVICE_MTU + overhead
        message = f"must be from {low} to {high}: the kernel makes no such device, flanneld exits"
    else:
        return
    yield Limit("Backend.MTU", str(mtu), effect, message)


def windows_limits(netconf: NetConf) -> tuple[Limit, ...]:
    """Return what flannel on Windows refuses of a configuration that it shares with Linux.

    There Port is 4789 and VNI 4096 where the keys are absent; Name and MacPrefix are read too.
    """
    backend = netconf.backend
    if not isinstance(backend, Vxlan):
        return ()
    given = netconf.source.backend_taken
    flags = {"DirectRouting": backend.direct_routing, "GBP": backend.gbp}
    return (
        *_windows_number("VNI", "VNI" in given, backend.vni),
        *_windows_number("Port", "Port" in given, backend.port),
        *(
            Limit(f"Backend.{key}", "true", Effect.EXITS, f"{key} is not supported on Windows")
            for key, value in flags.items()
            if value
        ),
        *_windows_names(netconf),
    )


def _windows_number(key: str, given: bool, value: int) -> Iterator[Limit]:  # noqa: FBT001 - a fact
    if key == "VNI" and given and value < WINDOWS_VNI:
        message = f"must be at least {WINDOWS_VNI} on Windows"
        yield Limit("Backend.VNI", str(value), Effect.EXITS, message)
    if key == "Port" and given and value != WINDOWS_PORT:
        message = f"must be {WINDOWS_PORT} on Windows, or absent there"
        yield Limit("Backend.Port", str(value), Effect.EXITS, message)


def _windows_names(netconf: NetConf) -> Iterator[Limit]:
    section = netconf.source.section
    for member in netconf.source.backend_unknown:
        if fold(member.key) not in {"NAME", "MACPREFIX"}:
            continue
        raw = section.data[member.start : member.end]
        if member.kind not in {Kind.STRING, Kind.NULL}:
            message = "must be a string on Windows"
        elif fold(member.key) == "MACPREFIX" and not _mac_prefix(raw):
            message = "must be of the form xx-xx on Windows, as 0E-2A"
        else:
            continue
        yield Limit(
            f"Backend.{member.key}", raw[:60].decode(errors="replace"), Effect.EXITS, message
        )


def _mac_prefix(raw: bytes) -> bool:
    if raw == b"null":
        return True
    prefix = unquote(raw).encode()
    return len(prefix) == _MAC_PREFIX_LENGTH and prefix[2:3] == b"-"
