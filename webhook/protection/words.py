"""A difference of two worlds in a few lines that a person reads: who may speak to whom, on what."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address, summarize_address_range
from typing import Final, Literal

from webhook.netpol import bits
from webhook.netpol.addresses import IPV4, Family
from webhook.netpol.intervals import Ranges, ranges
from webhook.netpol.model import Direction
from webhook.netpol.ports import ALL_PORTS, conn_text
from webhook.netpol.rows import Block, Rows
from webhook.netpol.world import World

MAX_LINES = 4
"""Of what is opened, and of what is closed; the rest is counted."""

MAX_NAMES = 3
"""Names on one side of a line; above that they are counted."""

PODS: Final = 0
"""Stands beside the address families: the side of a connection that are pods."""

_OUTSIDE = 1 << 20
"""Pods that a range of addresses outside counts for, when lines are ordered."""

_PAIR = 2
"""Pods of a namespace of which one is not told as the namespace without the other."""

Kind = Literal[0] | Family
"""Of one side of a connection: `PODS`, or the family of addresses outside."""

End = tuple[Kind, int]
"""One side of a connection: `PODS` or the family of addresses outside, and the set of slots."""


@dataclass(slots=True)
class Line:
    """All of ``subjects`` and all of ``others``, on ``ports``.

    Args:
        incoming: the subjects are spoken to; else they speak.
    """

    ports: Ranges
    incoming: bool
    subjects: End
    others: tuple[End, ...]

    @property
    def weight(self) -> int:
        """Connections, more or less."""
        others = 0
        for each in self.others:
            others += _count(each)
        return _count(self.subjects) * others


def _count(end: End) -> int:
    kind, members = end
    return members.bit_count() if kind == PODS else _OUTSIDE


@dataclass(frozen=True, slots=True)
class Teller:
    """Puts rows of a world into words.

    Args:
        world: of the rows.
        namespace: whose policies changed.
        whole: the world has the pods of all namespaces.
    """

    world: World
    namespace: str
    whole: bool = True
    _told: dict[int, str] = field(default_factory=dict)
    """Sets of pods in words: mostly the same stand in several lines."""

    def lines(self, verb: str, rows: Rows) -> tuple[str, ...]:
        """Say rows: ``opens: TCP 5432 to db/* from every pod in the cluster (3,120 pods)``.

        Args:
            verb: what happens to them: ``opens`` or ``closes``.
            rows: what is opened or closed.
        """
        if not rows.blocks:
            return ()
        turned = [each for block in rows.blocks for each in self._turned(block)]
        merged = turned if len(turned) == 1 else _merged(turned)
        found = [line for line in map(self._without_itself, merged) if line is not None]
        if len(found) > 1:
            found.sort(key=lambda line: -line.weight)
        said = [f"{verb}: {self._said(line, rows)}" for line in found[:MAX_LINES]]
        more = len(found) - len(said)
        return (*said, *([f"{verb}: {counted(more, 'more group')} of connections"] if more else []))

    def denied_by(self, direction: Direction, rows: Rows) -> tuple[str, ...]:
        """Return the namespaces whose own policies keep rows of one side from taking effect.

        Left out are those that may not, for they allow addresses, and some pod has none yet.
        """
        incoming = direction is Direction.INGRESS
        other = Direction.EGRESS if incoming else Direction.INGRESS
        isolated, table = self.world.isolated(other), self.world.table
        members = own = 0
        for block in rows.blocks:
            members |= (block.sources if incoming else block.targets) & isolated
            own |= block.targets if incoming else block.sources
        names = sorted(table.namespaces_of(members))
        if own & table.without_address:
            names = [name for name in names if not self._allows_addresses(name, other)]
        return tuple(names)

    def _allows_addresses(self, namespace: str, direction: Direction) -> bool:
        policies = (it for it in self.world.policies_of(namespace) if direction in it.types)
        return any(any(policy.blocks_of(direction)) for policy in policies)

    def _turned(self, block: Block) -> list[Line]:
        """Turn a block so that the namespace's pods come first."""
        table = self.world.table
        own = table.in_namespace(self.namespace)
        pods = (1 << table.size) - 1
        lines = []
        for source in _ends(block.family, block.sources, pods):
            for target in _ends(block.family, block.targets, pods):
                incoming = target[0] == PODS and target[1] & own != 0
                pair = (target, source) if incoming else (source, target)
                lines.append(Line(block.ports, incoming, pair[0], (pair[1],)))
        return lines

    def _without_itself(self, line: Line) -> Line | None:
        """Leave out a pod's traffic with itself, which nothing restricts; None if that is all."""
        subjects, others = line.subjects, line.others
        if _is_a_pod(subjects):
            others = self._beside(subjects[1], others)
        elif len(others) == 1 and _is_a_pod(others[0]):
            (subjects,) = self._beside(others[0][1], (subjects,))
        else:
            return line
        return Line(line.ports, line.incoming, subjects, others) if others else None

    def _beside(self, pod: int, ends: tuple[End, ...]) -> tuple[End, ...]:
        """The ends without a pod; where they are told as a whole, it stays a part of that."""
        table = self.world.table
        host, own = table.host_network, table.in_namespace(self.namespace)
        beside: list[End] = []
        for kind, members in ends:
            rest = members & ~pod if kind == PODS else members
            is_every = self.whole and members | host == table.everyone | host
            is_whole = is_every or (members & own == own and own.bit_count() > _PAIR)
            if rest:
                beside.append((kind, members if kind == PODS and is_whole else rest))
        return tuple(beside)

    def _said(self, line: Line, rows: Rows) -> str:
        ports = "everything" if line.ports == ALL_PORTS else conn_text(line.ports)
        subjects = self._end(line.subjects, rows)
        told = [self._end(end, rows) for end in line.others]
        others = told[0] if len(told) == 1 else " and ".join(dict.fromkeys(told))
        to, of = (subjects, others) if line.incoming else (others, subjects)
        return f"{ports} to {to} from {of}"

    def _end(self, end: End, rows: Rows) -> str:
        kind, members = end
        if kind != PODS:
            return _addresses(kind, members, rows)
        told = self._told.get(members)
        if told is None:
            told = self._told[members] = self._pods(members)
        return told

    def _pods(self, members: int) -> str:
        table = self.world.table
        host = table.host_network
        if self.whole and members | host == table.everyone | host:
            return f"every pod in the cluster ({members.bit_count():,} pods)"
        if members & table.in_namespace(self.namespace) == members:
            return self._of_namespace(self.namespace, members)
        names = table.namespaces_of(members)
        if len(names) > MAX_NAMES:
            return f"{members.bit_count():,} pods of {len(names)} namespaces"
        return ", ".join([self._of_namespace(name, members) for name in sorted(names)])

    def _of_namespace(self, name: str, members: int) -> str:
        table = self.world.table
        all_of_it = table.in_namespace(name)
        found = members & all_of_it
        count = found.bit_count()
        if count > 1 and found == all_of_it:
            return f"{name}/*"
        if count <= MAX_NAMES:
            return ", ".join(bits.pick(table.names, found))
        return f"{count:,} pods of {name}"


def _is_a_pod(end: End) -> bool:
    kind, members = end
    return kind == PODS and not members & (members - 1)


def _ends(family: Family, members: int, pods: int) -> tuple[End, ...]:
    """Part a set into pods and what is outside."""
    inside = members & pods
    if inside == members:
        return ((PODS, inside),) if inside else ()
    outside = family, members ^ inside
    return ((PODS, inside), outside) if inside else (outside,)


def _merged(turned: Iterable[Line]) -> Iterator[Line]:
    """Join lines that are alike on one side; families too, where both ends are pods."""
    for incoming in (True, False):
        merged: dict[tuple[Ranges, End, Kind], int] = defaultdict(int)
        for line in turned:
            if line.incoming is incoming:
                ((kind, members),) = line.others
                merged[line.ports, line.subjects, kind] |= members
        others: dict[tuple[Ranges, End], list[End]] = defaultdict(list)
        for (ports, subjects, kind), members in merged.items():
            others[ports, subjects].append((kind, members))
        joined: dict[tuple[Ranges, Kind, tuple[End, ...]], int] = defaultdict(int)
        for (ports, (kind, members)), ends in others.items():
            joined[ports, kind, tuple(sorted(ends))] |= members
        for (ports, kind, ends_), members in joined.items():
            yield Line(ports, incoming, (kind, members), ends_)


def _addresses(family: Family, members: int, rows: Rows) -> str:
    if rows.names.is_all_outside(family, members):
        return f"every IPv{family} address outside"
    spans = ranges(rows.names.outside(family, members))
    told = [_range_text(family, low, high) for low, high in spans[:MAX_NAMES]]
    more = len(spans) - len(told)
    return ", ".join([*told, *([counted(more, "more range")] if more else [])])


@lru_cache(maxsize=1 << 10)
def _range_text(family: Family, low: int, high: int) -> str:
    width = 32 if family == IPV4 else 128
    first, last = (ip_address(each.to_bytes(width // 8, "big")) for each in (low, high))
    blocks = list(summarize_address_range(first, last))
    return str(blocks[0]) if len(blocks) == 1 else f"{first}-{last}"


def counted(count: int, thing: str) -> str:
    """So many things: ``1 more range``, ``1,200 more ranges``."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def nothing(reasons: Iterable[str]) -> str:
    """Say that a change has no effect, and why."""
    return "opens and closes nothing: " + "; ".join(reasons)
