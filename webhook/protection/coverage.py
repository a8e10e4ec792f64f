"""What rules open wholly: of which protocol all ports, to which peers all of them.

Exact over unions: rules of several policies, split CIDRs and split port ranges add up. "All" leaves
out what no connection needs, so that a hole of one address or port does not make a rule narrow.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from webhook.netpol.addresses import FAMILIES, WHOLE, Family
from webhook.netpol.intervals import Interval, Ranges, intersection, ranges
from webhook.netpol.labels import Operator, Selector
from webhook.netpol.model import METADATA_NAME, IPBlock, Rule, SelectorPeer
from webhook.netpol.ports import ALL_PORTS, MAX_PORT, PROTOCOLS, port_range
from webhook.protection.measure import Covered
from webhook.protection.space import Box, LabelSpace, meet, unnamed_cells

Opening = tuple[str, str]
"""A protocol, all ports of which are open to ``pods``, ``IPv4`` or ``IPv6``; `peers_text` tells."""

PORT_SLACK = 1024
"""Fewer ports than these left out of a protocol are no restriction."""

ADDRESS_SLACK: dict[Family, int] = {4: 1 << 16, 6: 1 << 80}
"""Fewer addresses than these (a /16, a /48) left out of a family are no restriction."""

HOSTS: dict[Family, Ranges] = {
    # without 0.0.0.0/8, 127.0.0.0/8, multicast and what is reserved behind it (RFC 6890)
    4: ranges([(1 << 24, (127 << 24) - 1), (128 << 24, (224 << 24) - 1)]),
    # global unicast 2000::/3 and unique local fc00::/7 (RFC 4291, RFC 4193)
    6: ranges([(1 << 125, (1 << 126) - 1), (0xFC << 120, (0xFE << 120) - 1)]),
}
"""The addresses that a peer can have."""

MARKS = frozenset({"portcullis.dev/seal", "portcullis.dev/profile"})
"""Labels that we give to about every Namespace: whoever has them is not named by their value."""

PEERS = "pods"
_HAVING = (Operator.IN, Operator.EXISTS)
_NAMESPACE = "@"
"""Put before a key of a Namespace's labels; no label key begins with it."""
_PORTS = {protocol: port_range(protocol) for protocol in PROTOCOLS}


def size(of: Iterable[Interval]) -> int:
    """Count the integers of closed intervals that do not overlap."""
    return sum(high - low + 1 for low, high in of)


def peers_text(universe: str) -> str:
    """Say the peers of an `Opening`."""
    return "pods of all namespaces" if universe.startswith(PEERS) else f"all {universe} addresses"


def whole_protocols(ports: Ranges) -> frozenset[str]:
    """Return the protocols of which all ports are in the set."""
    return frozenset(
        protocol
        for protocol, whole in _PORTS.items()
        if MAX_PORT - size(intersection(ports, whole)) < PORT_SLACK
    )


def ports_of(rule: Rule) -> Ranges:
    """Return the ports that a rule opens by number; a port name opens no whole protocol."""
    if not rule.ports:
        return ALL_PORTS
    return ranges(span for item in rule.ports for span in item.ports)


@dataclass(frozen=True, slots=True)
class Universe:
    """The peers that the rules of a namespace tell apart, pods not yet made among them.

    Args:
        space: labels of pods and of their Namespaces.
        cells: pods of other namespaces that no value names.
    """

    space: LabelSpace
    cells: tuple[Box, ...]

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> "Universe":
        """Make the universe in which all of the rules can be compared."""
        selectors = [each for rule in rules for each in _selectors(rule)]
        space = LabelSpace.of(selectors, always=[_NAMESPACE + METADATA_NAME])
        boxes = list(dict.fromkeys(map(space.box, selectors)))
        return cls(space, tuple(unnamed_cells(space, boxes)))

    def opened(self, rules: Sequence[Rule]) -> frozenset[Opening]:
        """Return what the rules open wholly, together."""
        return frozenset((*self._to_pods(rules), *_to_addresses(rules)))

    def _to_pods(self, rules: Sequence[Rule]) -> Iterator[Opening]:
        matching = [(ports_of(rule), self._boxes(rule)) for rule in rules]
        for number, cell in enumerate(self.cells):
            ports = ranges(
                span
                for opened, boxes in matching
                if boxes is None or any(meet(cell, box) is not None for box in boxes)
                for span in opened
            )
            yield from ((protocol, f"{PEERS}{number}") for protocol in whole_protocols(ports))

    def _boxes(self, rule: Rule) -> list[Box] | None:
        """Return the pods that a rule's selectors match, None for all."""
        return [self.space.box(each) for each in _selectors(rule)] if rule.peers else None


def _selectors(rule: Rule) -> Iterator[Selector]:
    """Yield the peers of other namespaces, their two selectors made one."""
    for peer in rule.peers:
        if isinstance(peer, SelectorPeer) and peer.namespaces is not None:
            renamed = (
                type(each)(_NAMESPACE + each.key, each.operator, each.values)
                for each in peer.namespaces.requirements
                if each.key not in MARKS or each.operator not in _HAVING
            )
            yield Selector((*peer.pods.requirements, *renamed))


def _to_addresses(rules: Sequence[Rule]) -> Iterator[Opening]:
    for family in FAMILIES:
        by_ports: dict[Ranges, list[Interval]] = defaultdict(list)
        for rule in rules:
            by_ports[ports_of(rule)].extend(_spans(rule, family))
        for protocol in _everywhere(by_ports, family):
            yield protocol, f"IPv{family}"


def _spans(rule: Rule, family: Family) -> Iterator[Interval]:
    if not rule.peers:
        yield WHOLE[family]
    for peer in rule.peers:
        if isinstance(peer, IPBlock) and peer.family == family:
            yield from peer.ranges


def _everywhere(by_ports: dict[Ranges, list[Interval]], family: Family) -> Iterator[str]:
    """Yield the protocols that are wholly open to all addresses of a family."""
    groups = [
        (ports, intersection(ranges(each), HOSTS[family])) for ports, each in by_ports.items()
    ]
    for protocol, whole in _PORTS.items():
        of_protocol = [(intersection(ports, whole), spans) for ports, spans in groups if spans]
        opened = _open_addresses([each for each in of_protocol if each[0]])
        if size(HOSTS[family]) - opened < ADDRESS_SLACK[family]:
            yield protocol


def _open_addresses(groups: Sequence[tuple[Ranges, Ranges]]) -> int:
    """Count the addresses to which all ports of a protocol are open.

    Args:
        groups: ports of that protocol, each with the addresses to which they are open.
    """
    covered = Covered(span for ports, _ in groups for span in ports)
    edges: dict[int, list[tuple[Ranges, int]]] = defaultdict(list)
    for ports, spans in groups:
        for low, high in spans:
            edges[low].append((ports, 1))
            edges[high + 1].append((ports, -1))
    found = 0
    for low, following in pairwise(sorted(edges)):
        for ports, times in edges[low]:
            for span in ports:
                covered.add(span, times)
        if MAX_PORT - covered.size < PORT_SLACK:
            found += following - low
    return found
