"""Who a connection counts for: an address, or the network that all of its owner's come from."""

from ipaddress import IPv6Address

SUBNET_BITS = 64
"""Of an IPv6 address; the rest is whatever its host likes (RFC 4291, 2.5.1), so that a single one
may come from as many addresses as it wishes. No site has less (RFC 6177, 2)."""

_HOST_BITS = 128 - SUBNET_BITS


def peer_of(address: str) -> str:
    """Give what the connections from an address are counted by.

    Args:
        address: as ``socket.accept`` tells it.

    Returns:
        An IPv4 address as it is, also one that reached an IPv6 socket (``::ffff:192.0.2.1``); of
        an IPv6 address its subnet, as ``2001:db8:0:1::/64``, with the zone if it has one.
    """
    if ":" not in address:
        return address
    found = IPv6Address(address)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    subnet = IPv6Address(int(found) >> _HOST_BITS << _HOST_BITS)
    zone = f"%{found.scope_id}" if found.scope_id else ""  # as RFC 4007, 11.7 writes it
    return f"{subnet}{zone}/{SUBNET_BITS}"
