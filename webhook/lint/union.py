"""What the ipBlocks of all rules on a pod add up to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from webhook.lint.cluster import endless
from webhook.lint.groups import Group, addresses, opened
from webhook.netpol.addresses import WHOLE, Family
from webhook.netpol.intervals import EMPTY, Ranges, difference, intersection, union
from webhook.netpol.model import IPBlock, Rule


@dataclass(frozen=True, slots=True)
class Opening:
    """Blocks that cover a whole family.

    Args:
        ports: on which they do; empty where only named ports are.
        policies: the keys of those that contribute.
    """

    ports: Ranges
    policies: tuple[str, ...]


def whole_world(
    group: Group, family: Family, checkpoint: Callable[[], None] = endless
) -> Opening | None:
    """Tell whether, on some port, the blocks of a group's rules cover a family, and no fewer do.

    Args:
        group: whose rules.
        family: the family.
        checkpoint: called for every rule; may raise, to end the work.
    """
    if addresses(group.rules, family) != (WHOLE[family],):
        return None
    rules = [
        (policy.key, rule, _blocks(rule, family))
        for policy in group.policies
        for rule in policy.rules(group.direction)
    ]
    rules = [each for each in rules if each[2]]
    for ports, members in _cells([rule for _, rule, _ in rules], checkpoint):
        checkpoint()
        covered = EMPTY
        needed: dict[str, None] = {}
        for index in members:
            key, _, blocks = rules[index]
            if difference(blocks, covered):
                needed[key] = None
            covered = union(covered, blocks)
        if covered == (WHOLE[family],):
            return Opening(ports, tuple(needed))
    return None


def _blocks(rule: Rule, family: Family) -> Ranges:
    found = EMPTY
    for peer in rule.peers:
        if isinstance(peer, IPBlock) and peer.family == family:
            found = union(found, peer.ranges)
    return found


def _cells(
    rules: list[Rule], checkpoint: Callable[[], None]
) -> Iterator[tuple[Ranges, tuple[int, ...]]]:
    """Partition the ports by the rules that open them; port names are cells of their own."""
    cells: list[tuple[Ranges, tuple[int, ...]]] = []
    for index, rule in enumerate(rules):
        checkpoint()
        ports, refined = opened(rule), []
        for known, members in cells:
            common = intersection(known, ports)
            refined += [(common, (*members, index)), (difference(known, ports), members)]
            ports = difference(ports, known)
        cells = [cell for cell in [*refined, (ports, (index,))] if cell[0]]
    yield from cells
    names = {(p.protocol, p.name) for rule in rules for p in rule.ports if p.name}
    for name in sorted(names):
        yield (
            EMPTY,
            tuple(
                index
                for index, rule in enumerate(rules)
                if name in {(port.protocol, port.name) for port in rule.ports}
            ),
        )
