"""The policies of one namespace, compiled against a table of pods.

NetworkPolicies select pods of their own namespace only, so a namespace is the unit that
a change of one policy touches; all other scopes are shared between before and after.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from types import MappingProxyType

from webhook.netpol import bits
from webhook.netpol.addresses import FAMILIES, Family
from webhook.netpol.intervals import EMPTY, Ranges, union
from webhook.netpol.labels import Selector
from webhook.netpol.lazy import lazy
from webhook.netpol.model import DIRECTIONS, Direction, IPBlock, Policy, Rule, SelectorPeer
from webhook.netpol.ports import ALL_PORTS
from webhook.netpol.table import PodTable


@dataclass(slots=True, eq=False)
class CompiledRule:
    """A rule as sets.

    Args:
        everyone: it names no peers, so that every peer matches, in and out of the cluster.
        selected: the pods that its selectors match, of any family.
        blocks: per family the addresses that its ipBlocks match.
        ports: what it opens by number.
        names: (name, protocol) to resolve on the destination.
    """

    everyone: bool
    selected: int
    blocks: Mapping[Family, Ranges]
    ports: Ranges
    names: tuple[tuple[str, str], ...]
    plain: bool = False
    """Whether the selected pods are all that it matches."""


@dataclass(slots=True, eq=False)
class Group:
    """Pods that the same policies select in a direction; without any they are not isolated.

    Pods of an ingress group also resolve the port names of its rules alike, so that its
    rules have numbers only; names in egress rules are the peers' to resolve.
    """

    subjects: int
    policies: tuple[Policy, ...] = ()
    rules: tuple[CompiledRule, ...] = ()
    written: tuple[tuple[Rule, ...], ...] = ()
    """The rules of each policy in the direction: groups that have them in common are alike."""


_INGRESS = Direction.INGRESS
"""Members of an enumeration are slow to look up."""

_NO_BLOCKS: Mapping[Family, Ranges] = dict.fromkeys(FAMILIES, EMPTY)


class Compiler:
    """Makes sets of rules, each rule once.

    Args:
        namespace: of the policies.
        table: the pods.
        known: what is compiled already.
    """

    def __init__(self, namespace: str, table: PodTable, known: "Mapping[int, Known]") -> None:
        self.namespace = namespace
        self.table = table
        self.known = dict(known)
        """By the rule's ``id``, which it keeps as long as it stands here."""

    def rules(self, policy: Policy, direction: Direction) -> list[CompiledRule]:
        """Compile the rules of a policy."""
        found = []
        for rule in policy.rules(direction):
            known = self.known.get(id(rule))
            if known is None:
                known = self.known[id(rule)] = rule, self._compile(rule)
            found.append(known[1])
        return found

    def _compile(self, rule: Rule) -> CompiledRule:
        selected = 0
        blocks = _NO_BLOCKS
        for peer in rule.peers:
            if isinstance(peer, IPBlock):
                blocks = {**blocks, peer.family: union(blocks[peer.family], peer.ranges)}
            else:
                selected |= self._selected(peer)
        ports = EMPTY
        for item in rule.ports:
            ports = union(ports, item.ports)
        names = [(item.name, item.protocol) for item in rule.ports if item.name]
        return CompiledRule(
            everyone=not rule.peers,
            selected=selected,
            blocks=blocks,
            ports=ports if rule.ports else ALL_PORTS,
            names=tuple(names),
            plain=bool(rule.peers) and blocks is _NO_BLOCKS,
        )

    def _selected(self, peer: SelectorPeer) -> int:
        """Return the pods a selector peer matches: never those in a node's network."""
        if peer.namespaces is None:
            within = self.table.in_namespace(self.namespace)
        else:
            within = self.table.in_namespaces(peer.namespaces)
        return within & self.table.matching(peer.pods) & ~self.table.host_network


Known = tuple[Rule, CompiledRule]
"""A rule, and what was compiled of it."""


