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

Joint = tuple[int, Values]
"""Peers to whom the same was open before, and the same is after."""


@dataclass(eq=False, slots=True)
class Touched:
    """Pods whose policies differ.

    Args:
        moving: their peers to whom something differs, and what was and what is open to these.
        moved: all of these peers.
        was: their group before.
        now: their group after.
        cells: the same of all peers, to whom nothing differs too; empty where nobody asked yet.
    """

    members: int
    moving: list[Joint]
    moved: int
    was: Group
    now: Group
    cells: list[Joint]


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
        touched = self.touched()
        if touched and self._direction is Direction.INGRESS:
            sources = list(self._others(touched, Direction.EGRESS, checkpoint))
            for subjects, source in product(touched, sources):
                checkpoint()
                if subjects.moved & source.members:
                    yield from received(subjects, source)
        elif touched:
            for target in self._others(touched, Direction.INGRESS, checkpoint):
                for subjects in touched:
                    checkpoint()
                    if subjects.moved & target.members:
                        yield from sent(subjects, target)

    def moves(self, direction: Direction) -> Iterator[Reach]:
        """Yield what differs on one side, whatever the other side says."""
        if direction is self._direction:
            incoming = direction is Direction.INGRESS
            for each in self.touched():
                for peers, ports in each.moving:
                    ends = (peers, each.members) if incoming else (each.members, peers)
                    yield Reach(*ends, ports)

    def touched(self) -> list[Touched]:
        """Return the pods whose policies differ, by namespace."""
        if self._known is None:
            self._known = [each for name in sorted(self._names) for each in self._touched_in(name)]
        return self._known

    def _touched_in(self, namespace: str) -> list[Touched]:
        lens, found = self._lens, []
        first, last = [each.world.side(namespace, self._direction) for each in self._lenses]
        for members, was, now in _pairs(first, last):
            within = members & lens.pods
            if within and was.written != now.written:
                found.append(_touching(lens, within, was, now))
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
        isolated = moved & lens.pods & world.isolated(direction)
        for name in sorted(world.table.namespaces_of(isolated)):
            checkpoint()
            # As wide as in `Groups`, so that cells have the same order.
            peers = lens.everyone if name in self._names else members
            yield from others_in(lens, world.side(name, direction), moved, peers)
        yield from free(lens, moved, isolated, members)


def _pairs(first: Side | None, last: Side | None) -> list[tuple[int, Group, Group]]:
    """Return pods whose policies differ, with their groups in both worlds."""
    if first and last and (versions := revision(first, last)):
        return first.revised(versions[0], last, versions[1])
    pods = parting(first, last)
    sides = [side.groups_of(pods) if side else () for side in (first, last)]
    return [(members & pods, was, now) for members, (was, now) in crossed(sides)]


def others_in(lens: Lens, side: Side | None, moved: int, peers: int) -> list[Other]:
    """Return groups of a side that are the same in both worlds, and that have some of these pods.

    Args:
        lens: of the family.
        side: of a namespace.
        moved: the pods, and perhaps addresses outside.
        peers: who is looked at.
    """
    return [
        other(lens, group, group.subjects & lens.pods, peers)
        for group in (side.groups if side else ())
        if group.subjects & moved and _may_reach(group, peers)
    ]


def other(lens: Lens, group: Group, members: int, peers: int) -> Other:
    """Return pods of a group with what is open to the peers."""
    cells = lens.cells(group, peers).items()
    return Other(members, [(reached, ports) for ports, reached in cells if ports])


def _may_reach(group: Group, peers: int) -> bool:
    """Tell, without false no, whether a group is open to any of the peers: most are not."""
    for rule in group.rules:  # noqa: SIM110 - of every group of a cluster, at times
        if rule.selected & peers or not rule.plain:
            return True
    return False


def free(lens: Lens, moved: int, isolated: int, members: int) -> list[Other]:
    """Return pods that nothing isolates, then what is outside.

    Args:
        lens: of the family.
        moved: to whom something has moved.
        isolated: those of them that are isolated.
        members: who is open to them.
    """
    pods = moved & lens.pods
    both = (pods & ~isolated, moved ^ pods)
    return [Other(freely, ((members, ALL_PORTS),)) for freely in both if freely]


def _touching(lens: Lens, members: int, was: Group, now: Group) -> Touched:
    universe = _apart(lens, was, now)
    cells = joint(lens, was, now, universe) if universe else []
    moving = [cell for cell in cells if cell[1][0] != cell[1][1]]
    moved = 0
    for peers, _ in moving:
        moved |= peers
    whole = cells if was is FREE or now is FREE else []
    return Touched(members, moving, moved, was, now, whole)


def joint(lens: Lens, was: Group, now: Group, universe: int) -> list[Joint]:
    """Partition peers by what was open to them before, and what is after."""
    latter = lens.cells(now, universe).items()
    if was is FREE:
        return [(peers, (ALL_PORTS, after)) for after, peers in latter if peers]
    return [
        (peers & others, (before, after))
        for before, peers in lens.cells(was, universe).items()
        for after, others in latter
        if peers & others
    ]


def _apart(lens: Lens, was: Group, now: Group) -> int:
    """The peers of rules that the worlds do not share: to all others nothing has changed."""
    if was is FREE or now is FREE:
        return lens.everyone
    peers = 0
    for rule in {*was.rules} ^ {*now.rules}:
        peers |= lens.peers(rule)
    return peers


def received(target: Touched, source: Other) -> Iterator[Reach]:
    """Yield what differs between pods touched and those who may send to them."""
    for (peers, (was, now)), (receivers, sent) in product(target.moving, source.cells):
        sources, targets = peers & source.members, receivers & target.members
        if sources and targets:
            ports = intersection(sent, was), intersection(sent, now)
            if ports[0] != ports[1]:
                yield Reach(sources, targets, ports)


def sent(source: Touched, target: Other) -> Iterator[Reach]:
    """Yield what differs between pods touched and those who may receive from them."""
    for (senders, received), (peers, (was, now)) in product(target.cells, source.moving):
        sources, targets = senders & source.members, peers & target.members
        if sources and targets:
            ports = intersection(was, received), intersection(now, received)
            if ports[0] != ports[1]:
                yield Reach(sources, targets, ports)
