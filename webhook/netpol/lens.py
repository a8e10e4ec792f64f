"""One world seen in one address family: the peers of rules as sets of slots.

Slots ``0..n-1`` are the pods, the slots behind them the ranges of external addresses,
cut so finely that every ipBlock is a union of whole ranges.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from webhook.netpol import bits
from webhook.netpol.addresses import Family, external_name
from webhook.netpol.intervals import EMPTY, Interval, Ranges, union
from webhook.netpol.lazy import lazy
from webhook.netpol.model import Direction
from webhook.netpol.ports import ALL_PORTS
from webhook.netpol.scope import CompiledRule, Group, Scope
from webhook.netpol.world import World, cut

Cells = dict[Ranges, int]
"""A partition of the peers by the ports that are open to them."""


@dataclass(eq=False)
class External:
    """The external address ranges of a family, in slots from ``base`` upwards.

    Args:
        cutting: what has the ipBlocks at whose edges the ranges are cut.
    """

    family: Family
    cutting: Sequence[World | Scope]
    base: int

    @lazy
    def spans(self) -> tuple[Interval, ...]:
        """The ranges; cut when first asked, for most changes are about pods alone."""
        edges = frozenset().union(*(each.edges[self.family] for each in self.cutting))
        return cut(self.family, edges)

    @lazy
    def _starts(self) -> list[int]:
        return [low for low, _ in self.spans]

    @lazy
    def everyone(self) -> int:
        """All ranges."""
        return bits.span(self.base, self.base + len(self.spans))

    @lazy
    def names(self) -> list[str]:
        """The ranges as rows name them."""
        return [external_name(self.family, span) for span in self.spans]

    def within(self, ranges: Ranges) -> int:
        """Return the ranges that lie in the given ones."""
        found = 0
        for low, high in ranges:
            first = self.base + bisect_left(self._starts, low)
            found |= bits.span(first, self.base + bisect_right(self._starts, high))
        return found


@dataclass(eq=False)
class Lens:
    """A world in a family, with its external ranges and a reading of ipBlock.

    Args:
        ipblock_matches_pods: whether an ipBlock matches pods by their addresses (Calico,
            the e2e tests) or only what is outside the cluster (Cilium's default).
    """

    world: World
    external: External
    ipblock_matches_pods: bool

    @lazy
    def pods(self) -> int:
        """The pods of the family."""
        return self.world.table.of_family(self.external.family)

    @lazy
    def everyone(self) -> int:
        """The pods of the family and all external ranges."""
        return self.pods | self.external.everyone

    def peers(self, rule: CompiledRule) -> int:
        """Return the peers a rule matches."""
        if rule.everyone:
            return self.everyone
        found = self._pods_of(rule)
        blocks = rule.blocks[self.external.family]
        return found | self.external.within(blocks) if blocks else found

    def _pods_of(self, rule: CompiledRule) -> int:
        """Return the pods a rule matches; what is outside is not looked at."""
        if rule.everyone:
            return self.pods
        found = rule.selected & self.pods
        if self.ipblock_matches_pods:
            blocks = rule.blocks[self.external.family]
            if blocks:
                found |= self.world.table.addressed(self.external.family, blocks)
        return found

    def cells(self, group: Group, universe: int) -> Cells:
        """Partition all of the universe by what the group's policies open to it."""
        outside = universe.bit_length() > self.external.base
        if not group.policies:
            return partition(universe, {ALL_PORTS: self.everyone if outside else self.pods})
        return partition(universe, self._opened(group, self.peers if outside else self._pods_of))

    def _opened(self, group: Group, peers_of: Callable[[CompiledRule], int]) -> Cells:
        """The peers by ports; a port name opens to each peer what it is in that peer."""
        opened: Cells = {}
        pods = self.pods
        for rule in group.rules:
            peers, ports = rule.selected & pods if rule.plain else peers_of(rule), rule.ports
            opened[ports] = opened.get(ports, 0) | peers
            for name in rule.names:
                for numbers, having in self.world.table.serving(*name).items():
                    opened[numbers] = opened.get(numbers, 0) | peers & having
        return opened

    def groups(self, namespace: str, direction: Direction) -> tuple[Group, ...]:
        """Return the isolated groups of a namespace."""
        scope = self.world.scopes.get(namespace)
        return scope.groups(direction) if scope else ()


def partition(universe: int, opened: Cells) -> Cells:
    """Partition a universe by the union of the ports that are opened to each member."""
    cells: Cells = {EMPTY: universe}
    for ports, peers in opened.items():
        if not peers & universe:
            continue
        split: Cells = {}
        for before, members in cells.items():
            inside = members & peers
            if inside:
                both = union(before, ports)
                split[both] = split.get(both, 0) | inside
            if inside != members:
                split[before] = split.get(before, 0) | members ^ inside
        cells = split
    return cells
