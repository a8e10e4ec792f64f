"""What checks look at: a NetworkPolicy amid its cluster, or any object as it was written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from webhook.lint.cluster import Cluster, Stored, endless
from webhook.lint.registry import ObjectRef
from webhook.netpol.errors import Path
from webhook.netpol.labels import Selector
from webhook.netpol.lazy import lazy
from webhook.netpol.model import (
    DIRECTIONS,
    Direction,
    IPBlock,
    Peer,
    Policy,
    PortRule,
    Rule,
    SelectorPeer,
)

Said = tuple[Direction, Rule, Mapping[str, Any], bool]
"""A rule without its place: direction, rule, JSON and whether it is enforced."""


@dataclass(frozen=True, slots=True)
class Written:
    """An object with the values that its author wrote, before they are made text."""

    ref: ObjectRef
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RuleAt:
    """A rule and where it stands.

    Args:
        raw: the rule as JSON.
        enforced: its direction is among the policyTypes.
        checkpoint: of the cluster; called for every item.
    """

    direction: Direction
    index: int
    rule: Rule
    raw: Mapping[str, Any]
    enforced: bool = True
    checkpoint: Callable[[], None] = endless

    @property
    def path(self) -> Path:
        """The way to the rule."""
        return ("spec", self.direction.lower(), self.index)

    @property
    def said(self) -> Said:
        """All of it but its place."""
        return self.direction, self.rule, self.raw, self.enforced

    @property
    def list_name(self) -> str:
        """The field that lists its peers."""
        return "from" if self.direction is Direction.INGRESS else "to"

    @property
    def peers(self) -> Iterator[tuple[Path, Peer]]:
        """The peers with their paths."""
        for index, peer in enumerate(self.rule.peers):
            self.checkpoint()
            yield (*self.path, self.list_name, index), peer

    @property
    def blocks(self) -> Iterator[tuple[Path, IPBlock]]:
        """The ipBlocks with their paths."""
        for path, peer in self.peers:
            if isinstance(peer, IPBlock):
                yield (*path, "ipBlock"), peer

    @property
    def selectors(self) -> Iterator[tuple[Path, SelectorPeer]]:
        """The peers by label with their paths."""
        for path, peer in self.peers:
            if isinstance(peer, SelectorPeer):
                yield path, peer

    @property
    def ports(self) -> Iterator[tuple[Path, PortRule, Mapping[str, Any]]]:
        """The ports with their paths, and as JSON."""
        written = self.raw.get("ports") or ()
        for index, (port, raw) in enumerate(zip(self.rule.ports, written, strict=False)):
            self.checkpoint()
            yield (*self.path, "ports", index), port, raw or {}

    @property
    def raw_peers(self) -> Iterator[Mapping[str, Any]]:
        """The peers as JSON."""
        for peer in self.raw.get(self.list_name) or ():
            self.checkpoint()
            yield peer or {}


@dataclass(frozen=True)
class Subject:
    """A NetworkPolicy and all that is known around it.

    Args:
        stored: the policy and its JSON, as written or as stored.
        cluster: where it is.
        old: its former version, where a change is judged.
        before: the cluster before the change, where that is known.
        gone: the change takes the policy away.
        fresh: rules that the former version has too are left out.
    """

    stored: Stored
    cluster: Cluster
    old: Stored | None = None
    before: Cluster | None = None
    gone: bool = False
    fresh: bool = False

    @property
    def policy(self) -> Policy:
        """The policy, normalised."""
        return self.stored.policy

    @property
    def value(self) -> Mapping[str, Any]:
        """The policy as JSON."""
        return self.stored.value

    @property
    def spec(self) -> Mapping[str, Any]:
        """The spec as JSON."""
        return self.value.get("spec") or {}

    @lazy
    def all_rules(self) -> tuple[RuleAt, ...]:
        """Every rule, those that nothing enforces too."""
        among = self.directions
        rules = tuple(_each_rule(self.stored, among, self.cluster.checkpoint))
        if not self.fresh or self.old is None:
            return rules
        former = [each.said for each in _each_rule(self.old, among, endless)]
        return tuple(each for each in rules if self._is_new(each, former))

    @property
    def directions(self) -> Sequence[Direction]:
        """The directions in which there is anything to judge."""
        if not self.fresh or self.old is None:
            return DIRECTIONS
        return [each for each in DIRECTIONS if _of(self.stored, each) != _of(self.old, each)]

    def _is_new(self, at: RuleAt, former: list[Said]) -> bool:
        self.cluster.checkpoint()
        return at.said not in former

    @property
    def rules(self) -> Iterator[RuleAt]:
        """The rules of the directions that policyTypes names."""
        for rule in self.all_rules:
            self.cluster.checkpoint()
            if rule.enforced:
                yield rule

    @property
    def selectors(self) -> Iterator[tuple[Path, Selector]]:
        """Every selector of the policy with its path."""
        yield ("spec", "podSelector"), self.policy.pods
        for rule in self.rules:
            for path, peer in rule.selectors:
                yield (*path, "podSelector"), peer.pods
                if peer.namespaces is not None:
                    yield (*path, "namespaceSelector"), peer.namespaces


def _of(stored: Stored, direction: Direction) -> tuple[Any, Sequence[Rule], bool]:
    """A direction's rules as JSON and as they are read, and whether they are enforced."""
    raws = (stored.value.get("spec") or {}).get(direction.lower()) or ()
    return raws, stored.policy.rules(direction), direction in stored.policy.types


def _each_rule(
    stored: Stored, among: Sequence[Direction], checkpoint: Callable[[], None]
) -> Iterator[RuleAt]:
    for direction in among:
        raws, rules, enforced = _of(stored, direction)
        pairs = zip(rules, raws, strict=False)
        for index, (rule, raw) in enumerate(pairs):
            yield RuleAt(direction, index, rule, raw or {}, enforced, checkpoint)
