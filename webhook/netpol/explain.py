"""Is A to B allowed, and which policy and rule decide it, on both sides.

The four kinds of communication: container to container (localhost, never filtered), pod
to pod, pod to Service (judged at its endpoints, on their ports: kube-proxy translates
before policies look), and to and from outside the cluster.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from webhook.netpol.addresses import IPV6
from webhook.netpol.errors import UnknownEndpointError
from webhook.netpol.intervals import EMPTY, Ranges, ranges, union
from webhook.netpol.model import Pod, Service, ServicePort
from webhook.netpol.places import (
    Place,
    behind_node_port,
    endpoints_of,
    find_place,
    place_name,
)
from webhook.netpol.ports import ALL_PORTS, port_range
from webhook.netpol.unaddressed import not_held_against
from webhook.netpol.verdict import Endpoint, Hop, Judge, judge
from webhook.netpol.world import World

Target = tuple[Endpoint, Ranges]
"""Where traffic ends, with the ports in question there."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to one question.

    Args:
        hops: every way from the source to the destination, several for a Service or a CIDR.
        notes: what the policies cannot tell, one sentence each.
    """

    source: str
    destination: str
    hops: tuple[Hop, ...]
    notes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """``allowed``, ``denied``, ``partly``, or ``unreachable`` without any way."""
        verdicts = {hop.verdict for hop in self.hops}
        if not verdicts:
            return "unreachable"
        return verdicts.pop() if len(verdicts) == 1 else "partly"


@dataclass(frozen=True, slots=True)
class Question:
    """The ports that are asked about: all, all of a protocol, or one."""

    protocol: str | None = None
    port: int | None = None

    @property
    def ports(self) -> Ranges:
        """The ports as they are asked."""
        if self.protocol is None:
            return ALL_PORTS
        if self.port is None:
            return port_range(self.protocol)
        return port_range(self.protocol, self.port, self.port)

    def offered_by(self, service: Service) -> bool:
        """Tell whether a Service has the port that is asked about as a node port."""
        return self.port is not None and any(
            port.node_port == self.port and port.protocol == self.protocol for port in service.ports
        )

    def includes(self, port: ServicePort) -> bool:
        """Tell whether a port of a Service (or its node port) is asked about."""
        if self.protocol not in (None, port.protocol):
            return False
        return self.port is None or self.port in (port.port, port.node_port)


def explain(
    world: World,
    source: str,
    destination: str,
    *,
    protocol: str | None = None,
    port: int | None = None,
    ipblock_matches_pods: bool = True,
) -> Explanation:
    """Explain whether a source reaches a destination.

    Args:
        world: the cluster.
        source: ``NS/POD``, an address or CIDR, or a Service (then its pods).
        destination: the same; a Service is resolved to its endpoints.
        protocol: TCP, UDP or SCTP; without it all ports of all protocols.
        port: the number the client connects to; without it all ports of the protocol.
        ipblock_matches_pods: as in `webhook.netpol.engine.connectivity`.

    Raises:
        UnknownEndpointError: a name is not there, or a Service has no such port.
    """
    question = Question(protocol, port)
    start, asked = find_place(world, source), find_place(world, destination)
    end = behind_node_port(world, asked, question.offered_by)
    senders = [endpoint for endpoint, _ in _targets(world, start, Question())]
    targets = list(_targets(world, end, question))
    by = Judge(world, ipblock_matches_pods)
    hops = tuple(_hops(by, senders, targets))
    other = tuple(_hops(Judge(world, not ipblock_matches_pods), senders, targets))
    notes = (
        *_node_port_notes(world, asked, end, question),
        *_notes(world, start, end, hops),
        *_address_notes(by, hops, senders, [endpoint for endpoint, _ in targets]),
        *_reading_note(hops, other, ipblock_matches_pods),
    )
    return Explanation(place_name(start), place_name(end), hops, tuple(dict.fromkeys(notes)))


def _hops(by: Judge, senders: list[Endpoint], targets: list[Target]) -> Iterator[Hop]:
    """Judge every pair; a pod to itself only where nothing else is asked."""
    pairs = [
        (sender, target, asked)
        for sender in senders
        for target, asked in targets
        if sender.family == target.family and (sender.pod or target.pod)
    ]
    others = [(a, b, asked) for a, b, asked in pairs if a.pod is None or a.pod is not b.pod]
    for sender, target, asked in others or pairs:
        yield judge(by, sender, target, asked)


def _targets(world: World, place: Place, question: Question) -> Iterator[Target]:
    if place.service is None:
        yield from ((endpoint, question.ports) for endpoint in endpoints_of(world, place))
        return
    for pod, asked in _backends(world, place.service, question):
        for family in sorted(pod.families):
            yield Endpoint(family, pod), asked


def _backends(world: World, service: Service, question: Question) -> Iterator[tuple[Pod, Ranges]]:
    """Yield the pods behind a Service with the ports in question, after DNAT.

    A headless Service translates nothing: the client connects to the pod's own port.
    """
    if service.selector is None:
        return
    wanted = [port for port in service.ports if question.includes(port)]
    if question.protocol and not wanted and not service.headless:
        raise UnknownEndpointError(_no_port(service, question))
    for pod in world.pods:
        if pod.namespace == service.namespace and service.selector.matches(pod.labels):
            asked = question.ports if service.headless else _translated(wanted, pod)
            if asked:
                yield pod, asked


def _translated(wanted: list[ServicePort], pod: Pod) -> Ranges:
    asked = EMPTY
    for port in wanted:
        target = port.target
        numbers = {target} if isinstance(target, int) else pod.resolve(target, port.protocol)
        asked = union(asked, ranges(port_range(port.protocol, n, n)[0] for n in numbers))
    return asked


def _no_port(service: Service, question: Question) -> str:
    offered = ", ".join(f"{port.protocol}/{port.port}" for port in service.ports) or "no port"
    asked = question.protocol if question.port is None else f"{question.protocol}/{question.port}"
    return f"Service {service.key} has no port {asked}; it has {offered}"


def _reading_note(hops: tuple[Hop, ...], other: tuple[Hop, ...], matches: bool) -> Iterator[str]:  # noqa: FBT001 - private
    if any(one.allowed != two.allowed for one, two in zip(hops, other, strict=True)):
        taken, not_taken = ("yes", "no") if matches else ("no", "yes")
        yield (
            "the answer depends on whether the CNI lets an ipBlock match pods (Calico: yes, "
            f"Cilium: no); here {taken}, with {not_taken} it differs"
        )


def _node_port_notes(world: World, asked: Place, end: Place, question: Question) -> Iterator[str]:
    """Say that an address and port lead to a Service, or would if the address is a node's."""
    if end is not asked and end.service is not None:
        address = place_name(asked)
        yield f"{address} is a node: port {question.port} there leads to Service {end.service.key}"
    elif asked.is_external:
        for service in filter(question.offered_by, world.services):
            yield (
                f"{question.port} is the node port of Service {service.key}: where that is a "
                f"node's address, ask for {service.name}.{service.namespace}.svc"
            )


