"""The difference of two worlds whose policies differ in one direction alone, the usual edit.

What `reach.Groups` finds, in the same order, at less cost: the pods are the same, the other side of
every connection is the same, and no namespace is looked at but those of pods to whom something
has moved. Addresses outside are looked at only where a rule that differs speaks of them.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from webhook.netpol.intervals import Ranges, intersection
from webhook.netpol.lens import Lens
from webhook.netpol.model import Direction
from webhook.netpol.ports import ALL_PORTS
from webhook.netpol.reach import FREE, Reach, Values, crossed
from webhook.netpol.scope import Group, Side, parting, revision

Cell = tuple[int, Ranges]
"""Pods that are open to the same peers on the same ports."""


@dataclass(eq=False, slots=True)
class Touched:
    """Pods whose policies differ.

    Args:
        moving: their peers to whom something differs, and what was and what is open to these.
        moved: all of these peers.
    """

    members: int
    moving: list[tuple[int, Values]]
    moved: int


@dataclass(eq=False, slots=True)
class Other:
    """Pods, or what is outside, of which the other direction's policies are the same.

    Args:
        cells: what is open between them and the pods touched, by these.
    """

    members: int
    cells: Sequence[Cell]


class OneSided:
    """What differs in one family.

    Args:
        lenses: the worlds, of one table.
        direction: in which the policies differ.
        names: namespaces whose policies differ.
    """

    def __init__(
        self, lenses: Sequence[Lens], direction: Direction, names: Collection[str]
    ) -> None:
        self._lenses = lenses
        # They have one table, and all that is asked of a lens depends on that alone.
        self._lens = lenses[0]
        self._direction = direction
        self._names = names
        self._known: list[Touched] | None = None

    def changes(self, checkpoint: Callable[[], None]) -> Iterator[Reach]:
        """Yield what differs; the argument is that of `Groups.changes`."""
        touched = self._touched()
        if touched and self._direction is Direction.INGRESS:
            sources = list(self._others(touched, Direction.EGRESS, checkpoint))
            for subjects, source in product(touched, sources):
                checkpoint()
                if subjects.moved & source.members:
                    yield from _received(subjects, source)
        elif touched:
            for target in self._others(touched, Direction.INGRESS, checkpoint):
                for subjects in touched:
                    checkpoint()
                    if subjects.moved & target.members:
                        yield from _sent(subjects, target)

    def moves(self, direction: Direction) -> Iterator[Reach]:
        """Yield what differs on one side, whatever the other side says."""
        if direction is self._direction:
            incoming = direction is Direction.INGRESS
            for each in self._touched():
                for peers, ports in each.moving:
                    ends = (peers, each.members) if incoming else (each.members, peers)
                    yield Reach(*ends, ports)

    def _touched(self) -> list[Touched]:
        if self._known is None:
            self._known = [each for name in sorted(self._names) for each in self._touched_in(name)]
        return self._known

    def _touched_in(self, namespace: str) -> list[Touched]:
        lens, found = self._lens, []
        first, last = [each.world.side(namespace, self._direction) for each in self._lenses]
        for members, was, now in _pairs(first, last):
            within = members & lens.pods
            if within and was.written != now.written:
                moving = _moving(lens, was, now)
                moved = 0
                for peers, _ in moving:
                    moved |= peers
                found.append(Touched(within, moving, moved))
        return found

    def _others(
        self, touched: Sequence[Touched], direction: Direction, checkpoint: Callable[[], None]
    ) -> Iterator[Other]:
        """Yield whom a difference can reach, by namespace; last who is free to speak to all."""
        moved = members = 0
        for each in touched:
            moved |= each.moved
            members |= each.members
        lens, world = self._lens, self._lens.world
        free = moved & lens.pods
        for name in sorted(world.table.namespaces_of(free)):
            checkpoint()
            side = world.side(name, direction)
            # As wide as in `Groups`, so that cells have the same order.
            peers = lens.everyone if name in self._names else members
            for group in side.groups if side else ():
                if group.subjects & moved:
                    cells = lens.cells(group, peers)
                    open_ = [(reached, ports) for ports, reached in cells.items() if ports]
                    if open_:
                        yield Other(group.subjects & lens.pods, open_)
                    free &= ~group.subjects
        outside = moved & ~lens.pods
        for freely in (free, outside):
            if freely:
                yield Other(freely, ((members, ALL_PORTS),))


def _pairs(first: Side | None, last: Side | None) -> list[tuple[int, Group, Group]]:
    """Return pods whose policies differ, with their groups in both worlds."""
    if first and last and (versions := revision(first, last)):
        return first.revised(versions[0], last, versions[1])
    pods = parting(first, last)
    sides = [side.groups_of(pods) if side else () for side in (first, last)]
    return [(members & pods, was, now) for members, (was, now) in crossed(sides)]


def _moving(lens: Lens, was: Group, now: Group) -> list[tuple[int, Values]]:
    """The peers of a group's pods to whom something differs."""
    universe = _apart(lens, was, now)
    if not universe:
        return []
    latter = lens.cells(now, universe).items()
    return [
        (peers & others, (before, after))
        for before, peers in lens.cells(was, universe).items()
        for after, others in latter
        if before != after and peers & others
    ]


def _apart(lens: Lens, was: Group, now: Group) -> int:
    """The peers of rules that the worlds do not share: to all others nothing has changed."""
    if was is FREE or now is FREE:
        return lens.everyone
    peers = 0
    for rule in {*was.rules} ^ {*now.rules}:
        peers |= lens.peers(rule)
    return peers


def _received(target: Touched, source: Other) -> Iterator[Reach]:
    for (peers, (was, now)), (receivers, sent) in product(target.moving, source.cells):
        sources, targets = peers & source.members, receivers & target.members
        if sources and targets:
            ports = intersection(sent, was), intersection(sent, now)
            if ports[0] != ports[1]:
                yield Reach(sources, targets, ports)


def _sent(source: Touched, target: Other) -> Iterator[Reach]:
    for (senders, received), (peers, (was, now)) in product(target.cells, source.moving):
        sources, targets = senders & source.members, peers & target.members
        if sources and targets:
            ports = intersection(was, received), intersection(now, received)
            if ports[0] != ports[1]:
                yield Reach(sources, targets, ports)
