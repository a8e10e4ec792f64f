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
    NAMESPACES = "namespaces"
    """A peer has a namespaceSelector."""
    OWN_PODS = "own-pods"
    """A peer is pods of the policy's own namespace."""
    NAMED_PORT = "named-port"
    """A port is given by name."""


def traits(policy: Policy, rules: Iterable[Rule]) -> frozenset[Trait]:
    """Return what a policy has, and those of its rules that are judged."""
    found = set() if policy.ingress else {Trait.NO_INGRESS}
    for rule in rules:
        if not rule.peers:
            found.add(Trait.ANYBODY)
        for peer in rule.peers:
            found.add(_of_peer(peer))
        for port in rule.ports:
            if port.name:
                found.add(Trait.NAMED_PORT)
    return frozenset(found)


def _of_peer(peer: IPBlock | SelectorPeer) -> Trait:
    if isinstance(peer, IPBlock):
        return Trait.BLOCK
    return Trait.OWN_PODS if peer.namespaces is None else Trait.NAMESPACES
