"""What a question may name: pods and workloads, Services, addresses and CIDRs."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from webhook.netpol.addresses import IPV4, Family, parse_address, parse_cidr, span_text
from webhook.netpol.errors import UnknownEndpointError
from webhook.netpol.intervals import Interval
from webhook.netpol.model import Pod, Service
from webhook.netpol.verdict import Endpoint
from webhook.netpol.world import World, cut

_SERVICE_NAME = re.compile(r"(?P<name>[-a-z0-9]+)\.(?P<namespace>[-a-z0-9]+)\.svc(\..*)?")
"""A Service's name in the cluster's DNS."""


@dataclass(frozen=True, slots=True)
class Place:
    """A resolved name: a Service, or pods and external addresses."""

    pods: tuple[Pod, ...] = ()
    family: Family = IPV4
    span: Interval | None = None
    service: Service | None = None

    @property
    def is_external(self) -> bool:
        """Tell whether it is addresses that no pod has."""
        return self.span is not None and not self.pods


def find_place(world: World, name: str) -> Place:
    """Resolve ``NS/POD``, ``NS/SERVICE``, ``SERVICE.NS.svc``, an address or a CIDR.

    A name that a pod and a Service share is the pod's; the DNS form is always the Service.

    Raises:
        UnknownEndpointError: nothing of that name is there.
    """
    span = _parse_span(name)
    if span is not None:
        return _find_addresses(world, *span)
    at = world.table.slot_of.get(name)
    pod = None if at is None else world.table.slots[at]
    if pod is not None:
        return Place(pods=(pod,))
    dns = _SERVICE_NAME.fullmatch(name)
    wanted = f"{dns['namespace']}/{dns['name']}" if dns else name
    for service in world.services:
        if service.key == wanted:
            return Place(service=service)
    raise UnknownEndpointError(_unknown(world, name))


def _parse_span(name: str) -> tuple[Family, Interval] | None:
    try:
        if "/" in name:
            return parse_cidr(name)
        family, address = parse_address(name)
    except ValueError:
        return None
    return family, (address, address)


def _find_addresses(world: World, family: Family, span: Interval) -> Place:
    """An address of a pod is the pod, an address of a Service the Service."""
    low, high = span
    if low == high:
        for service in world.services:
            if (family, low) in service.addresses:
                return Place(service=service)
    pods = tuple(
        pod
        for pod in world.pods
        if any(each == family and low <= address <= high for each, address in pod.addresses)
    )
    return Place(pods, family, None if pods and low == high else span)


def behind_node_port(world: World, place: Place, offers: Callable[[Service], bool]) -> Place:
    """A node's address and a node port are the Service that has it; else the place as it is.

    Args:
        world: its pods tell the nodes' addresses.
        place: an address.
        offers: tells whether a Service has the port.
    """
    if place.span is None and not any(pod.host_network for pod in place.pods):
        return place
    nodes = {address for pod in world.pods for address in pod.node_addresses}
    asked = {address for pod in place.pods for address in pod.addresses}
    if place.span is not None and place.span[0] == place.span[1]:
        asked |= {(place.family, place.span[0])}
    service = next(filter(offers, world.services), None)
    return Place(service=service) if service is not None and asked & nodes else place


def _unknown(world: World, name: str) -> str:
    known = {*world.table.slot_of, *(service.key for service in world.services)}
    close = get_close_matches(name, sorted(known), n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else "; pods are named NAMESPACE/NAME"
    return f"no pod, workload or Service {name!r}, nor an address or CIDR{hint}"


def endpoints_of(world: World, place: Place) -> Iterator[Endpoint]:
    """Yield the endpoints of a place that is no Service, one per family of each pod."""
    for pod in place.pods:
        families = pod.families if place.span is None else {place.family}
        yield from (Endpoint(family, pod) for family in sorted(families))
    if place.span is not None:
        low, high = place.span
        edges = {*world.edges[place.family], low, high + 1}
        for span in cut(place.family, edges):
            if low <= span[0] <= high:
                yield Endpoint(place.family, span=span)


def place_name(place: Place) -> str:
    """Name a place for people."""
    if place.service is not None:
        return f"Service {place.service.key}"
    if place.span is not None:
        return span_text(place.family, place.span)
    return place.pods[0].key
