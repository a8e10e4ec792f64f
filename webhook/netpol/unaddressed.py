"""Pods without addresses: templates, and pods that nobody has scheduled yet.

The engine takes them for IPv4, and for part of no ipBlock. What that leaves untold is found here.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass

from webhook.netpol.addresses import IPV6
from webhook.netpol.intervals import EMPTY, Ranges, difference, union
from webhook.netpol.model import DIRECTIONS, Direction, IPBlock, Pod, Policy
from webhook.netpol.ports import ALL_PORTS
from webhook.netpol.verdict import Decision, Hop, opened_ports
from webhook.netpol.world import World


@dataclass(frozen=True, slots=True)
class _Opened:
    """What IPv6 addresses outside may do with a pod in one direction.

    Args:
        everywhere: what is open to all of them.
        blocks: what is open beside that, by ipBlock.
    """

    everywhere: Ranges = EMPTY
    blocks: frozenset[tuple[IPBlock, Ranges]] = frozenset()


def untold(before: World, after: World, told: Container[str]) -> list[str]:
    """Return the pods to which a change may open or close IPv6, and of which nothing is told.

    Args:
        before: the cluster before the change.
        after: the cluster after it.
        told: pods of which a difference with addresses outside is told, in IPv4. It goes for IPv6
            too, but for ipBlocks.
    """
    names = {*before.scopes, *after.scopes}
    altered = {name for name in names if before.policies_of(name) != after.policies_of(name)}
    keys = {pod.key for world in (before, after) for pod in world.pods if not pod.addresses}
    return [
        key
        for key in sorted(keys)
        for pods in [(_pod(before, key), _pod(after, key))]
        if pods[0] != pods[1] or key.partition("/")[0] in altered
        if any(_turns((before, after), pods, it, told=key in told) for it in DIRECTIONS)
    ]


def _pod(world: World, key: str) -> Pod | None:
    at = world.table.slot_of.get(key)
    return None if at is None else world.table.slots[at]


def _turns(
    worlds: tuple[World, World],
    pods: tuple[Pod | None, Pod | None],
    direction: Direction,
    *,
    told: bool,
) -> bool:
    """Tell whether a change alters what is open to a pod in IPv6, as far as it is not told."""
    was, now = (_opened(*side, direction) for side in zip(worlds, pods, strict=True))
    return was.blocks != now.blocks if told else was != now


def _opened(world: World, pod: Pod | None, direction: Direction) -> _Opened:
    if pod is None:
        return _Opened()
    policies = [
        policy
        for policy in world.policies_of(pod.namespace)
        if direction in policy.types and policy.pods.matches(pod.labels)
    ]
    if pod.host_network or not policies:
        return _Opened(ALL_PORTS)
    everywhere, blocks = EMPTY, dict[IPBlock, Ranges]()
    for policy in policies:
        for rule in policy.rules(direction):
            ports = opened_ports(rule.ports, pod if direction is Direction.INGRESS else None)
            if not rule.peers:
                everywhere = union(everywhere, ports)
            for peer in rule.peers:
                if isinstance(peer, IPBlock) and peer.family == IPV6:
                    blocks[peer] = union(blocks.get(peer, EMPTY), ports)
    beside = ((block, difference(ports, everywhere)) for block, ports in blocks.items())
    return _Opened(everywhere, frozenset((block, ports) for block, ports in beside if ports))


def not_held_against(world: World, hop: Hop) -> Iterator[str]:
    """Yield what ipBlocks might say of a pod whose address is not known.

    Args:
        world: the cluster.
        hop: a way that was judged, with ipBlocks that match pods.
    """
    for decision, peer in ((hop.egress, hop.target.pod), (hop.ingress, hop.source.pod)):
        if peer is not None and not peer.addresses and difference(hop.asked, decision.ports):
            keys = [
                policy.key
                for policy in _deciding(world, decision)
                if any(policy.blocks_of(decision.direction))
            ]
            if keys:
                yield (
                    f"{peer.key} has no address: the ipBlocks in the {decision.direction.lower()} "
                    f"of {', '.join(keys)} could not be held against it"
                )


def _deciding(world: World, decision: Decision) -> Iterator[Policy]:
    for key in decision.policies:
        namespace, _, name = key.partition("/")
        yield from (policy for policy in world.policies_of(namespace) if policy.name == name)
