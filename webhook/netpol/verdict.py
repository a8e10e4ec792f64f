"""One pair of endpoints, judged rule by rule: which policy decides, on both sides.

Straight from the text of the API, without the sets of `reach`; tests hold the two
against each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from webhook.netpol.addresses import Family, external_name
from webhook.netpol.intervals import EMPTY, Interval, Ranges, contains, intersection, ranges, union
from webhook.netpol.model import Direction, IPBlock, Peer, Pod, Policy, PortRule, Rule
from webhook.netpol.ports import ALL_PORTS, port_range
from webhook.netpol.world import World


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A pod, or (without one) a range of external addresses that no ipBlock divides."""

    family: Family
    pod: Pod | None = None
    span: Interval = (0, 0)

    @property
    def name(self) -> str:
        """Return its name as rows print it."""
        return self.pod.key if self.pod is not None else external_name(self.family, self.span)

    def is_node_of(self, pod: Pod) -> bool:
        """Tell whether this is an address of the node that the pod runs on."""
        one_address = self.span[0] == self.span[1]
        return (
            self.pod is None and one_address and (self.family, self.span[0]) in pod.node_addresses
        )


class Reason(StrEnum):
    """Why a side lets through what it does."""

    LOOPBACK = "a pod always reaches itself"
    EXTERNAL = "outside the cluster, no NetworkPolicy applies"
    HOST_NETWORK = "in its node's network, by convention no NetworkPolicy applies"
    OWN_NODE = "a pod and its own node always reach each other"
    NOT_ISOLATED = "no policy selects it in this direction"
    RULES = "policies select it, and rules allow"
    ISOLATED = "policies select it, and no rule allows"


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """A rule that matches the peer.

    Args:
        policy: ``namespace/name``.
        path: ``spec.ingress[0]``.
        ports: what it opens to this peer.
    """

    policy: str
    path: str
    ports: Ranges


@dataclass(frozen=True, slots=True)
class Decision:
    """What one side lets through.

    Args:
        policies: those that isolate the pod in this direction.
        rules: those that match the peer; empty where nothing is isolated.
    """

    direction: Direction
    reason: Reason
    ports: Ranges
    policies: tuple[str, ...] = ()
    rules: tuple[RuleMatch, ...] = ()


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges pairs of endpoints in a world.

    Args:
        ipblock_matches_pods: as in `webhook.netpol.engine.connectivity`.
    """

    world: World
    ipblock_matches_pods: bool

    def decide(self, direction: Direction, source: Endpoint, target: Endpoint) -> Decision:
        """Judge the source's egress or the target's ingress."""
        ingress = direction is Direction.INGRESS
        subject, peer = (target, source) if ingress else (source, target)
        exemption = _exemption(subject, peer)
        if exemption is not None or subject.pod is None:
            return Decision(direction, exemption or Reason.EXTERNAL, ALL_PORTS)
        policies = [
            policy
            for policy in self.world.policies_of(subject.pod.namespace)
            if direction in policy.types and policy.pods.matches(subject.pod.labels)
        ]
        if not policies:
            return Decision(direction, Reason.NOT_ISOLATED, ALL_PORTS)
        rules = tuple(
            match for policy in policies for match in self._matches(policy, direction, peer, target)
        )
        opened = EMPTY
        for match in rules:
            opened = union(opened, match.ports)
        reason = Reason.RULES if opened else Reason.ISOLATED
        return Decision(direction, reason, opened, tuple(p.key for p in policies), rules)

    def _matches(
        self, policy: Policy, direction: Direction, peer: Endpoint, target: Endpoint
    ) -> Iterator[RuleMatch]:
        for index, rule in enumerate(policy.rules(direction)):
            if self._is_peer(policy, rule, peer):
                opened = opened_ports(rule.ports, target.pod)
                path = f"spec.{direction.lower()}[{index}]"
                yield RuleMatch(policy.key, path, opened)

    def _is_peer(self, policy: Policy, rule: Rule, peer: Endpoint) -> bool:
        return not rule.peers or any(self._matches_item(policy, item, peer) for item in rule.peers)

    def _matches_item(self, policy: Policy, item: Peer, peer: Endpoint) -> bool:
        if isinstance(item, IPBlock):
            return item.family == peer.family and any(
                contains(item.ranges, address) for address in self._addresses(peer)
            )
        pod = peer.pod
        if pod is None or pod.host_network or not item.pods.matches(pod.labels):
            return False
        if item.namespaces is None:
            return pod.namespace == policy.namespace
        return item.namespaces.matches(self.world.table.namespaces[pod.namespace])

    def _addresses(self, peer: Endpoint) -> list[int]:
        """Return the addresses by which an ipBlock may match a peer."""
        if peer.pod is None:
            return [peer.span[0]]
        if not self.ipblock_matches_pods:
            return []
        return [address for family, address in peer.pod.addresses if family == peer.family]


def _exemption(subject: Endpoint, peer: Endpoint) -> Reason | None:
    """Tell why no policy of the subject applies, if so."""
    if subject.pod is None:
        return Reason.EXTERNAL
    if peer.pod is not None and peer.pod.key == subject.pod.key:
        return Reason.LOOPBACK
    if subject.pod.host_network:
        return Reason.HOST_NETWORK
    return Reason.OWN_NODE if peer.is_node_of(subject.pod) else None


def opened_ports(items: tuple[PortRule, ...], target: Pod | None) -> Ranges:
    """Return what the ``ports`` of a rule open on a target; names are the target's own."""
    if not items:
        return ALL_PORTS
    opened = EMPTY
    for item in items:
        opened = union(opened, item.ports)
        if item.name and target is not None:
            numbers = target.resolve(item.name, item.protocol)
            opened = union(opened, ranges(port_range(item.protocol, n, n)[0] for n in numbers))
    return opened


@dataclass(frozen=True, slots=True)
class Hop:
    """A way from one endpoint to another, judged on both sides.

    Args:
        asked: the ports in question, as they are at the target (behind a Service: after DNAT).
    """

    source: Endpoint
    target: Endpoint
    asked: Ranges
    egress: Decision
    ingress: Decision

    @property
    def allowed(self) -> Ranges:
        """Those of the asked ports that both sides let through."""
        return intersection(self.asked, intersection(self.egress.ports, self.ingress.ports))

    @property
    def verdict(self) -> str:
        """``allowed``, ``denied`` or, where only some of the ports are, ``partly``."""
        if self.allowed == self.asked:
            return "allowed"
        return "partly" if self.allowed else "denied"


def judge(judged_by: Judge, source: Endpoint, target: Endpoint, asked: Ranges) -> Hop:
    """Judge both sides of a way."""
    egress = judged_by.decide(Direction.EGRESS, source, target)
    ingress = judged_by.decide(Direction.INGRESS, source, target)
    return Hop(source, target, asked, egress, ingress)
