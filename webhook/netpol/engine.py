"""The two questions about a whole cluster: what is allowed, and what a change changes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from operator import methodcaller

from webhook.netpol import bits
from webhook.netpol.addresses import FAMILIES, Family
from webhook.netpol.bothsides import BothSides
from webhook.netpol.intervals import difference
from webhook.netpol.lens import External, Lens
from webhook.netpol.model import DIRECTIONS, Direction, Pod
from webhook.netpol.names import Names
from webhook.netpol.onesided import OneSided
from webhook.netpol.reach import Groups, Reach, reach
from webhook.netpol.rows import Block, Rows
from webhook.netpol.scope import Scope
from webhook.netpol.table import PodTable
from webhook.netpol.world import World

_NOWHERE: frozenset[str] = frozenset()

Difference = Groups | OneSided | BothSides
"""What differs in one family; all tell the same."""


@dataclass(eq=False)
class Change:
    """What a change opens and what it closes."""

    opened: Rows
    closed: Rows


def connectivity(world: World, *, ipblock_matches_pods: bool = True) -> Rows:
    """Return everything that is allowed.

    Args:
        world: the cluster.
        ipblock_matches_pods: whether an ipBlock matches pods by their addresses (Calico,
            the e2e tests) or only what is outside the cluster (Cilium's default).
    """
    externals = _externals((world.table,), (world,))
    blocks = tuple(
        Block(family, found.sources, found.targets, found.ports[0])
        for family, external in externals.items()
        for found in reach(Lens(world, external, ipblock_matches_pods))
    )
    return Rows(blocks, Names((world.table,), externals))


def diff(
    before: World,
    after: World,
    *,
    ipblock_matches_pods: bool = True,
    checkpoint: Callable[[], None] = lambda: None,
) -> Change:
    """Return the difference of two worlds, at a cost that follows the change.

    Args:
        before: the cluster before the change.
        after: the cluster after it.
        ipblock_matches_pods: as in `connectivity`.
        checkpoint: called again and again, every few milliseconds; it may raise to give up,
            for this module has no clock.
    """
    compared = Comparison(before, after, ipblock_matches_pods=ipblock_matches_pods)
    return compared.change(checkpoint)


def declared(
    before: World, after: World, direction: Direction, *, ipblock_matches_pods: bool = True
) -> Change:
    """Return what a change opens and closes on one side; see `Comparison.declared`."""
    compared = Comparison(before, after, ipblock_matches_pods=ipblock_matches_pods)
    return compared.declared(direction)


def blocks_hold_pods(world: World) -> bool:
    """Tell whether the two readings of ipBlock may differ: one holds the address of a pod."""
    table = world.table
    return any(
        table.addressed(block.family, block.ranges) & ~table.host_network
        for policy in world.policies
        for block in policy.blocks
    )


class Comparison:
    """Two worlds side by side, asked several questions.

    Args:
        before: the cluster before the change.
        after: the cluster after it.
        ipblock_matches_pods: as in `connectivity`.
        coarse: outside addresses are cut where policies of changed namespaces cut them, not at the
            edges of all policies: fewer, larger ranges, at a cost that follows the change.
    """

    def __init__(
        self,
        before: World,
        after: World,
        *,
        ipblock_matches_pods: bool = True,
        coarse: bool = False,
    ) -> None:
        before, after = worlds = _aligned(before, after)
        tables = (before.table,) if before.table is after.table else (before.table, after.table)
        # Of worlds with other pods every namespace may differ.
        names = before.differing(after) if len(tables) == 1 else _NOWHERE
        # Nothing outside is reached under policies of a namespace in which nothing has changed.
        local = coarse and len(tables) == 1
        externals = _externals(tables, _scopes(names, worlds) if local else worlds)
        self._names = Names(tables, externals)
        views = [
            (family, tuple([Lens(world, each, ipblock_matches_pods) for world in worlds]))
            for family, each in externals.items()
        ]
        turned = _turned(names, worlds)
        self._found: list[tuple[Family, Difference]]
        if len(turned) == 1:
            self._found = [(family, OneSided(pair, turned[0], names)) for family, pair in views]
        elif len(tables) == 1:
            self._found = [(family, BothSides(pair, names)) for family, pair in views]
        else:
            altered = _altered(before.table, after.table)
            self._found = [(family, Groups(pair, altered)) for family, pair in views]

    def change(self, checkpoint: Callable[[], None] = lambda: None) -> Change:
        """Return the difference; the argument is that of `diff`."""
        return self._change(methodcaller("changes", checkpoint))

    def declared(self, direction: Direction) -> Change:
        """Return what the change opens and closes on one side, whatever the other side says.

        Where this is more than `change`, policies of the other side still deny the rest.

        Args:
            direction: the side whose policies are asked.
        """
        return self._change(methodcaller("moves", direction))

    def may_open(self, direction: Direction) -> bool:
        """Tell, without false no and at less cost, whether `declared` opens anything."""
        return any(
            difference(found.ports[1], found.ports[0])
            for _, differing in self._found
            for found in differing.moves(direction)
        )

    def _change(self, reached: Callable[[Difference], Iterator[Reach]]) -> Change:
        opened: list[Block] = []
        closed: list[Block] = []
        for family, differing in self._found:
            for found in reached(differing):
                was, now = found.ports
                if ports := difference(now, was):
                    opened.append(Block(family, found.sources, found.targets, ports))
                if ports := difference(was, now):
                    closed.append(Block(family, found.sources, found.targets, ports))
        return Change(Rows(tuple(opened), self._names), Rows(tuple(closed), self._names))


def _externals(
    tables: Sequence[PodTable], cutting: Sequence[World | Scope]
) -> dict[Family, External]:
    """What is outside, for worlds side by side, cut at the edges of all that cuts it.

    A family that no pod has is left out: all of it is outside.
    """
    base = max([table.size for table in tables])
    return {
        family: External(family, cutting, base)
        for family in FAMILIES
        if any(table.of_family(family) for table in tables)
    }


def _scopes(names: Iterable[str], worlds: Sequence[World]) -> list[Scope]:
    """The policies of some namespaces, in all worlds that have any."""
    return [
        world.scopes[name] for name in sorted(names) for world in worlds if name in world.scopes
    ]


def _turned(names: Iterable[str], worlds: tuple[World, World]) -> list[Direction]:
    """The directions in which policies of the namespaces differ."""
    before, after = worlds
    return [
        direction
        for direction in DIRECTIONS
        if any(before.side(n, direction) is not after.side(n, direction) for n in names)
    ]


def _aligned(before: World, after: World) -> tuple[World, World]:
    """Give every pod the same slot in both worlds, if it has not already."""
    old, new = before.table, after.table
    if old is new or _are_aligned(old, new):
        return before, after
    keys = sorted({*old.slot_of, *new.slot_of})
    return _with_slots(before, keys), _with_slots(after, keys)


def _are_aligned(old: PodTable, new: PodTable) -> bool:
    same_pod = all(
        one is other or one is None or other is None or one.key == other.key
        for one, other in zip(old.slots, new.slots, strict=False)
    )
    return same_pod and all(new.slot_of.get(key, at) == at for key, at in old.slot_of.items())


def _with_slots(world: World, keys: Sequence[str]) -> World:
    table = world.table
    slots = [table.slots[table.slot_of[key]] if key in table.slot_of else None for key in keys]
    return world.with_table(PodTable(tuple(slots), table.namespaces))


def _altered(old: PodTable, new: PodTable) -> int:
    """Return the pods that differ, or whose Namespace's labels do."""
    if old is new:
        return 0
    names = {*old.namespaces, *new.namespaces}
    relabelled = {name for name in names if old.namespaces.get(name) != new.namespaces.get(name)}

    def differs(one: Pod | None, other: Pod | None) -> bool:
        if one is None or other is None:
            return one is not other
        return one.namespace in relabelled or (one is not other and one != other)

    pairs = zip_longest(old.slots, new.slots)
    size = max(old.size, new.size)
    return bits.from_slots((at for at, pair in enumerate(pairs) if differs(*pair)), size)
