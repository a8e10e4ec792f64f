"""What pods that do not exist yet could reach, or be reached by: exposure, by label cells.

Pods that are made later fall under the rules by their labels. The rules of a group name a
few label keys; per key a later pod has one of the named values, another value, or none.
The combinations are the cells, exact however selectors overlap; cells that are open to the
same ports are merged again into selectors. Only the policies of the pods that exist are
asked: the later pod's own side is as open as its namespace will be.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

from webhook.netpol import bits
from webhook.netpol.intervals import EMPTY, Ranges, union
from webhook.netpol.labels import EVERYTHING, Operator, Requirement, Selector
from webhook.netpol.model import METADATA_NAME, Direction, IPBlock, Rule, SelectorPeer
from webhook.netpol.ports import ALL_PORTS
from webhook.netpol.scope import Group, Scope
from webhook.netpol.world import World

MAX_CELLS = 1024
"""Above this many combinations of labels a group is told selector by selector."""

_OTHER = "\N{NULL}other"
"""Stands for every value that no selector names; no label can have it."""
_ABSENT = "\N{NULL}absent"
"""Stands for a missing key."""

Key = tuple[bool, str]
"""A label key: of the Namespace (False) or of the pod (True)."""
Box = Mapping[Key, frozenset[str]]
"""Per key the values, named or standing for others, that a later pod may have."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What is open to later pods.

    Args:
        ports: by number.
        names: (name, protocol) of ports that the later pod itself will number (egress).
    """

    ports: Ranges = EMPTY
    names: frozenset[tuple[str, str]] = frozenset()

    def __or__(self, other: "Opening") -> "Opening":
        return Opening(union(self.ports, other.ports), self.names | other.names)


@dataclass(frozen=True, slots=True)
class Exposure:
    """Later pods that some pods are open to in a direction.

    Args:
        subjects: the pods that exist, ``namespace/name``.
        namespaces: selects the later pods' namespaces.
        pods: selects the later pods.
        exact: False where there were too many cells; then exposures of a group overlap.
    """

    subjects: tuple[str, ...]
    direction: Direction
    namespaces: Selector
    pods: Selector
    opening: Opening
    exact: bool = True


def exposure(world: World) -> Iterator[Exposure]:
    """Yield what is open to later pods, group by group of pods that the same policies select."""
    for direction in Direction:
        isolated = world.isolated(direction)
        free = world.table.everyone & ~isolated & ~world.table.host_network
        if free:
            names = tuple(sorted(bits.pick(world.table.names, free)))
            opening = Opening(ALL_PORTS)
            yield Exposure(names, direction, EVERYTHING, EVERYTHING, opening)
        for namespace in sorted(world.scopes):
            for group in world.scopes[namespace].groups(direction):
                yield from _of_group(world.scopes[namespace], group, direction)


def _of_group(scope: Scope, group: Group, direction: Direction) -> Iterator[Exposure]:
    names = tuple(sorted(bits.pick(scope.table.names, group.subjects)))
    openings = list(_openings(scope, group, direction))
    domains = _domains(openings)
    exact = prod(map(len, domains.values())) <= MAX_CELLS
    for boxes, opening in _merged(openings, domains) if exact else openings:
        for namespaces, pods in boxes:
            yield Exposure(names, direction, namespaces, pods, opening, exact)


Pair = tuple[Selector, Selector]
Openings = Iterable[tuple[list[Pair], Opening]]


def _openings(scope: Scope, group: Group, direction: Direction) -> Openings:
    """Yield per rule the selectors of its peers and what it opens to them."""
    written = (rule for policy in group.policies for rule in policy.rules(direction))
    for rule, compiled in zip(written, group.rules, strict=True):
        opening = Opening(compiled.ports, frozenset(compiled.names))
        pairs = list(_pairs(scope, rule))
        if pairs and opening != Opening():
            yield pairs, opening


def _pairs(scope: Scope, rule: Rule) -> Iterator[Pair]:
    if not rule.peers:
        yield EVERYTHING, EVERYTHING
    for peer in rule.peers:
        if isinstance(peer, SelectorPeer):
            own = Requirement(METADATA_NAME, Operator.IN, (scope.namespace,))
            yield peer.namespaces if peer.namespaces is not None else Selector((own,)), peer.pods
        else:
            assert isinstance(peer, IPBlock)  # the addresses of later pods are not known


def _domains(openings: Openings) -> dict[Key, tuple[str, ...]]:
    """Collect per key that is named the values that have to be told apart."""
    named: dict[Key, set[str]] = defaultdict(set)
    for pairs, _ in openings:
        for pair in pairs:
            for of_pod, selector in enumerate(pair):
                for requirement in selector.requirements:
                    named[bool(of_pod), requirement.key].update(requirement.values)
    absent = {key: () if key == (False, METADATA_NAME) else (_ABSENT,) for key in named}
    return {key: (*sorted(values), _OTHER, *absent[key]) for key, values in named.items()}


def _merged(openings: Openings, domains: Mapping[Key, tuple[str, ...]]) -> Openings:
    """Yield each distinct opening with selectors that match exactly its cells."""
    cells: dict[Opening, list[Box]] = defaultdict(list)
    for values in product(*domains.values()):
        cell = dict(zip(domains, values, strict=True))
        opening = Opening()
        for pairs, opened in openings:
            if any(_matches(pair, cell) for pair in pairs):
                opening |= opened
        if opening != Opening():
            cells[opening].append({key: frozenset({value}) for key, value in cell.items()})
    for opening, boxes in cells.items():
        yield [_selectors(box, domains) for box in _merge(boxes, domains)], opening


def _matches(pair: Pair, cell: Mapping[Key, str]) -> bool:
    """Tell whether both selectors match a later pod of the cell."""
    return all(
        selector.matches(
            {
                key: value
                for (level, key), value in cell.items()
                if level == bool(of_pod) and value != _ABSENT
            }
        )
        for of_pod, selector in enumerate(pair)
    )


def _merge(boxes: list[Box], domains: Mapping[Key, tuple[str, ...]]) -> list[Box]:
    """Join boxes that differ in one key only, as long as a selector can say the result."""
    for key in domains:
        joined: dict[tuple[frozenset[str], ...], list[frozenset[str]]] = defaultdict(list)
        for box in boxes:
            rest = tuple(values for other, values in box.items() if other != key)
            joined[rest].append(box[key])
        boxes = [
            dict(zip(domains, _inserted(rest, list(domains).index(key), values), strict=True))
            for rest, parts in joined.items()
            for values in _sayable(frozenset().union(*parts))
        ]
    return boxes


def _inserted(
    rest: tuple[frozenset[str], ...], at: int, values: frozenset[str]
) -> tuple[frozenset[str], ...]:
    return (*rest[:at], values, *rest[at:])


def _sayable(values: frozenset[str]) -> Iterator[frozenset[str]]:
    """Split off the missing key where only named values stand beside it: two selectors."""
    if _ABSENT in values and _OTHER not in values and len(values) > 1:
        yield frozenset({_ABSENT})
        yield values - {_ABSENT}
    else:
        yield values


def _selectors(box: Box, domains: Mapping[Key, tuple[str, ...]]) -> Pair:
    namespaces, pods = (
        Selector(
            tuple(
                sorted(
                    requirement
                    for (level, key), values in box.items()
                    if level == of_pod
                    for requirement in _requirements(key, values, domains[level, key])
                )
            )
        )
        for of_pod in (False, True)
    )
    return namespaces, pods


def _requirements(
    key: str, values: frozenset[str], domain: tuple[str, ...]
) -> Iterator[Requirement]:
    """Say a set of values of a key as requirements."""
    missing = tuple(sorted(frozenset(domain) - values - {_ABSENT}))
    if values == {_ABSENT}:
        yield Requirement(key, Operator.DOES_NOT_EXIST)
    elif _OTHER not in values:
        yield Requirement(key, Operator.IN, tuple(sorted(values)))
    else:
        if _ABSENT in domain and _ABSENT not in values:
            yield Requirement(key, Operator.EXISTS)
        if missing:
            yield Requirement(key, Operator.NOT_IN, missing)
