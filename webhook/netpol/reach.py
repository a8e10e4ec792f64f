"""Who may speak to whom: one sweep over pairs of groups, for one world or for two at once.

``allowed(s, d) = egress(s, d) ∩ ingress(s, d)`` as sets of ports. Pods that the same
policies select are one group; the peers of a group fall into cells of equal ports; so a
pair of groups costs as many set operations as it has cells, however many pods they hold.

For a diff the sweep carries the sets of both worlds side by side and is local: a pair of
groups is looked at only where a policy that selects one of them, or a pod in one of them,
has changed.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

import msgspec

from webhook.netpol.intervals import EMPTY, Ranges, intersection
from webhook.netpol.lazy import lazy
from webhook.netpol.lens import Lens
from webhook.netpol.model import Direction
from webhook.netpol.scope import Group

Values = tuple[Ranges, ...]
"""The ports in each of the worlds that are swept together."""


_CHUNK = 32

FREE = Group(0)
"""Stands for pods that no policy isolates."""


class Reach(msgspec.Struct, frozen=True, gc=False):
    """All of ``sources`` reach all of ``targets`` (sets of slots) on ``ports``, per world."""

    sources: int
    targets: int
    ports: Values


@dataclass(eq=False)
class Subjects:
    """Pods (or the external ranges) that are one group in every world.

    Args:
        sides: their group in each world.
        altered: their own labels, ports or addresses differ between the worlds.
        external: they are the ranges outside the cluster.
    """

    members: int
    sides: tuple[Group, ...]
    lenses: Sequence[Lens]
    universe: int
    altered: bool = False
    external: bool = False

    @lazy
    def changed(self) -> bool:
        """Tell whether policies with other rules select them."""
        first, last = self.sides[0], self.sides[-1]
        return first is not last and first.written != last.written

    @lazy
    def cells(self) -> list[tuple[int, Values]]:
        """Partition the universe by what is open to each peer, in each world."""
        return self._partition(self.universe)

    @lazy
    def moving(self) -> list[tuple[int, Values]]:
        """The cells that differ between the worlds."""
        return [cell for cell in self._partition(self._apart()) if cell[1][0] != cell[1][-1]]

    @lazy
    def moved(self) -> int:
        """The peers to whom something differs."""
        return reduce(or_, [peers for peers, _ in self.moving], 0)

    def _partition(self, universe: int) -> list[tuple[int, Values]]:
        first, last = self.sides[0], self.sides[-1]
        if first is last and self._same_pods:
            times = len(self.sides)
            cells = self.lenses[0].cells(first, universe)
            return [(members, (ports,) * times) for ports, members in cells.items() if members]
        joint: list[tuple[int, Values]] = [(universe, ())]
        for side, lens in zip(self.sides, self.lenses, strict=True):
            cells = lens.cells(side, universe)
            joint = [
                (members & others, (*values, ports))
                for members, values in joint
                for ports, others in cells.items()
                if members & others
            ]
        return joint

    def _apart(self) -> int:
        """The peers of rules that the worlds do not share: to all others nothing has changed."""
        first, last = self.sides[0], self.sides[-1]
        if not (first.policies and last.policies and self._same_pods):
            return self.universe
        peers = 0
        for rule in {*first.rules} ^ {*last.rules}:
            peers |= self.lenses[0].peers(rule)
        return peers & self.universe

    @property
    def _same_pods(self) -> bool:
        return self.lenses[0].world.table is self.lenses[-1].world.table


def reach(lens: Lens) -> Iterator[Reach]:
    """Yield everything that is allowed in one world."""
    groups = Groups((lens,), altered=0)
    chunks = list(_chunks(groups.of(Direction.EGRESS)))
    for target in groups.of(Direction.INGRESS):
        incoming = [cell for cell in target.cells if cell[1] != (EMPTY,)]
        senders = reduce(or_, (members for members, _ in incoming), 0)
        for members, chunk in chunks:
            for source in chunk if members & senders else ():
                yield from _meet(source, target, source.cells, incoming)


def _chunks(groups: Sequence[Subjects]) -> Iterator[tuple[int, Sequence[Subjects]]]:
    """Yield runs of groups with all their members, so that a run is passed over at once."""
    for start in range(0, len(groups), _CHUNK):
        chunk = groups[start : start + _CHUNK]
        yield reduce(or_, (group.members for group in chunk)), chunk


def moves(touched: Iterable[Subjects], direction: Direction) -> Iterator[Reach]:
    """Yield what differs for some groups on their side, whatever the other side says."""
    for subjects in touched:
        for peers, ports in subjects.moving:
            ends = (peers, subjects.members)
            sources, targets = ends if direction is Direction.INGRESS else reversed(ends)
            yield Reach(sources, targets, ports)


def _changed(source: Subjects, target: Subjects) -> Iterator[Reach]:
    """Meet two groups only where a difference can come from."""
    if source.altered or target.altered or (source.changed and target.changed):
        return _meet(source, target, source.cells, target.cells)
    if target.changed:
        if not target.moved & source.members:
            return iter(())
        return _meet(source, target, source.cells, target.moving)
    if not source.moved & target.members:
        return iter(())
    return _meet(source, target, source.moving, target.cells)


def _meet(
    source: Subjects,
    target: Subjects,
    outgoing: Sequence[tuple[int, Values]],
    incoming: Sequence[tuple[int, Values]],
) -> Iterator[Reach]:
    """Intersect what the sources may send with what the targets may receive."""
    if source.external and target.external:
        return
    for senders, received in incoming:
        sources = senders & source.members
        if not sources:
            continue
        for receivers, sent in outgoing:
            targets = receivers & target.members
            if targets:
                ports = tuple(map(intersection, sent, received))
                if any(ports):
                    yield Reach(sources, targets, ports)


class Groups:
    """The groups of several worlds, refined so that each is one group in every world.

    Args:
        lenses: the worlds, in one family.
        altered: the pods that differ themselves, or whose Namespace's labels do.
    """

    def __init__(self, lenses: tuple[Lens, ...], altered: int) -> None:
        self._lenses = lenses
        self._altered = altered
        self._external = lenses[0].external.everyone
        self._universe = 0
        for lens in lenses:
            self._universe |= lens.everyone
        self._known: dict[tuple[str, Direction], list[Subjects]] = {}
        """The groups of namespaces whose policies differ: these are asked again and again."""

    def changes(self, checkpoint: Callable[[], None]) -> Iterator[Reach]:
        """Yield what differs between two worlds whose pods have the same slots.

        Args:
            checkpoint: called before each group and each meeting; raises to give up.
        """
        touched = self.touched(Direction.EGRESS)
        sources = self.near(Direction.EGRESS, self.touched(Direction.INGRESS))
        for target in self.near(Direction.INGRESS, touched):
            checkpoint()
            for source in sources if target.changed or target.altered else touched:
                checkpoint()
                for found in _changed(source, target):
                    if found.ports[0] != found.ports[1]:
                        yield found

    def moves(self, direction: Direction) -> Iterator[Reach]:
        """Yield what differs on one side between two worlds, as `changes` does for both."""
        return moves(self.touched(direction), direction)

    def of(self, direction: Direction) -> Sequence[Subjects]:
        """Return disjoint groups that together are the universe."""
        names = set().union(*(lens.world.scopes for lens in self._lenses))
        return list(self._found(direction, names, self._universe))

    def touched(self, direction: Direction) -> Sequence[Subjects]:
        """Return the groups in which something has changed: their policies, or their pods."""
        if self._altered:
            found: Iterable[Subjects] = self.of(direction)
        else:
            found = self._isolated(direction, self._changing(direction), self._universe)
        return [each for each in found if each.changed or each.altered]

    def near(self, direction: Direction, others: Sequence[Subjects]) -> Sequence[Subjects]:
        """Return the groups that a change of others can reach, and those touched themselves.

        Args:
            direction: of the groups.
            others: groups of the other direction that are touched.
        """
        if self._altered:
            return self.of(direction)
        if not others:
            return self.touched(direction)
        peers = members = 0
        for other in others:
            members |= other.members
            peers |= other.moved
        names = self._lenses[0].world.table.namespaces_of(peers & ~self._external)
        return list(self._found(direction, self._changing(direction) | names, members))

    def _changing(self, direction: Direction) -> set[str]:
        """Namespaces whose groups of a direction are not one and the same in both worlds."""
        first, last = self._lenses[0], self._lenses[-1]
        return {
            name
            for name in self._differing
            if first.world.side(name, direction) is not last.world.side(name, direction)
        }

    @lazy
    def _differing(self) -> set[str]:
        """Namespaces whose policies differ between the worlds."""
        return self._lenses[0].world.differing(self._lenses[-1].world)

    def _found(
        self, direction: Direction, namespaces: Collection[str], universe: int
    ) -> Iterator[Subjects]:
        """Yield the isolated groups of some namespaces, and all that is isolated nowhere."""
        yield from self._isolated(direction, namespaces, universe)
        isolated = self._external
        for lens in self._lenses:
            isolated |= lens.world.isolated(direction)
        free = (FREE,) * len(self._lenses)
        yield from self._split(self._universe & ~isolated, free, universe)
        yield Subjects(self._external, free, self._lenses, universe, external=True)

    def _isolated(
        self, direction: Direction, namespaces: Collection[str], universe: int
    ) -> Iterator[Subjects]:
        """Yield the groups of the namespaces that are isolated in any of the worlds."""
        for namespace in sorted(namespaces):
            if namespace not in self._differing:
                yield from self._isolated_in(namespace, direction, universe)
                continue
            key = namespace, direction
            if key not in self._known:
                self._known[key] = list(self._isolated_in(*key, self._universe))
            yield from self._known[key]

    def _isolated_in(
        self, namespace: str, direction: Direction, universe: int
    ) -> Iterator[Subjects]:
        pods = self._universe & ~self._external
        sides = [lens.groups(namespace, direction) for lens in self._lenses]
        if sides[0] is sides[-1]:
            for group in sides[0]:
                alike = (group,) * len(sides)
                yield from self._split(group.subjects & pods, alike, universe)
        else:
            for members, crossed_ in crossed(sides):
                yield from self._split(members & pods, crossed_, universe)

    def _split(self, members: int, sides: tuple[Group, ...], universe: int) -> Iterator[Subjects]:
        altered = members & self._altered
        if members != altered:
            yield Subjects(members ^ altered, sides, self._lenses, universe)
        if altered:
            yield Subjects(altered, sides, self._lenses, universe, altered=True)


def crossed(sides: Sequence[tuple[Group, ...]]) -> list[tuple[int, tuple[Group, ...]]]:
    """Return the common refinement of several partitions, each with its free rest.

    Args:
        sides: the isolated groups of a namespace in each world.
    """
    found: list[tuple[int, tuple[Group, ...]]] = [(_isolated(sides), ())]
    for groups in sides:
        finer: list[tuple[int, tuple[Group, ...]]] = []
        for members, combination in found:
            rest = members
            for group in groups:
                common = rest & group.subjects
                if common:
                    finer.append((common, (*combination, group)))
                    rest ^= common
            if rest:
                finer.append((rest, (*combination, FREE)))
        found = finer
    return found


def _isolated(sides: Sequence[tuple[Group, ...]]) -> int:
    """Return the pods that are isolated in any of the worlds."""
    return reduce(or_, [group.subjects for groups in sides for group in groups], 0)
