"""CIDRs and addresses as closed integer ranges, IPv4 and IPv6 kept apart."""

import ipaddress
import re
from functools import lru_cache
from typing import Literal

from webhook.netpol.intervals import Interval, Ranges, difference, ranges

Family = Literal[4, 6]
IPV4: Family = 4
IPV6: Family = 6
FAMILIES = (IPV4, IPV6)

_BITS: dict[Family, int] = {IPV4: 32, IPV6: 128}
WHOLE: dict[Family, Interval] = {family: (0, (1 << bits) - 1) for family, bits in _BITS.items()}
"""All addresses of a family."""

_LEADING_ZEROS = re.compile(r"(?<![0-9a-fA-F:.])0+(?=\d)|(?<=\.)0+(?=\d)")
_MAPPED_PREFIX = 96


def parse_address(text: str) -> tuple[Family, int]:
    """Read an IP address.

    Leading zeros are decimal, as ``netutils.ParseIPSloppy`` reads objects stored before
    StrictIPCIDRValidation, and an IPv4-mapped IPv6 address is IPv4, as ``net.IP.To4`` has it.

    Raises:
        ValueError: the text is no IP address.
    """
    address = ipaddress.ip_address(_LEADING_ZEROS.sub("", text) if "." in text else text)
    if isinstance(address, ipaddress.IPv4Address):
        return IPV4, int(address)
    if address.scope_id is not None:
        raise ValueError("must not have a zone")
    if address.ipv4_mapped is not None:
        return IPV4, int(address.ipv4_mapped)
    return IPV6, int(address)


def parse_cidr(text: str) -> tuple[Family, Interval]:
    """Read a CIDR as its first and last address; host bits are cut off as Go's ParseCIDR does.

    Raises:
        ValueError: the text is no CIDR.
    """
    address_text, slash, length_text = text.partition("/")
    if not slash or not re.fullmatch(r"\d{1,3}", length_text):
        raise ValueError("must be an address and a prefix length, such as 10.0.0.0/8")
    family, address = parse_address(address_text)
    length = int(length_text)
    if family == IPV4 and ":" in address_text:
        length -= _MAPPED_PREFIX
    if not 0 <= length <= _BITS[family]:
        raise ValueError(f"prefix length must be between 0 and {_BITS[family]}")
    host_bits = (1 << (_BITS[family] - length)) - 1
    return family, (address & ~host_bits, address | host_bits)


def block_ranges(cidr: Interval, excepts: tuple[Interval, ...]) -> Ranges:
    """Return the addresses of a CIDR that no ``except`` takes out."""
    return difference((cidr,), ranges(excepts))


@lru_cache(maxsize=1 << 12)
def address_text(family: Family, address: int) -> str:
    """Print an address in its canonical form (RFC 5952 for IPv6)."""
    kind = ipaddress.IPv4Address if family == IPV4 else ipaddress.IPv6Address
    return str(kind(address))


def span_text(family: Family, span: Interval) -> str:
    """Print a range as people write it: one address once, ``0.0.0.0/0`` for all of a family."""
    low, high = span
    if span == WHOLE[family]:
        return "0.0.0.0/0" if family == IPV4 else "::/0"
    first = address_text(family, low)
    return first if low == high else f"{first}-{address_text(family, high)}"


def external_name(family: Family, span: Interval) -> str:
    """Name a range outside the pods as rows do: ``ext4:10.0.0.0-10.255.255.255``."""
    low, high = span
    return f"ext{family}:{address_text(family, low)}-{address_text(family, high)}"
