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

Said = tuple[Rule, Mapping[str, Any]]
"""A rule as it is read, and its JSON."""


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
        return tuple(self._each_rule())

    def _each_rule(self) -> Iterator[RuleAt]:
        checkpoint = self.cluster.checkpoint
        for direction in self.directions:
            enforced = direction in self.policy.types
            former = self._former(direction)
            for index, said in enumerate(_said(self.stored, direction)):
                checkpoint()
                # Most rules that stay are where they were.
                if said not in former[index : index + 1] and said not in former:
                    yield RuleAt(direction, index, *said, enforced, checkpoint)

    def _former(self, direction: Direction) -> Sequence[Said]:
        """The rules that are not judged: what the old version says, if it was enforced alike."""
        if not self.fresh or self.old is None:
            return ()
        alike = (direction in self.old.policy.types) == (direction in self.policy.types)
        return _said(self.old, direction) if alike else ()

    @property
    def directions(self) -> Sequence[Direction]:
        """The directions in which there is anything to judge."""
        if not self.fresh or self.old is None:
            return DIRECTIONS
        old, new = self.old.policy.types, self.policy.types
        return [
            each
            for each in DIRECTIONS
            if (each in old) != (each in new) or _said(self.old, each) != _said(self.stored, each)
        ]

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


def _said(stored: Stored, direction: Direction) -> list[Said]:
    raws = (stored.value.get("spec") or {}).get(direction.lower()) or ()
    rules = stored.policy.rules(direction)
    return [(rule, raw or {}) for rule, raw in zip(rules, raws, strict=False)]
