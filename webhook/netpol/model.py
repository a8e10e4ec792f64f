"""The frozen values that the engine speaks of, normalised as the API server stores them.

Empty lists mean what the API server makes of them: no ``peers`` is every peer, no
``ports`` is every port (types.go, NetworkPolicyIngressRule).

What a policy is made of are structs: a review makes, compares and looks up hundreds of them, which
dataclasses do in Python. Each knows its hash once it was asked for, and the garbage collector
passes over those that could never hold themselves: a cluster has many thousands.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from webhook.netpol.addresses import IPV4, Family, block_ranges
from webhook.netpol.intervals import Interval, Ranges
from webhook.netpol.labels import EVERYTHING, Labels, Selector

METADATA_NAME = "kubernetes.io/metadata.name"
"""The label that the API server sets and restores on every Namespace (KEP-2161)."""


class Direction(StrEnum):
    """``networking.k8s.io/v1`` PolicyType."""

    INGRESS = "Ingress"
    EGRESS = "Egress"

    __hash__ = str.__hash__  # Enum's own is a function in Python, and asked for all the time


DIRECTIONS = tuple(Direction)
"""Both, for loops: an enumeration is slow to walk."""

_INGRESS = Direction.INGRESS
"""Likewise: its members are slow to look up, and rules are asked for all the time."""


class IPBlock(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """A CIDR without its exceptions, as first and last addresses."""

    family: Family
    cidr: Interval
    excepts: tuple[Interval, ...] = ()

    @property
    def ranges(self) -> Ranges:
        """The addresses that the block matches."""
        return block_ranges(self.cidr, self.excepts)

    @property
    def edges(self) -> tuple[int, ...]:
        """First addresses of what begins at or behind each bound of the block."""
        return tuple(edge for low, high in (self.cidr, *self.excepts) for edge in (low, high + 1))


class SelectorPeer(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """Pods by label.

    Args:
        namespaces: None means the policy's own namespace, empty means all.
        pods: None and empty both mean all pods of those namespaces.
    """

    namespaces: Selector | None
    pods: Selector


Peer = IPBlock | SelectorPeer


class PortRule(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """An item of ``ports``.

    Args:
        ports: what it opens by number; empty for a named port.
        name: the name to resolve on the destination pod, empty for a numeric one.
    """

    protocol: str
    ports: Ranges = ()
    name: str = ""


class Rule(msgspec.Struct, frozen=True, cache_hash=True, dict=True):
    """An item of ``ingress`` or ``egress``; empty tuples match everything.

    Who learns something of it may keep that in its ``__dict__``: most rules come again.
    """

    peers: tuple[Peer, ...] = ()
    ports: tuple[PortRule, ...] = ()


class Policy(msgspec.Struct, frozen=True, cache_hash=True):
    """A NetworkPolicy; rules of a direction that ``types`` does not name are kept, unused."""

    namespace: str
    name: str
    pods: Selector = EVERYTHING
    types: frozenset[Direction] = frozenset({Direction.INGRESS})
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    def rules(self, direction: Direction) -> tuple[Rule, ...]:
        """Return the rules of a direction as written, whether or not it is in ``types``."""
        return self.ingress if direction is _INGRESS else self.egress

    def peers(self, direction: Direction) -> Iterator[Peer]:
        """Yield every peer of a direction's rules."""
        return (peer for rule in self.rules(direction) for peer in rule.peers)

    def blocks_of(self, direction: Direction) -> Iterator[IPBlock]:
        """Yield every ipBlock of a direction's rules."""
        return (peer for peer in self.peers(direction) if isinstance(peer, IPBlock))

    @property
    def blocks(self) -> tuple[IPBlock, ...]:
        """Every ipBlock of every rule."""
        return tuple(block for direction in DIRECTIONS for block in self.blocks_of(direction))


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A named port of a container or of a sidecar (init container that keeps running)."""

    name: str
    protocol: str
    number: int


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod, or the one pod that stands for a workload's template.

    Args:
        name: of the pod or of the workload.
        kind: ``Pod`` or the workload's kind.
        addresses: (family, address) of ``status.podIPs``; empty before it is scheduled.
        node_addresses: of ``status.hostIPs``: its own node, always let through.
        ports: the named ports.
        networks: secondary interfaces asked of Multus, outside NetworkPolicy's reach.
        expected_families: of the addresses it will have, while it has none.
    """

    namespace: str
    name: str
    kind: str = "Pod"
    labels: Labels = field(default_factory=dict)
    addresses: tuple[tuple[Family, int], ...] = ()
    node_addresses: tuple[tuple[Family, int], ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    host_network: bool = False
    networks: tuple[str, ...] = ()
    expected_families: frozenset[Family] = frozenset({IPV4})

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def families(self) -> frozenset[Family]:
        """Families it has addresses of, or is expected to have."""
        return frozenset(family for family, _ in self.addresses) or self.expected_families

    def resolve(self, name: str, protocol: str) -> frozenset[int]:
        """Return every number that a port name has in this pod for the protocol."""
        return frozenset(
            port.number for port in self.ports if (port.name, port.protocol) == (name, protocol)
        )


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a Service; ``target`` is a number or the name of a container's port."""

    name: str
    protocol: str
    port: int
    target: int | str
    node_port: int = 0


@dataclass(frozen=True, slots=True)
class Service:
    """A Service.

    Args:
        selector: None where the endpoints are written by hand.
        addresses: cluster IPs, external IPs and load balancer addresses.
    """

    namespace: str
    name: str
    type: str = "ClusterIP"
    selector: Selector | None = None
    ports: tuple[ServicePort, ...] = ()
    headless: bool = False
    external_name: str = ""
    local_traffic: bool = False
    addresses: tuple[tuple[Family, int], ...] = ()

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"
