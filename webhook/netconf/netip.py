"""Addresses and prefixes as Go's net and net/netip read and print them.

Python's ipaddress agrees on most texts, but not on all, and flannel keeps IPv4 addresses written
as IPv6 apart by the length of their bytes; hence the rules themselves.

Sources: net/netip/netip.go (`ParseAddr`), net/ip.go (`ParseCIDR`, `IP.Mask`, `IP.String`).
"""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address

MAPPED = bytes(10) + b"\xff\xff"
"""The first twelve bytes of an IPv4 address in sixteen."""

_OCTET = r"(?:0|[1-9][0-9]{0,2})"
_IP4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}", re.ASCII)
_GROUP = re.compile(r"[0-9a-fA-F]{1,4}", re.ASCII)
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_IP6_GROUPS = 8
_MAX_ADDRESS = 64


@dataclass(frozen=True, slots=True)
class Addr:
    """An address: four bytes, or sixteen."""

    octets: bytes

    @property
    def bits(self) -> int:
        """The length of the address: 32 or 128."""
        return 8 * len(self.octets)

    def ip4(self) -> int | None:
        """Return the address as net.IP.To4 gives it, None if it is none of IPv4."""
        if len(self.octets) == len(MAPPED):
            return None
        if len(self.octets) > 4 and not self.octets.startswith(MAPPED):  # noqa: PLR2004 - IPv4
            return None
        return int.from_bytes(self.octets[-4:])

    def ip16(self) -> int:
        """Return the address as net.IP.To16 gives it: an IPv4 address is mapped."""
        return int.from_bytes(self.octets if self.bits > 32 else MAPPED + self.octets)  # noqa: PLR2004 - IPv4

    def __str__(self) -> str:
        return ip_string(self.octets)


@dataclass(frozen=True, slots=True)
class Prefix:
    """A network as net.ParseCIDR returns it: masked, in as many bytes as it was written in."""

    addr: Addr
    ones: int

    @property
    def is_ip4(self) -> bool:
        """Whether it was written as IPv4: four bytes (kube.go tells families apart by it)."""
        return self.addr.bits == 32  # noqa: PLR2004 - IPv4

    def __str__(self) -> str:
        return f"{self.addr}/{self.ones}"


def ip_string(octets: bytes) -> str:
    """Return an address as net.IP.String prints it: a mapped one with dots."""
    if len(octets) > 4 and not octets.startswith(MAPPED):  # noqa: PLR2004 - IPv4
        return str(IPv6Address(octets))
    return ".".join(map(str, octets[-4:]))


def parse_addr(text: str) -> Addr | None:
    """Parse an address as net.ParseIP does, None if it is none; a zone makes it none."""
    if len(text) > _MAX_ADDRESS:
        return None
    octets = _parse_ip6(text) if ":" in text else _parse_ip4(text)
    return None if octets is None else Addr(octets)


def parse_prefix(text: str) -> Prefix | None:
    """Parse a network as net.ParseCIDR does, None if it is none; host bits are masked away."""
    address, slash, length = text.partition("/")
    addr = parse_addr(address)
    if not slash or addr is None or not _DIGITS.fullmatch(length):
        return None
    digits = length.lstrip("0") or "0"
    if len(digits) > 3 or int(digits) > addr.bits:  # noqa: PLR2004 - at most 128
        return None
    ones = int(digits)
    host_bits = addr.bits - ones
    masked = int.from_bytes(addr.octets) >> host_bits << host_bits
    return Prefix(Addr(masked.to_bytes(addr.bits // 8)), ones)


def _parse_ip4(text: str) -> bytes | None:
    if not _IP4.fullmatch(text):
        return None
    octets = [int(octet) for octet in text.split(".")]
    return bytes(octets) if max(octets) < 256 else None  # noqa: PLR2004 - a byte


def _parse_ip6(text: str) -> bytes | None:
    """Parse `text` into sixteen bytes: groups of hex, at most one `::`, perhaps an IPv4 tail."""
    head, ellipsis, tail = text.partition("::")
    left = _groups(head, last=not ellipsis) if head else b""
    right = _groups(tail, last=True) if tail else b""
    if left is None or right is None:
        return None
    missing = 2 * _IP6_GROUPS - len(left) - len(right)
    if ellipsis:
        return left + bytes(missing) + right if missing >= 2 else None  # noqa: PLR2004 - one group
    return left if missing == 0 else None


def _groups(text: str, *, last: bool) -> bytes | None:
    """Parse groups of hex between colons; the text's last may be an IPv4 address."""
    groups = text.split(":")
    octets = b""
    if last and "." in groups[-1]:
        parsed = _parse_ip4(groups.pop())
        if parsed is None:
            return None
        octets = parsed
    if not all(_GROUP.fullmatch(group) for group in groups):
        return None
    return b"".join(int(group, 16).to_bytes(2) for group in groups) + octets