class Side:
    """What the policies of a namespace say in one direction; compiled when first asked.

    Args:
        direction: of the rules.
        policies: those that speak of the direction, ordered by name.
        compiler: makes sets of their rules.
    """

    def __init__(
        self, direction: Direction, policies: tuple[Policy, ...], compiler: Compiler
    ) -> None:
        self.direction = direction
        self.policies = policies
        self._compiler = compiler
        self._table = compiler.table

    @lazy
    def groups(self) -> tuple[Group, ...]:
        """The isolated pods of the namespace, grouped."""
        return tuple(self._within(self._members))

    @lazy
    def isolated(self) -> int:
        """The isolated pods of the namespace."""
        return reduce(or_, self.subjects, 0)

    @lazy
    def parted_by_names(self) -> bool:
        """Whether pods that the same policies select may still be several groups."""
        return any(_parts(policy, self.direction) for policy in self.policies)

    def revised(self, was: Policy, later: "Side", now: Policy) -> list[tuple[int, Group, Group]]:
        """Return the pods that a policy selects, by group, as it is and with other rules of it.

        Args:
            was: a policy of this side.
            later: the side that has another one in its place, and all others alike.
            now: that policy; it selects the same pods.
        """
        found = []
        for group in self.groups:
            if was in group.policies:
                selecting = [now if policy is was else policy for policy in group.policies]
                found.append((group.subjects, group, later.group(group.subjects, selecting)))
        return found

    def group(self, subjects: int, selecting: Sequence[Policy]) -> Group:
        """Make a group of pods that some policies select, whatever port names are in them."""
        direction, rules_of = self.direction, self._compiler.rules
        rules = [rule for policy in selecting for rule in rules_of(policy, direction)]
        written = tuple([policy.rules(direction) for policy in selecting])
        return Group(subjects, tuple(selecting), tuple(rules), written)

    def groups_of(self, pods: int) -> tuple[Group, ...]:
        """Return the groups that pods of a set are in, in order; they may hold others beside."""
        known = self.__dict__.get("groups")
        if known is None:
            return tuple(self._within(self._members & pods))
        return tuple([group for group in known if group.subjects & pods])

    @lazy
    def _members(self) -> int:
        """The pods of the namespace that policies can isolate."""
        return self._table.in_namespace(self._compiler.namespace) & ~self._table.host_network

    @lazy
    def subjects(self) -> list[int]:
        """The pods that each policy selects."""
        members, matching = self._members, self._table.matching
        return [members & matching(policy.pods) for policy in self.policies]

    def _within(self, pods: int) -> Iterator[Group]:
        """Yield the groups of some pods."""
        selected = list(zip(self.policies, self.subjects, strict=True))
        cells = [pods] if pods else []
        for _, subjects in selected:
            cells = bits.refine(cells, subjects)
        for cell in cells:
            selecting = [policy for policy, subjects in selected if cell & subjects]
            if selecting:
                group = self.group(cell, selecting)
                if self.parted_by_names and any(rule.names for rule in group.rules):
                    yield from self._resolved(group)
                else:
                    yield group

    def _resolved(self, group: Group) -> Iterator[Group]:
        """Split an ingress group by what the port names of its rules are in its pods."""
        names = {name for rule in group.rules for name in rule.names}
        cells = [group.subjects]
        for name in names:
            for having in self._table.serving(*name).values():
                cells = bits.refine(cells, having)
        for cell in cells:
            rules = (self._numbered(rule, cell) for rule in group.rules)
            yield replace(group, subjects=cell, rules=tuple(rules))

    def _numbered(self, rule: CompiledRule, subjects: int) -> CompiledRule:
        """Resolve the port names of a rule in pods that all resolve them alike."""
        ports = rule.ports
        for name in rule.names:
            for numbers, having in self._table.serving(*name).items():
                if having & subjects:
                    ports = union(ports, numbers)
        return replace(rule, ports=ports, names=()) if rule.names else rule


def parting(one: Side | None, other: Side | None) -> int:
    """Return the pods that are selected by policies which one side has and the other lacks."""
    if one is None or other is None:
        side = one or other
        return side.isolated if side else 0
    found = 0
    for ours, theirs in ((one, other), (other, one)):
        shared = set(map(id, theirs.policies))
        for policy, selected in zip(ours.policies, ours.subjects, strict=True):
            if id(policy) not in shared:
                found |= selected
    return found


