"""Whom the labels of a Namespace let in: selectors of other namespaces' policies that match it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from webhook.netpol.labels import Labels, Selector
from webhook.netpol.model import Direction, Policy, SelectorPeer


@dataclass(frozen=True, slots=True)
class Trust:
    """A selector that matches a Namespace since its labels changed.

    Args:
        policy: whose it is.
        direction: of its rule.
        selector: what it asks of a Namespace.
    """

    policy: Policy
    direction: Direction
    selector: Selector


def newly_trusted(policies: Iterable[Policy], before: Labels, after: Labels) -> Iterator[Trust]:
    """Yield the selectors that match a Namespace's labels now, and did not before.

    Args:
        policies: of other namespaces.
        before: all labels of the Namespace, that of its name too.
        after: the same after the change.
    """
    seen: set[tuple[str, Direction, Selector]] = set()
    for policy in policies:
        for direction, selector in _selectors(policy):
            key = policy.key, direction, selector
            if selector.matches(after) and not selector.matches(before) and key not in seen:
                seen.add(key)
                yield Trust(policy, direction, selector)


def _selectors(policy: Policy) -> Iterator[tuple[Direction, Selector]]:
    for direction in Direction:
        for rule in policy.rules(direction) if direction in policy.types else ():
            for peer in rule.peers:
                if isinstance(peer, SelectorPeer) and peer.namespaces is not None:
                    yield direction, peer.namespaces
