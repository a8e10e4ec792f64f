"""The policies of one namespace, compiled against a table of pods.

NetworkPolicies select pods of their own namespace only, so a namespace is the unit that
a change of one policy touches; all other scopes are shared between before and after.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from webhook.netpol import bits
from webhook.netpol.addresses import FAMILIES, Family
from webhook.netpol.intervals import EMPTY, Ranges, union
from webhook.netpol.labels import Selector
from webhook.netpol.lazy import lazy
from webhook.netpol.model import Direction, IPBlock, Policy, Rule, SelectorPeer
from webhook.netpol.ports import ALL_PORTS
from webhook.netpol.table import PodTable


@dataclass(frozen=True, slots=True, eq=False)
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


@dataclass(frozen=True, slots=True, eq=False)
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


@dataclass(eq=False)
class Scope:
    """The policies of a namespace, ordered by name; compiled when first asked."""

    namespace: str
    policies: tuple[Policy, ...]
    table: PodTable
    _compiled: dict[int, tuple[Rule, CompiledRule]] = field(default_factory=dict)
    """By the rule's ``id``, which it keeps as long as it stands here."""
    _groups: dict[Direction, tuple[Group, ...]] = field(default_factory=dict)

    def succeeded_by(self, policies: tuple[Policy, ...]) -> "Scope":
        """Return the scope of other policies; what is compiled of the same rules is kept."""
        old, new = ({id(policy): policy for policy in each} for each in (self.policies, policies))
        gone = [policy for key, policy in old.items() if key not in new]
        come = [policy for key, policy in new.items() if key not in old]
        groups = {
            direction: groups
            for direction, groups in self._groups.items()
            if _written(gone, direction) == _written(come, direction)
        }
        return Scope(self.namespace, policies, self.table, dict(self._compiled), groups)

    @lazy
    def edges(self) -> Mapping[Family, frozenset[int]]:
        """Where the ipBlocks of the policies cut the address space."""
        blocks = [block for policy in self.policies for block in policy.blocks]
        return {
            family: frozenset(
                edge for block in blocks if block.family == family for edge in block.edges
            )
            for family in FAMILIES
        }

    def groups(self, direction: Direction) -> tuple[Group, ...]:
        """Return the isolated pods of the namespace, grouped."""
        known = self._groups.get(direction)
        if known is None:
            known = self._groups[direction] = tuple(self._group(direction))
        return known

    def isolated(self, direction: Direction) -> int:
        """Return the isolated pods of the namespace."""
        found = 0
        for group in self.groups(direction):
            found |= group.subjects
        return found

    def _group(self, direction: Direction) -> Iterator[Group]:
        policies = [policy for policy in self.policies if direction in policy.types]
        members = self.table.in_namespace(self.namespace) & ~self.table.host_network
        subjects = [members & self.table.matching(policy.pods) for policy in policies]
        cells = [members] if members else []
        for selected in subjects:
            cells = bits.refine(cells, selected)
        for cell in cells:
            selecting = tuple(
                [policy for policy, chosen in zip(policies, subjects, strict=True) if cell & chosen]
            )
            if selecting:
                rules = [rule for policy in selecting for rule in self.rules(policy, direction)]
                written = tuple([policy.rules(direction) for policy in selecting])
                group = Group(cell, selecting, tuple(rules), written)
                if direction is Direction.INGRESS and any(rule.names for rule in rules):
                    yield from self._resolved(group)
                else:
                    yield group

    def _resolved(self, group: Group) -> Iterator[Group]:
        """Split an ingress group by what the port names of its rules are in its pods."""
        names = {name for rule in group.rules for name in rule.names}
        cells = [group.subjects]
        for name in names:
            for having in self.table.serving(*name).values():
                cells = bits.refine(cells, having)
        for cell in cells:
            rules = (self._numbered(rule, cell) for rule in group.rules)
            yield replace(group, subjects=cell, rules=tuple(rules))

    def _numbered(self, rule: CompiledRule, subjects: int) -> CompiledRule:
        """Resolve the port names of a rule in pods that all resolve them alike."""
        ports = rule.ports
        for name in rule.names:
            for numbers, having in self.table.serving(*name).items():
                if having & subjects:
                    ports = union(ports, numbers)
        return replace(rule, ports=ports, names=()) if rule.names else rule

    def rules(self, policy: Policy, direction: Direction) -> tuple[CompiledRule, ...]:
        """Compile the rules of one of the policies."""
        return tuple([self._compiled_once(rule) for rule in policy.rules(direction)])

    def _compiled_once(self, rule: Rule) -> CompiledRule:
        known = self._compiled.get(id(rule))
        if known is None:
            known = self._compiled[id(rule)] = rule, self._compile(rule)
        return known[1]

    def _compile(self, rule: Rule) -> CompiledRule:
        selected = 0
        blocks: dict[Family, Ranges] = dict.fromkeys(FAMILIES, EMPTY)
        for peer in rule.peers:
            if isinstance(peer, IPBlock):
                blocks[peer.family] = union(blocks[peer.family], peer.ranges)
            else:
                selected |= self._selected(peer)
        ports = EMPTY
        for item in rule.ports:
            ports = union(ports, item.ports)
        return CompiledRule(
            everyone=not rule.peers,
            selected=selected,
            blocks=blocks,
            ports=ports if rule.ports else ALL_PORTS,
            names=tuple((item.name, item.protocol) for item in rule.ports if item.name),
        )

    def _selected(self, peer: SelectorPeer) -> int:
        """Return the pods a selector peer matches: never those in a node's network."""
        if peer.namespaces is None:
            within = self.table.in_namespace(self.namespace)
        else:
            within = self.table.in_namespaces(peer.namespaces)
        return within & self.table.matching(peer.pods) & ~self.table.host_network


def _written(
    policies: Iterable[Policy], direction: Direction
) -> list[tuple[str, Selector, tuple[Rule, ...]]]:
    """What policies say in a direction: equal where none of them has changed there."""
    return [(p.name, p.pods, p.rules(direction)) for p in policies if direction in p.types]
