"""Who may speak to whom: one sweep over pairs of groups, for one world or for two at once.

``allowed(s, d) = egress(s, d) ∩ ingress(s, d)`` as sets of ports. Pods that the same
policies select are one group; the peers of a group fall into cells of equal ports; so a
pair of groups costs as many set operations as it has cells, however many pods they hold.

For a diff the sweep carries the sets of both worlds side by side and is local: a pair of
groups is looked at only where a policy that selects one of them, or a pod in one of them,
has changed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from operator import or_

from webhook.netpol.intervals import EMPTY, Ranges, intersection
from webhook.netpol.lazy import lazy
from webhook.netpol.lens import Lens
from webhook.netpol.model import Direction
from webhook.netpol.scope import Group

Values = tuple[Ranges, ...]
"""The ports in each of the worlds that are swept together."""


_CHUNK = 32


@dataclass(frozen=True, slots=True)
class Reach:
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
        first = self.sides[0]
        return any(side is not first and side.written != first.written for side in self.sides)

    @lazy
    def cells(self) -> list[tuple[int, Values]]:
        """Partition the universe by what is open to each peer, in each world."""
        joint: list[tuple[int, Values]] = [(self.universe, ())]
        for side, lens in zip(self.sides, self.lenses, strict=True):
            cells = lens.cells(side, self.universe)
            joint = [
                (members & others, (*values, ports))
                for members, values in joint
                for ports, others in cells.items()
                if members & others
            ]
        return joint

    @lazy
    def moving(self) -> list[tuple[int, Values]]:
        """The cells that differ between the worlds."""
        return [cell for cell in self.cells if cell[1][0] != cell[1][-1]]


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


def changes(groups: "Groups", *, checkpoint: Callable[[], None]) -> Iterator[Reach]:
    """Yield what differs between two worlds whose pods have the same slots.

    Args:
        groups: of the world before the change and of the one after it.
        checkpoint: called before each group and each meeting; raises to give up.
    """
    sources = groups.of(Direction.EGRESS)
    touched = [source for source in sources if source.changed or source.altered]
    for target in groups.of(Direction.INGRESS):
        checkpoint()
        for source in sources if target.changed or target.altered else touched:
            checkpoint()
            for found in _changed(source, target):
                if found.ports[0] != found.ports[1]:
                    yield found


def moves(groups: "Groups", *, direction: Direction) -> Iterator[Reach]:
    """Yield what differs on one side between two worlds, as `changes` does for both.

    Args:
        groups: of the world before the change and of the one after it.
        direction: the side.
    """
    for subjects in groups.of(direction):
        if subjects.changed or subjects.altered:
            for peers, ports in subjects.moving:
                ends = (peers, subjects.members)
                sources, targets = ends if direction is Direction.INGRESS else reversed(ends)
                yield Reach(sources, targets, ports)


def _changed(source: Subjects, target: Subjects) -> Iterator[Reach]:
    """Meet two groups only where a difference can come from."""
    if source.altered or target.altered or (source.changed and target.changed):
        return _meet(source, target, source.cells, target.cells)
    if target.changed:
        if not any(peers & source.members for peers, _ in target.moving):
            return iter(())
        return _meet(source, target, source.cells, target.moving)
    if not any(peers & target.members for peers, _ in source.moving):
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
        self._known: dict[Direction, list[Subjects]] = {}
        self._lenses = lenses
        self._altered = altered
        self._external = lenses[0].external.everyone
        self._universe = 0
        for lens in lenses:
            self._universe |= lens.everyone

    def of(self, direction: Direction) -> Sequence[Subjects]:
        """Return disjoint groups that together are the universe."""
        known = self._known.get(direction)
        if known is None:
            known = self._known[direction] = list(self._found(direction))
        return known

    def _found(self, direction: Direction) -> Iterator[Subjects]:
        rest = self._universe & ~self._external
        for members, sides in self._isolated(direction):
            present = members & rest
            rest &= ~members
            yield from self._split(present, sides)
        free = (Group(0),) * len(self._lenses)
        yield from self._split(rest, free)
        yield Subjects(self._external, free, self._lenses, self._universe, external=True)

    def _split(self, members: int, sides: tuple[Group, ...]) -> Iterator[Subjects]:
        for part, altered in ((members & ~self._altered, False), (members & self._altered, True)):
            if part:
                yield Subjects(part, sides, self._lenses, self._universe, altered)

    def _isolated(self, direction: Direction) -> Iterator[tuple[int, tuple[Group, ...]]]:
        """Yield the groups of every namespace that are isolated in any of the worlds."""
        worlds = [lens.world for lens in self._lenses]
        for namespace in sorted(set().union(*(world.scopes for world in worlds))):
            scopes = {world.scopes.get(namespace) for world in worlds}
            sides = [lens.groups(namespace, direction) for lens in self._lenses]
            if len(scopes) == 1:
                yield from ((group.subjects, (group,) * len(worlds)) for group in sides[0])
            else:
                yield from _crossed(sides)


def _crossed(sides: Sequence[tuple[Group, ...]]) -> Iterator[tuple[int, tuple[Group, ...]]]:
    """Yield the common refinement of several partitions, each with its free rest."""
    for combination in product(*(_with_rest(groups) for groups in sides)):
        members = combination[0].subjects
        for group in combination[1:]:
            members &= group.subjects
        if members > 0 and any(group.policies for group in combination):
            yield members, combination


def _with_rest(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """Add the group of all slots that no group holds (an infinite, hence negative set)."""
    isolated = 0
    for group in groups:
        isolated |= group.subjects
    return (*groups, Group(~isolated))
