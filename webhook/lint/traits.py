"""What a policy has to have for a check to find anything: most have little of it.

Told in one pass over each rule, once as long as it lives, so that a review runs no check that has
nothing to look at.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from enum import StrEnum

from webhook.netpol.labels import Selector
from webhook.netpol.model import DIRECTIONS, IPBlock, Policy, Rule, SelectorPeer


class Trait(StrEnum):
    """Something that a check looks for."""

    NO_INGRESS = "no-ingress"
    """The policy has no ingress rule."""
    TYPES_AMISS = "types-amiss"
    """A direction with rules is not among the policyTypes, or Egress is among them without any."""
    ANYBODY = "anybody"
    """A rule names no peers."""
    BLOCK = "block"
    """A peer is an ipBlock."""
    EXCEPTION = "exception"
    """An ipBlock has exceptions."""
    NAMESPACES = "namespaces"
    """A peer has a namespaceSelector."""
    OWN_PODS = "own-pods"
    """A peer is pods of the policy's own namespace."""
    MIXED = "mixed"
    """One rule has peers with a namespaceSelector, and peers without."""
    KEY_TWICE = "key-twice"
    """A selector, of the policy or of a peer, has two requirements on one key."""
    NAMED_PORT = "named-port"
    """A port is given by name."""

    __hash__ = str.__hash__  # Enum's own is a function in Python, and asked for all the time


_KEPT = "traits"
"""Under which a rule keeps its own."""

_ANYBODY = frozenset({Trait.ANYBODY})
_BLOCK = frozenset({Trait.BLOCK})
_EXCEPTION = frozenset({Trait.BLOCK, Trait.EXCEPTION})
_NAMESPACES = frozenset({Trait.NAMESPACES})
_OWN_PODS = frozenset({Trait.OWN_PODS})
_BOTH = _NAMESPACES | _OWN_PODS
_MIXED = frozenset({Trait.MIXED})
_KEY_TWICE = frozenset({Trait.KEY_TWICE})
_NAMED_PORT = frozenset({Trait.NAMED_PORT})
_INGRESS, _EGRESS = DIRECTIONS
# A member of an enumeration takes ten times as long to look up as a name of the module.


def traits(policy: Policy, rules: Iterable[Rule]) -> AbstractSet[Trait]:
    """Return what a policy has, and those of its rules that are judged."""
    found = _of_policy(policy)
    found.update(*map(of_rule, rules))
    return found


def of_rule(rule: Rule) -> frozenset[Trait]:
    """Return what a rule has."""
    known: frozenset[Trait] | None = rule.__dict__.get(_KEPT)
    if known is None:
        known = rule.__dict__[_KEPT] = _of_rule(rule)
    return known


def _of_policy(policy: Policy) -> set[Trait]:
    found: set[Trait] = set()
    if not policy.ingress:
        found.add(Trait.NO_INGRESS)
    elif _INGRESS not in policy.types:
        found.add(Trait.TYPES_AMISS)
    if bool(policy.egress) is not (_EGRESS in policy.types):
        found.add(Trait.TYPES_AMISS)
    if _repeats_a_key(policy.pods):
        found.add(Trait.KEY_TWICE)
    return found


def _of_rule(rule: Rule) -> frozenset[Trait]:
    found = _ANYBODY
    if len(rule.peers) == 1:
        found = _of_peer(rule.peers[0])
    elif rule.peers:
        found = frozenset().union(*map(_of_peer, rule.peers))
        if found >= _BOTH:
            found |= _MIXED
    for port in rule.ports:
        if port.name:
            return found | _NAMED_PORT
    return found


def _of_peer(peer: IPBlock | SelectorPeer) -> frozenset[Trait]:
    if isinstance(peer, IPBlock):
        return _EXCEPTION if peer.excepts else _BLOCK
    namespaces = peer.namespaces
    found = _OWN_PODS if namespaces is None else _NAMESPACES
    if _repeats_a_key(peer.pods) or (namespaces is not None and _repeats_a_key(namespaces)):
        return found | _KEY_TWICE
    return found


def _repeats_a_key(selector: Selector) -> bool:
    requirements = selector.requirements
    return len(requirements) > 1 and len({each.key for each in requirements}) < len(requirements)
