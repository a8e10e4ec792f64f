"""Sets of (protocol, port) as one line of integers.

A port of a protocol is the integer ``protocol * 65536 + port``. Port 0 does not exist
(``1..65535``), so intervals of two protocols never touch, and one `Ranges` is a set of
connections: union, intersection and difference come for free.
"""

from collections.abc import Iterator

from webhook.netpol.intervals import Ranges, ranges
from webhook.netpol.kept import kept

PROTOCOLS = ("SCTP", "TCP", "UDP")
"""The protocols a policy can name, in the order in which rows print them."""

MAX_PORT = 65535
_STRIDE = 1 << 16
_BASE = {protocol: index * _STRIDE for index, protocol in enumerate(PROTOCOLS)}


def port_range(protocol: str, low: int = 1, high: int = MAX_PORT) -> Ranges:
    """Return the ports ``low..high`` of a protocol; by default all of it."""
    base = _BASE[protocol]
    return ((base + low, base + high),)


ALL_PORTS: Ranges = ranges(port_range(protocol)[0] for protocol in PROTOCOLS)
"""Every port of every protocol: the universe of a connection."""


def by_protocol(ports: Ranges) -> Iterator[tuple[str, tuple[tuple[int, int], ...]]]:
    """Yield each protocol that occurs with its closed port intervals, in order."""
    for protocol, base in _BASE.items():
        spans = tuple(
            (low - base, high - base) for low, high in ports if base < low <= base + MAX_PORT
        )
        if spans:
            yield protocol, spans


@kept(1 << 12, len, 64)
def conn_text(ports: Ranges) -> str:
    """Print a set of ports as rows do: ``SCTP 1-65535,TCP 80,443`` or ``All Connections``."""
    if ports == ALL_PORTS:
        return "All Connections"
    if not ports:
        return "No Connections"
    return ",".join(
        f"{protocol} " + ",".join(span_text(*span) for span in spans)
        for protocol, spans in by_protocol(ports)
    )


def span_text(low: int, high: int) -> str:
    """Print a closed interval: ``80`` or ``80-90``."""
    return str(low) if low == high else f"{low}-{high}"
