"""What checks look at: a NetworkPolicy amid its cluster, or any object as it was written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from operator import is_
from typing import Any

import msgspec

from webhook.lint.cluster import Cluster, Stored, endless
from webhook.lint.dig import dig
from webhook.lint.evidence import as_written
from webhook.lint.registry import ObjectRef
from webhook.lint.traits import Trait, traits
from webhook.model.text import one_line
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

_FIELDS = {direction: direction.lower() for direction in DIRECTIONS}
"""The field of a spec that lists the rules of a direction."""


def ref(value: Mapping[str, Any]) -> ObjectRef:
    """Name an object as it is written."""
    names = (dig(value, "metadata", key) for key in ("namespace", "name"))
    namespace, name = (one_line(str(each or "")) for each in names)
    return ObjectRef(one_line(str(value.get("kind"))), namespace, name)


@dataclass(frozen=True, slots=True)
class Written:
    """An object with the values that its author wrote, before they are made text."""

    ref: ObjectRef
    value: Mapping[str, Any]


class RuleAt(msgspec.Struct, frozen=True):
    """A rule and where it stands.

    Args:
        stored: the policy that has it.
        enforced: its direction is among the policyTypes.
        checkpoint: of the cluster; called for every item.
    """

    direction: Direction
    index: int
    rule: Rule
    stored: Stored
    enforced: bool = True
    checkpoint: Callable[[], None] = endless

    @property
    def raw(self) -> Mapping[str, Any]:
        """The rule as JSON."""
        return _raws(self.stored, self.direction)[self.index] or {}

    @property
    def path(self) -> Path:
        """The way to the rule."""
        return ("spec", _FIELDS[self.direction], self.index)

    @property
    def list_name(self) -> str:
        """The field that lists its peers."""
        return "from" if self.direction is Direction.INGRESS else "to"

    @property
    def peers(self) -> Iterator[tuple[Path, Peer]]:
        """The peers with their paths."""
        path = (*self.path, self.list_name)
        for index, peer in enumerate(self.rule.peers):
            self.checkpoint()
            yield (*path, index), peer

    @property
    def blocks(self) -> Iterator[tuple[Path, IPBlock]]:
        """The ipBlocks with their paths."""
        for path, peer in self.peers:
            if isinstance(peer, IPBlock):
                yield (*path, "ipBlock"), peer

    @property
    def selectors(self) -> Iterator[tuple[Path, SelectorPeer]]:
        """The peers by label with their paths."""
        path = (*self.path, self.list_name)
        for index, peer in enumerate(self.rule.peers):
            self.checkpoint()
            if isinstance(peer, SelectorPeer):
                yield (*path, index), peer

    @property
    def ports(self) -> Iterator[tuple[Path, PortRule, Mapping[str, Any]]]:
        """The ports with their paths, and as JSON."""
        written, path = self.raw.get("ports") or (), (*self.path, "ports")
        for index, (port, raw) in enumerate(zip(self.rule.ports, written, strict=False)):
            self.checkpoint()
            yield (*path, index), port, raw or {}

    @property
    def raw_peers(self) -> Iterator[Mapping[str, Any]]:
        """The peers as JSON."""
        for peer in self.raw.get(self.list_name) or ():
            self.checkpoint()
            yield peer or {}


class Subject(msgspec.Struct, frozen=True, dict=True, eq=False):
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

    @lazy
    def ref(self) -> ObjectRef:
        """The policy's name, for what is found in it."""
        return ref(self.value)

    @property
    def spec(self) -> Mapping[str, Any]:
        """The spec as JSON."""
        return self.value.get("spec") or {}

    @lazy
    def all_rules(self) -> tuple[RuleAt, ...]:
        """Every rule, those that nothing enforces too."""
        return tuple(self._each_rule())

    def _each_rule(self) -> Iterator[RuleAt]:
        checkpoint, policy = self.cluster.checkpoint, self.policy
        old = self.old if self.fresh else None
        for direction in self.directions:
            enforced = direction in policy.types
            # Whose rules are not judged: the old version's, if it was enforced alike.
            former = old if old and (direction in old.policy.types) is enforced else None
            # What is read of equal texts is one value (`netpol.parse_text`).
            same = set(map(id, former.policy.rules(direction))) if former else ()
            for index, rule in enumerate(policy.rules(direction)):
                if id(rule) in same:
                    continue
                checkpoint()
                at = RuleAt(direction, index, rule, self.stored, enforced, checkpoint)
                if former is None or not _has(former, at):
                    yield at

    @lazy
    def directions(self) -> Sequence[Direction]:
        """The directions in which there is anything to judge."""
        if not self.fresh or self.old is None:
            return DIRECTIONS
        old, new = self.old.policy.types, self.policy.types
        return [
            each
            for each in DIRECTIONS
            if (each in old) != (each in new) or not _alike(self.old, self.stored, each)
        ]

    @lazy
    def traits(self) -> AbstractSet[Trait]:
        """What there is to look at in the rules that are judged."""
        policy = self.policy
        if self.fresh:
            return traits(policy, [at.rule for at in self.all_rules])
        return traits(policy, (*policy.ingress, *policy.egress))

    @lazy
    def written(self) -> "Subject | None":
        """What its author wrote, in place of what is stored; None where that is not known."""
        found = as_written(self.stored)
        return Subject(found, self.cluster) if found else None

    @property
    def rules(self) -> Iterator[RuleAt]:
        """The rules of the directions that policyTypes names."""
        checkpoint = self.cluster.checkpoint
        for rule in self.all_rules:
            checkpoint()
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


def _raws(stored: Stored, direction: Direction) -> Sequence[Any]:
    """The rules of a direction as JSON: as many as there are rules."""
    return (stored.value.get("spec") or {}).get(direction.lower()) or ()


def _has(stored: Stored, at: RuleAt) -> bool:
    """Whether a policy has a rule, written alike."""
    rules = stored.policy.rules(at.direction)
    return at.rule in rules and any(
        rule == at.rule and (raw or {}) == at.raw
        for rule, raw in zip(rules, _raws(stored, at.direction), strict=True)
    )


def _alike(one: Stored, other: Stored, direction: Direction) -> bool:
    """Whether two policies say the same in a direction, written alike."""
    mine, others = one.policy.rules(direction), other.policy.rules(direction)
    if mine != others:
        return False
    if all(map(is_, mine, others)):
        return True
    first, second = ([raw or {} for raw in _raws(each, direction)] for each in (one, other))
    return first == second