Sides = Mapping[Direction, Side | None]
"""What policies say in each direction; None where they do not speak of it."""


def revision(one: Side, other: Side) -> tuple[Policy, Policy] | None:
    """Return the policy that differs, in both versions, if it is one and selects the same pods.

    None too where port names part the pods of a group, whatever selects them.
    """
    if len(one.policies) != len(other.policies):
        return None
    pairs = [p for p in zip(one.policies, other.policies, strict=True) if p[0] is not p[1]]
    if len(pairs) != 1:
        return None
    was, now = pairs[0]
    if was.pods != now.pods or one.parted_by_names:
        return None
    return None if _parts(now, one.direction) else (was, now)


def _parts(policy: Policy, direction: Direction) -> bool:
    """Whether a policy names ports that are those of the pods it selects."""
    if direction is _INGRESS:
        for rule in policy.ingress:
            for item in rule.ports:
                if item.name:
                    return True
    return False


class Scope:
    """The policies of a namespace; compiled when first asked.

    Args:
        namespace: of all of them.
        policies: ordered by name.
        table: the pods.
        known: what is compiled of their rules already.
        sides: what they say in directions in which another scope's say the same.
    """

    def __init__(
        self,
        namespace: str,
        policies: tuple[Policy, ...],
        table: PodTable,
        known: Mapping[int, Known] = MappingProxyType({}),
        sides: Sides = MappingProxyType({}),
    ) -> None:
        self.namespace = namespace
        self.policies = policies
        self.table = table
        self._compiler = Compiler(namespace, table, known)
        self.sides: Sides = {
            direction: sides[direction] if direction in sides else self._side(direction)
            for direction in DIRECTIONS
        }

    def _side(self, direction: Direction) -> Side | None:
        speaking = tuple([policy for policy in self.policies if direction in policy.types])
        return Side(direction, speaking, self._compiler) if speaking else None

    def succeeded_by(self, policies: tuple[Policy, ...]) -> "Scope":
        """Return the scope of other policies; what is compiled of the same rules is kept.

        Directions in which the policies say the same have one `Side` in both.
        """
        gone, come = _apart(self.policies, policies)
        shared = {
            direction: side
            for direction, side in self.sides.items()
            if _written(gone, direction) == _written(come, direction)
        }
        return Scope(self.namespace, policies, self.table, self._compiler.known, shared)

    @lazy
    def edges(self) -> Mapping[Family, frozenset[int]]:
        """Where the ipBlocks of the policies cut the address space."""
        found: dict[Family, set[int]] = {family: set() for family in FAMILIES}
        for policy in self.policies:
            for block in policy.blocks:
                found[block.family].update(block.edges)
        return {family: frozenset(edges) for family, edges in found.items()}

    def groups(self, direction: Direction) -> tuple[Group, ...]:
        """Return the isolated pods of the namespace, grouped."""
        side = self.sides[direction]
        return side.groups if side else ()

    def isolated(self, direction: Direction) -> int:
        """Return the isolated pods of the namespace."""
        side = self.sides[direction]
        return side.isolated if side else 0


def _apart(old: tuple[Policy, ...], new: tuple[Policy, ...]) -> tuple[list[Policy], list[Policy]]:
    """Return the policies that go, and those that come; at worst some that stay in both."""
    if len(old) == len(new):
        pairs = [pair for pair in zip(old, new, strict=True) if pair[0] is not pair[1]]
        return [one for one, _ in pairs], [other for _, other in pairs]
    known, others = set(map(id, old)), set(map(id, new))
    gone = [policy for policy in old if id(policy) not in others]
    return gone, [policy for policy in new if id(policy) not in known]


def _written(
    policies: Iterable[Policy], direction: Direction
) -> list[tuple[str, Selector, tuple[Rule, ...]]]:
    """What policies say in a direction: equal where none of them has changed there."""
    if direction is _INGRESS:
        return [(p.name, p.pods, p.ingress) for p in policies if direction in p.types]
    return [(p.name, p.pods, p.egress) for p in policies if direction in p.types]
