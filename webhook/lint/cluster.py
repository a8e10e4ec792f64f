"""The cluster around a policy, from the objects of the input or from one request alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from webhook.lint.facts import Facts, gather
from webhook.lint.labels_text import untrapped
from webhook.netpol import bits
from webhook.netpol.addresses import IPV4, IPV6
from webhook.netpol.fields import Field
from webhook.netpol.lazy import lazy
from webhook.netpol.model import Direction, Pod, Policy, SelectorPeer
from webhook.netpol.parse import parse_object, parse_world
from webhook.netpol.parse_pod import TEMPLATES, parse_workload
from webhook.netpol.parse_policy import parse_policy
from webhook.netpol.world import World

Isolated = tuple[tuple[tuple[Policy, ...], tuple[Pod, ...]], ...]
"""Policies, and the pods that exactly these isolate."""


class Stored(msgspec.Struct, frozen=True):
    """A NetworkPolicy object.

    Args:
        value: its JSON.
        index: its position in the input.
    """

    policy: Policy
    value: Mapping[str, Any]
    index: int = 0


class Deferred(Mapping[str, Any]):
    """An object that is read once somebody looks into it."""

    def __init__(self, read: Callable[[], Mapping[str, Any]]) -> None:
        self._read = read

    @lazy
    def _value(self) -> Mapping[str, Any]:
        return self._read()

    def __getitem__(self, key: str) -> Any:
        return self._value[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._value)

    def __len__(self) -> int:
        return len(self._value)


def endless() -> None:
    """The checkpoint of work that takes the time it takes."""


class Cluster(msgspec.Struct, frozen=True, dict=True, eq=False):
    """Everything that is known.

    Args:
        stored: every NetworkPolicy object in order, those of the same name too.
        objects: all objects as they were written.
        checkpoint: called all along the work on large policies; may raise, to end it.
        templates: what workloads will make, where the pods of the world are those of former days.
    """

    world: World
    facts: Facts
    stored: tuple[Stored, ...]
    objects: Sequence[Mapping[str, Any]] = ()
    checkpoint: Callable[[], None] = endless
    templates: tuple[Pod, ...] = ()

    @cached_property
    def by_key(self) -> Mapping[str, Stored]:
        """The policies by ``namespace/name``; of equal ones the last, as ``kubectl apply``."""
        return {each.policy.key: each for each in self.stored}

    def is_populated(self, namespace: str) -> bool:
        """Tell whether pods or workloads of a namespace are known."""
        return bool(self.world.table.in_namespace(namespace))

    @property
    def complete(self) -> bool:
        """Tell whether all namespaces are known: every cluster has a kube-system."""
        return "kube-system" in self.facts.declared

    @property
    def dual_stack(self) -> bool:
        """Tell whether some pod has addresses of both families."""
        table = self.world.table
        return bool(table.of_family(IPV4) & table.of_family(IPV6) & ~table.host_network)

    def select(self, peer: SelectorPeer, namespace: str) -> list[Pod]:
        """Return the pods that a peer's labels match, those in their node's network too."""
        table = self.world.table
        if peer.namespaces is None:
            within = table.in_namespace(namespace)
        else:
            within = table.in_namespaces(peer.namespaces)
        return self.pods_of(within & table.matching(peer.pods))

    def subjects(self, policy: Policy) -> list[Pod]:
        """Return the pods that a policy selects, those in their node's network too."""
        table = self.world.table
        return self.pods_of(table.in_namespace(policy.namespace) & table.matching(policy.pods))

    def isolated(self, namespace: str, direction: Direction) -> Isolated:
        """Return the pods of a namespace that the same policies isolate, with those policies."""
        key = namespace, direction
        if key not in self._isolated:
            self._isolated[key] = tuple(self._cells(namespace, direction))
        return self._isolated[key]

    @cached_property
    def _isolated(self) -> dict[tuple[str, Direction], Isolated]:
        return {}

    def _cells(
        self, namespace: str, direction: Direction
    ) -> Iterator[tuple[tuple[Policy, ...], tuple[Pod, ...]]]:
        table = self.world.table
        members = table.in_namespace(namespace) & ~table.host_network
        policies = [p for p in self.world.policies_of(namespace) if direction in p.types]
        selected = [members & table.matching(policy.pods) for policy in policies]
        cells = [members] if members else []
        for each in selected:
            cells = bits.refine(cells, each)
        for cell in cells:
            selecting = (p for p, each in zip(policies, selected, strict=True) if cell & each)
            found = tuple(selecting)
            if found:
                yield found, tuple(self.pods_of(cell))

    def pods_of(self, slots: int) -> list[Pod]:
        """Return the pods of a set of slots."""
        self.checkpoint()
        return [pod for pod in bits.pick(self.world.table.slots, slots) if pod is not None]


def build(objects: Sequence[Mapping[str, Any]]) -> Cluster:
    """Read a cluster from its objects.

    Raises:
        InvalidObjectError: an object that matters is malformed.
    """
    values = [untrapped(value) for value in objects]
    stored: list[Stored] = []
    templates: list[Pod] = []
    for index, value in enumerate(values):

        def read(document: Field, kind: str, at: int = index) -> None:
            if kind == "NetworkPolicy":
                stored.append(Stored(parse_policy(document), document.value, at))
            elif kind in TEMPLATES and kind != "Pod":
                workload = parse_workload(document, kind)
                if workload and not workload.controller:  # whose own template is the newest
                    templates.append(workload.pod)

        parse_object(value, index, read)
    world, facts = parse_world(values), gather(values)
    return Cluster(world, facts, tuple(stored), objects, templates=tuple(templates))
