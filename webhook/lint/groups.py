"""Pods that the same policies select, and what those policies open together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from webhook.lint.cluster import Cluster
from webhook.lint.selectors import disjoint, implies
from webhook.netpol.addresses import Family
from webhook.netpol.intervals import EMPTY, Ranges, difference, ranges, union
from webhook.netpol.lazy import lazy
from webhook.netpol.model import Direction, IPBlock, Pod, Policy, Rule
from webhook.netpol.ports import ALL_PORTS, conn_text

_SHOWN = 3


@dataclass(frozen=True)
class Group:
    """Pods of one namespace that the same policies isolate in a direction.

    Args:
        pods: empty where none is known: then it stands for pods that may come.
        policies: by name.
    """

    direction: Direction
    pods: tuple[Pod, ...]
    policies: tuple[Policy, ...]

    @lazy
    def rules(self) -> tuple[Rule, ...]:
        """What the policies allow together."""
        return tuple(rule for policy in self.policies for rule in policy.rules(self.direction))

    def led_by(self, policy: Policy) -> bool:
        """Tell whether a problem of the group is to be told at this policy, and no other."""
        leaders = [each for each in self.policies if each.rules(self.direction)] or self.policies
        return bool(leaders) and leaders[0].key == policy.key

    def __str__(self) -> str:
        """Name the pods."""
        return pods_text(self.pods)


def pods_text(pods: Sequence[Pod]) -> str:
    """Name pods, briefly."""
    if not pods:
        return "the pods it selects"
    names = ", ".join(pod.key for pod in pods[:_SHOWN])
    more = len(pods) - _SHOWN
    return f"{names} and {more} more" if more > 0 else names


def groups(
    cluster: Cluster, policy: Policy, direction: Direction, *, generous: bool = False
) -> list[Group]:
    """Return the groups of pods that a policy isolates in a direction.

    Args:
        cluster: where it is.
        policy: names the direction in its types, else there is no group.
        direction: the direction.
        generous: where no pod is known, count every policy that may select the same
            pods; otherwise only those that surely do.
    """
    if direction not in policy.types:
        return []
    known = [
        Group(direction, pods, policies)
        for policies, pods in cluster.isolated(policy.namespace, direction)
        if policy in policies
    ]
    if known:
        return known
    return [Group(direction, (), _likely(cluster, policy, direction, generous=generous))]


def _likely(
    cluster: Cluster, policy: Policy, direction: Direction, *, generous: bool
) -> tuple[Policy, ...]:
    def selects(other: Policy) -> bool:
        if other.key == policy.key:
            return True
        sure = implies(policy.pods, other.pods)
        return sure or (generous and not disjoint(policy.pods, other.pods))

    others = cluster.world.policies_of(policy.namespace) or (policy,)
    return tuple(other for other in others if direction in other.types and selects(other))


def opened(rule: Rule) -> Ranges:
    """Return the ports that a rule opens by number."""
    found = EMPTY if rule.ports else ALL_PORTS
    for port in rule.ports:
        found = union(found, port.ports)
    return found


def opens(rule: Rule, ports: Ranges) -> bool:
    """Tell whether a rule opens all the ports by number."""
    return not difference(ports, opened(rule))


def addresses(rules: Iterable[Rule], family: Family) -> Ranges:
    """Return the union of the ipBlocks of rules."""
    peers = (peer for rule in rules for peer in rule.peers)
    blocks = (peer for peer in peers if isinstance(peer, IPBlock) and peer.family == family)
    return ranges(span for block in blocks for span in block.ranges)


def ports_text(rule: Rule) -> str:
    """Print the ports of a rule: ``TCP 80`` or ``every port``."""
    if not rule.ports:
        return "every port"
    numbers = opened(rule)
    named = [f"{port.protocol} {port.name}" for port in rule.ports if port.name]
    return ", ".join([*([conn_text(numbers).replace(",", ", ")] if numbers else []), *named])
