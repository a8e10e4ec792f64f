"""The difference of two worlds whose policies differ in both directions: a policy made or deleted.

What `reach.Groups` finds, in the same order, at less cost: each direction is a `OneSided`, and what
either of them moves is met with the other side of every connection, touched itself or not.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import product

from webhook.netpol.intervals import intersection
from webhook.netpol.lens import Lens
from webhook.netpol.model import DIRECTIONS, Direction
from webhook.netpol.onesided import (
    Joint,
    OneSided,
    Other,
    Touched,
    free,
    joint,
    other,
    others_in,
    received,
    sent,
)
from webhook.netpol.reach import Reach, crossed


class BothSides:
    """What differs in one family.

    Args:
        lenses: the worlds, of one table.
        names: namespaces whose policies differ.
    """

    def __init__(self, lenses: Sequence[Lens], names: Collection[str]) -> None:
        self._lenses = lenses
        self._lens = lenses[0]
        self._names = names
        self._sides = {each: OneSided(lenses, each, names) for each in DIRECTIONS}

    def changes(self, checkpoint: Callable[[], None]) -> Iterator[Reach]:
        """Yield what differs; the argument is that of `Groups.changes`."""
        senders = self._sides[Direction.EGRESS].touched()
        receivers = self._sides[Direction.INGRESS].touched()
        sources = list(self._near(Direction.EGRESS, senders, receivers, checkpoint))
        for target in self._near(Direction.INGRESS, receivers, senders, checkpoint):
            for source in sources if isinstance(target, Touched) else senders:
                checkpoint()
                yield from self._met(source, target)

    def moves(self, direction: Direction) -> Iterator[Reach]:
        """Yield what differs on one side, whatever the other side says."""
        return self._sides[direction].moves(direction)

    def _near(
        self,
        direction: Direction,
        touched: Sequence[Touched],
        others: Sequence[Touched],
        checkpoint: Callable[[], None],
    ) -> Iterator[Touched | Other]:
        """Yield whom a difference of the others can reach, with those touched, by namespace."""
        moved = members = 0
        for each in others:
            moved |= each.moved
            members |= each.members
        lens, table = self._lens, self._lens.world.table
        ours = 0
        for one in touched:
            ours |= one.members
        isolated = 0
        for view in self._lenses:
            isolated |= view.world.isolated(direction)
        near = isolated & moved & lens.pods
        for name in sorted(table.namespaces_of(ours | near)):
            checkpoint()
            if name in self._names:
                yield from self._in_changed(name, direction, touched, near)
            else:
                yield from others_in(lens, lens.world.side(name, direction), moved, members)
        yield from free(lens, moved, near, members)

    def _in_changed(
        self, namespace: str, direction: Direction, touched: Iterable[Touched], near: int
    ) -> Iterator[Touched | Other]:
        """Yield pods of a namespace whose policies differ: touched themselves, or near."""
        lens = self._lens
        within = lens.world.table.in_namespace(namespace)
        mine = {each.members: each for each in touched if each.members & within}
        pods = near & within
        for members in mine:
            pods &= ~members
        if not pods:
            yield from mine.values()
            return
        for members in mine:
            pods |= members
        sides = [each.world.side(namespace, direction) for each in self._lenses]
        groups = [side.groups_of(pods) if side else () for side in sides]
        for common, (_, now) in crossed(groups):
            members = common & pods
            if members in mine:
                yield mine[members]
            elif members:
                # As wide as in `Groups`, so that cells have the same order.
                yield other(lens, now, members, lens.everyone)

    def _met(self, source: Touched | Other, target: Touched | Other) -> Iterator[Reach]:
        if isinstance(target, Other):
            if isinstance(source, Touched) and source.moved & target.members:
                return sent(source, target)
            return iter(())
        if isinstance(source, Other):
            return received(target, source) if target.moved & source.members else iter(())
        return self._both(source, target)

    def _both(self, source: Touched, target: Touched) -> Iterator[Reach]:
        """Meet pods of which either side differs."""
        outgoing = self._cells(source)
        for (peers, received_), (others, sent_) in product(self._cells(target), outgoing):
            sources, targets = peers & source.members, others & target.members
            if sources and targets:
                was, now = map(intersection, sent_, received_)
                if was != now:
                    yield Reach(sources, targets, (was, now))

    def _cells(self, touched: Touched) -> list[Joint]:
        if not touched.cells:
            touched.cells = joint(self._lens, touched.was, touched.now, self._lens.everyone)
        return touched.cells
