"""The nine backends of flannel and the values of their keys.

`mtu` is None where the key is absent: flannel takes the external interface's then, which the text
does not tell. Every other default is the code's own. `effective()` is what two configurations are
compared by: values that lead to the same device are equal.

Sources: flannel pkg/backend/<type>/<type>.go, `RegisterNetwork`; pkg/backend/vxlan/device.go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

DEFAULT_VXLAN_PORT: Final = 8472
"""The kernel's port where flannel gives none."""
_U16 = 2**16


def _port16(port: int) -> int:
    """A port as it goes into a 16-bit field."""
    return port % _U16


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend and the values of its keys, by flannel's names (`values`)."""

    type: ClassVar[str] = ""
    ip6: ClassVar[bool] = False
    """Whether the backend knows IPv6."""

    def values(self) -> dict[str, object]:
        """Return the values by flannel's key names."""
        return {}

    def effective(self) -> dict[str, object]:
        """Return the values as they take effect on Linux, by flannel's key names."""
        return self.values()


@dataclass(frozen=True, slots=True)
class Vxlan(Backend):
    """pkg/backend/vxlan: an overlay in UDP; with DirectRouting, routes within one subnet."""

    type: ClassVar[str] = "vxlan"
    ip6: ClassVar[bool] = True
    vni: int = 1
    port: int = 0
    mtu: int | None = None
    gbp: bool = False
    learning: bool = False
    direct_routing: bool = False

    @property
    def device_port(self) -> int:
        """The port of a new device: truncated to 16 bits, 8472 where nothing is left."""
        port = _port16(self.port) if self.port > 0 else 0
        return port or DEFAULT_VXLAN_PORT

    def values(self) -> dict[str, object]:
        """Return the values by flannel's key names."""
        return {
            "VNI": self.vni,
            "Port": self.port,
            "MTU": self.mtu,
            "GBP": self.gbp,
            "Learning": self.learning,
            "DirectRouting": self.direct_routing,
        }

    def effective(self) -> dict[str, object]:
        """Return the values, the port being the device's."""
        return Vxlan.values(self) | {"Port": self.device_port}


@dataclass(frozen=True, slots=True)
class HostGw(Backend):
    """pkg/backend/hostgw: plain routes in one layer-2 network; no keys, none is looked at."""

    type: ClassVar[str] = "host-gw"
    ip6: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Udp(Backend):
    """pkg/backend/udp: packets through user space; what an absent Backend means."""

    type: ClassVar[str] = "udp"
    port: int = 8285

    def values(self) -> dict[str, object]:
        """Return the values by flannel's key names."""
        return {"Port": self.port}


@dataclass(frozen=True, slots=True)
class Wireguard(Backend):
    """pkg/backend/wireguard: an encrypted overlay.

    Args:
        psk: base64 of 32 bytes, or empty.
        keepalive: seconds.
        mode: separate, auto, ipv4 or ipv6.
    """

    type: ClassVar[str] = "wireguard"
    ip6: ClassVar[bool] = True
    listen_port: int = 51820
    listen_port_v6: int = 51821
    mtu: int | None = None
    psk: str = ""
    keepalive: int = 0
    mode: str = "separate"

    def values(self) -> dict[str, object]:
        """Return the values by flannel's key names."""
        return {
            "ListenPort": self.listen_port,
            "ListenPortV6": self.listen_port_v6,
            "MTU": self.mtu,
            "PSK": self.psk,
            "PersistentKeepaliveInterval": self.keepalive,
            "Mode": self.mode,
        }

    def effective(self) -> dict[str, object]:
        """Return the values, the ports as the annotation carries them (uint16)."""
        ports = {
            "ListenPort": _port16(self.listen_port),
            "ListenPortV6": _port16(self.listen_port_v6),
        }
        return Wireguard.values(self) | ports


@dataclass(frozen=True, slots=True)
class Ipip(Backend):
    """pkg/backend/ipip: an overlay of IPv4 in IPv4."""

    type: ClassVar[str] = "ipip"
    direct_routing: bool = False

    def values(self) -> dict[str, object]:
        """Return the values by flannel's key names."""
        return {"DirectRouting": self.direct_routing}


@dataclass(frozen=True, slots=True)
class Ipsec(Backend):
    """pkg/backend/ipsec: IPsec through strongswan's charon."""

    type: ClassVar[str] = "ipsec"
    udp_encap: bool = False
    esp_proposal: str = "aes128gcm16-sha256-prfsha256-ecp256"
    psk: str = ""

    def values(self) -> dict[str, object]:
        """Return the values by flannel's key names."""
        return {
            "UDPEncap": self.udp_encap,
            "ESPProposal": self.esp_proposal,
            "PSK": self.psk,
        }


@dataclass(frozen=True, slots=True)
class Alloc(Backend):
    """pkg/backend/alloc: leases only, no traffic."""

    type: ClassVar[str] = "alloc"


@dataclass(frozen=True, slots=True)
class Extension(Backend):
    """pkg/backend/extension: commands of the administrator, run as root on every node."""

    type: ClassVar[str] = "extension"
    pre_startup_command: str = ""
    post_startup_command: str = ""
    subnet_add_command: str = ""
    subnet_remove_command: str = ""

    def values(self) -> dict[str, object]:
        """Return the values by flannel's key names."""
        return {
            "PreStartupCommand": self.pre_startup_command,
            "PostStartupCommand": self.post_startup_command,
            "SubnetAddCommand": self.subnet_add_command,
            "SubnetRemoveCommand": self.subnet_remove_command,
        }


@dataclass(frozen=True, slots=True)
class TencentVpc(Backend):
    """pkg/backend/tencentvpc: routes in Tencent's cloud."""

    type: ClassVar[str] = "tencent-vpc"
    access_key_id: str = ""
    access_key_secret: str = ""

    def values(self) -> dict[str, object]:
        """Return the values by flannel's key names."""
        return {"AccessKeyID": self.access_key_id, "AccessKeySecret": self.access_key_secret}


BACKENDS: Final[Mapping[str, type[Backend]]] = {
    backend.type: backend
    for backend in (Vxlan, HostGw, Udp, Wireguard, Ipip, Ipsec, Alloc, Extension, TencentVpc)
}
"""The backends flannel v0.28.10 registers, by type."""

SECRETS: Final = frozenset({"PSK", "AccessKeySecret"})
"""Keys whose values no message shows."""