def _notes(world: World, start: Place, end: Place, hops: tuple[Hop, ...]) -> Iterator[str]:
    if end.service is not None:
        yield from _service_notes(end.service, hops, from_outside=start.is_external)
    elif not hops:
        yield "the two ends have no address family in common, or neither is a pod"
    elif end.pods and end.span is None:
        pod = end.pods[0]
        if any(service.key == pod.key for service in world.services):
            yield f"{pod.key} is also a Service; ask for it as {pod.name}.{pod.namespace}.svc"
    for hop in hops:
        yield from _hop_notes(hop)


def _address_notes(
    by: Judge, hops: tuple[Hop, ...], senders: list[Endpoint], receivers: list[Endpoint]
) -> Iterator[str]:
    """Say where an answer hangs on an address that nobody knows."""
    if by.ipblock_matches_pods:
        for hop in hops:
            yield from not_held_against(by.world, hop)
    for some, others in ((senders, receivers), (receivers, senders)):
        if any(each.pod is None and each.family == IPV6 for each in some):
            for pod in (each.pod for each in others):
                if pod is not None and not pod.addresses:
                    yield f"{pod.key} has no address and is taken for IPv4: IPv6 is not judged"


def _service_notes(service: Service, hops: tuple[Hop, ...], *, from_outside: bool) -> Iterator[str]:
    key = f"Service {service.key}"
    if service.type == "ExternalName":
        yield (
            f"{key} is an alias of {service.external_name}: policies see the address that name "
            "resolves to, ask for that"
        )
        return
    if service.selector is None:
        yield f"{key} has no selector: its endpoints are written by hand, ask for their addresses"
        return
    if not hops:
        yield f"{key} has no endpoint with that port: nothing answers, whatever policies allow"
        return
    if service.headless:
        yield f"{key} is headless: clients connect to the pods' own ports, nothing is translated"
    else:
        yield f"{key}: policies see the ports of its pods, after translation, not its own"
    if from_outside:
        yield _outside_note(service)


def _outside_note(service: Service) -> str:
    key = f"Service {service.key}"
    if service.type not in ("NodePort", "LoadBalancer"):
        return f"{key} is a {service.type}: from outside the cluster nothing leads to it by itself"
    if service.local_traffic:
        return f"{key} has externalTrafficPolicy Local: pods see the client's own address"
    return (
        f"{key} has externalTrafficPolicy Cluster: a node may put its own address in the place "
        "of the client's, then no ipBlock matches the client"
    )


def _hop_notes(hop: Hop) -> Iterator[str]:
    source, target = hop.source.pod, hop.target.pod
    for pod in (source, target):
        if pod is not None and pod.networks:
            yield (
                f"{pod.key} has secondary interfaces ({', '.join(pod.networks)}): NetworkPolicy "
                "does not reach them, only the pod's default interface is judged here"
            )
    if source is None or target is None:
        return
    if source.key == target.key:
        yield "containers of one pod share localhost: no NetworkPolicy filters between them"
    elif hop.verdict != "allowed" and _share_node(source, target):
        yield (
            f"{source.key} and {target.key} are on one node, one of them in the node's network: "
            "a pod and its own node always reach each other, so many CNIs let this through"
        )


def _share_node(source: Pod, target: Pod) -> bool:
    same_node = not {*source.node_addresses}.isdisjoint(target.node_addresses)
    return source.host_network != target.host_network and same_node
