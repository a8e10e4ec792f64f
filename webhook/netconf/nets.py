"""flannel's IP4Net and IP6Net: a number and a prefix length, with their oddities.

Sources: flannel pkg/ip/ipnet.go, pkg/ip/ip6net.go, `containsCIDR` of pkg/subnet/kube/kube.go.
"""

from dataclasses import dataclass

from webhook.netconf.netip import MAPPED, Prefix, ip_string

_V4, _V6 = 32, 128
_U32 = 2**32 - 1


def ip4_string(ip: int) -> str:
    """Return an IPv4 address with dots."""
    return ip_string(ip.to_bytes(4))


def ip6_octets(ip: int) -> bytes:
    """Return the bytes of `IP6.ToIP`: four where the number has just four, else sixteen."""
    if ip.bit_length() > _V6:
        raise OverflowError("an IPv6 address has 128 bits")
    return ip.to_bytes(4) if 24 < ip.bit_length() <= _V4 else ip.to_bytes(16)  # noqa: PLR2004 - 3 bytes


def ip6_string(ip: int) -> str:
    """Return an address as `IP6.String` prints it (`::10.0.0.0` loses its colons)."""
    return ip_string(ip6_octets(ip))


def v6_mask(ones: int) -> int:
    """Return the mask of net.CIDRMask(ones, 128)."""
    return (1 << _V6) - (1 << _V6 - ones)


@dataclass(frozen=True, slots=True)
class IP4Net:
    """An IPv4 network; 0.0.0.0/0 is flannel's "none".

    Args:
        ip: the address, masked.
        ones: the prefix length; above 32 if it was written `::ffff:a.b.c.d/n`.
    """

    ip: int = 0
    ones: int = 0

    @classmethod
    def from_prefix(cls, prefix: Prefix) -> "IP4Net | None":
        """Return the network that `IP4Net.UnmarshalJSON` makes, None if it refuses."""
        ip = prefix.addr.ip4()
        return None if ip is None else cls(ip, prefix.ones)

    @property
    def empty(self) -> bool:
        """Whether flannel takes it for "none"."""
        return self.ip == 0 and self.ones == 0

    @property
    def mask(self) -> int:
        """The mask as `IP4Net.Mask` shifts it: nothing is left of it beyond 32."""
        return (_U32 << (_V4 - self.ones)) & _U32 if self.ones <= _V4 else 0

    def has(self, ip: int) -> bool:
        """Whether the network contains an address (`IP4Net.Contains`)."""
        return self.ip & self.mask == ip & self.mask

    def covers(self, other: "IP4Net") -> bool:
        """Whether `other` lies within, as a plain network."""
        return self.ones <= other.ones <= _V4 and self.has(other.ip)

    def contains_pod_cidr(self, cidr: Prefix) -> bool:
        """Whether `containsCIDR` of kube.go says so; a prefix beyond 32 contains nothing."""
        ip = cidr.addr.ip4()
        return ip is not None and self.ones <= min(cidr.ones, _V4) and self.has(ip)

    def __str__(self) -> str:
        return f"{ip4_string(self.ip)}/{self.ones}"


@dataclass(frozen=True, slots=True)
class IP6Net:
    """An IPv6 network; ::/0 is flannel's "none".

    Args:
        ip: the address, masked; an IPv4 network stands here mapped, with its own prefix length.
        ones: the prefix length.
    """

    ip: int = 0
    ones: int = 0

    @classmethod
    def from_prefix(cls, prefix: Prefix) -> "IP6Net":
        """Return the network that `IP6Net.UnmarshalJSON` makes."""
        return cls(prefix.addr.ip16(), prefix.ones)

    @property
    def empty(self) -> bool:
        """Whether flannel takes it for "none"."""
        return self.ip == 0 and self.ones == 0

    def has(self, ip: int) -> bool:
        """Whether `IP6Net.Contains` says so: it compares the addresses as they print."""
        mask = v6_mask(self.ones)
        return ip6_string(self.ip & mask) == ip6_string(ip & mask)

    def covers(self, other: "IP6Net") -> bool:
        """Whether `other` lies within, as a plain network."""
        return self.ones <= other.ones and self.has(other.ip)

    def contains_pod_cidr(self, cidr: Prefix) -> bool:
        """Whether `containsCIDR` of kube.go says so; it compares only within one family."""
        own, theirs = ip6_octets(self.ip), cidr.addr.octets
        own, theirs = _to4(own), _to4(theirs)
        if self.ones > cidr.ones or len(own) != len(theirs):
            return False
        mask = v6_mask(self.ones) & (1 << 8 * len(own)) - 1
        return int.from_bytes(own) & mask == int.from_bytes(theirs) & mask

    def __str__(self) -> str:
        return f"{ip6_string(self.ip)}/{self.ones}"


MAPPED_ONES = 0xFFFF
"""The upper bits of an IPv4 address written as IPv6."""
NO_IP4 = IP4Net()
"""0.0.0.0/0: no IPv4 network."""
NO_IP6 = IP6Net()
"""::/0: no IPv6 network."""


def _to4(octets: bytes) -> bytes:
    return octets[12:] if octets.startswith(MAPPED) else octets
