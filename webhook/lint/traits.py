"""What a policy has to have for a check to find anything: most have little of it.

Told in one pass over the rules, so that a review runs no check that has nothing to look at.
"""

from collections.abc import Iterable
from enum import StrEnum

from webhook.netpol.model import IPBlock, Policy, Rule, SelectorPeer


class Trait(StrEnum):
    """Something that a check looks for."""

    NO_INGRESS = "no-ingress"
    """The policy has no ingress rule."""
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
    NAMED_PORT = "named-port"
    """A port is given by name."""


_BOTH = {Trait.NAMESPACES, Trait.OWN_PODS}


def traits(policy: Policy, rules: Iterable[Rule]) -> frozenset[Trait]:
    """Return what a policy has, and those of its rules that are judged."""
    found = set() if policy.ingress else {Trait.NO_INGRESS}
    for rule in rules:
        if not rule.peers:
            found.add(Trait.ANYBODY)
        peers = {_of_peer(peer) for peer in rule.peers}
        found |= peers
        if peers >= _BOTH:
            found.add(Trait.MIXED)
        if Trait.BLOCK in peers and any(isinstance(p, IPBlock) and p.excepts for p in rule.peers):
            found.add(Trait.EXCEPTION)
        for port in rule.ports:
            if port.name:
                found.add(Trait.NAMED_PORT)
    return frozenset(found)


def _of_peer(peer: IPBlock | SelectorPeer) -> Trait:
    if isinstance(peer, IPBlock):
        return Trait.BLOCK
    return Trait.OWN_PODS if peer.namespaces is None else Trait.NAMESPACES
