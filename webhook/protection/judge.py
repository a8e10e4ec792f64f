"""What a change of one policy takes from a namespace: isolation, or its effect.

Only a change for the worse is told: each question compares the policies before with those after.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from webhook.netpol.labels import Operator
from webhook.netpol.model import DIRECTIONS, Direction, Policy
from webhook.protection.coverage import Opening, Universe, peers_text
from webhook.protection.space import Box, LabelSpace, meet, uncovered, unnamed_cells


@dataclass(frozen=True, slots=True)
class Loss:
    """Pods that no policy isolates any more, and that are open to more than before.

    Args:
        direction: in which.
        pods: who, in words; pods not yet made among them.
    """

    direction: Direction
    pods: str


@dataclass(frozen=True, slots=True)
class Reopening:
    """Pods that stay isolated by the letter, and are opened by the union of the policies.

    Args:
        direction: in which.
        pods: who, in words: pods that no policy names by a value.
        openings: peers that all ports of a protocol are open to now, and were not before, in
            words: ``all IPv4 addresses (TCP, UDP)``.
    """

    direction: Direction
    pods: str
    openings: tuple[str, ...]


def may_weaken(old: Policy | None, new: Policy | None) -> bool:
    """Tell whether a change could lose or reopen anything, whatever stands beside it."""
    for direction in DIRECTIONS:
        if _may_lose(old, new, direction) or _may_reopen(old, new, direction):
            return True
    return False


def _may_lose(old: Policy | None, new: Policy | None, direction: Direction) -> bool:
    if old is None or direction not in old.types:
        return False
    if new is not None and direction in new.types and new.pods == old.pods:
        return False
    return not _opens_everything(old, direction)


def _opens_everything(policy: Policy, direction: Direction) -> bool:
    """Whether whom it isolates is open to everything all the same, so that it can be spared."""
    return any(not rule.peers and not rule.ports for rule in policy.rules(direction))


def _may_reopen(old: Policy | None, new: Policy | None, direction: Direction) -> bool:
    if new is None or direction not in new.types or not new.rules(direction):
        return False
    if any(each.operator is Operator.IN for each in new.pods.requirements):
        # It selects by value, so none of the pods that no value names.
        return False
    if old is None or direction not in old.types or old.pods != new.pods:
        return True
    return old.rules(direction) != new.rules(direction)


def losses(others: Sequence[Policy], old: Policy | None, new: Policy | None) -> Iterator[Loss]:
    """Yield, per direction, pods that only the old policy isolated.

    Args:
        others: what else stands in the namespace.
        old: None where the policy is made.
        new: None where it is deleted.
    """
    for direction in DIRECTIONS:
        if old is not None and _may_lose(old, new, direction):
            remaining = [p.pods for p in _present(others, new) if direction in p.types]
            space = LabelSpace.of([old.pods, *remaining])
            free = uncovered(space.box(old.pods), [space.box(each) for each in remaining])
            if free is not None:
                yield Loss(direction, space.text(free))


def reopenings(
    others: Sequence[Policy], old: Policy | None, new: Policy | None
) -> Iterator[Reopening]:
    """Yield, per direction, what the new policy opens together with the others.

    Args:
        others: what else stands in the namespace.
        old: None where the policy is made.
        new: None where it is deleted.
    """
    for direction in DIRECTIONS:
        if new is not None and _may_reopen(old, new, direction):
            yield from _reopened(others, old, new, direction)


def _reopened(
    others: Sequence[Policy], old: Policy | None, new: Policy, direction: Direction
) -> Iterator[Reopening]:
    before = [p for p in _present(others, old) if direction in p.types]
    after = [p for p in _present(others, new) if direction in p.types]
    everyone = list({p.pods: None for p in (*before, *after)})
    space = LabelSpace.of(everyone)
    boxes = {selector: space.box(selector) for selector in everyone}
    rules = [rule for policy in (*before, *after) for rule in policy.rules(direction)]
    comparison = _Comparison(Universe.of(rules), direction)
    found: dict[frozenset[Opening], Box] = {}
    for cell in unnamed_cells(space, list(boxes.values()), first=[boxes[new.pods]]):
        was = tuple(p for p in before if meet(cell, boxes[p.pods]) is not None)
        now = tuple(p for p in after if meet(cell, boxes[p.pods]) is not None)
        # Where nothing isolated the pods before, they were open to everything already.
        if was and new in now:
            worse = comparison.worse(was, now)
            if worse:
                found.setdefault(worse, cell)
    for openings, cell in found.items():
        yield Reopening(direction, space.text(cell), _texts(openings))


@dataclass(frozen=True, eq=False)
class _Comparison:
    """Compares what sets of policies open, each set looked at once."""

    universe: Universe
    direction: Direction
    known: dict[tuple[Policy, ...], frozenset[Opening]] = field(default_factory=dict)

    def worse(self, before: tuple[Policy, ...], after: tuple[Policy, ...]) -> frozenset[Opening]:
        """Return what is open after and was not before."""
        return self._opened(after) - self._opened(before)

    def _opened(self, policies: tuple[Policy, ...]) -> frozenset[Opening]:
        found = self.known.get(policies)
        if found is None:
            rules = [rule for policy in policies for rule in policy.rules(self.direction)]
            found = self.known[policies] = self.universe.opened(rules)
        return found


def _texts(openings: frozenset[Opening]) -> tuple[str, ...]:
    by_peers: dict[str, dict[str, None]] = {}
    for protocol, universe in sorted(openings):
        by_peers.setdefault(peers_text(universe), {})[protocol] = None
    return tuple(f"{peers} ({', '.join(which)})" for peers, which in sorted(by_peers.items()))


def _present(others: Sequence[Policy], changed: Policy | None) -> tuple[Policy, ...]:
    return (*others, *(() if changed is None else (changed,)))
