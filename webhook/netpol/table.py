"""All pods of a cluster in numbered slots, indexed by what policies ask of them."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property

from webhook.netpol import bits
from webhook.netpol.addresses import FAMILIES, IPV4, Family
from webhook.netpol.intervals import Ranges, ranges
from webhook.netpol.labels import Labels, Operator, Requirement, Selector
from webhook.netpol.model import METADATA_NAME, Pod
from webhook.netpol.ports import port_range

Inverted = tuple[int, Mapping[str, int]]
"""The pods that have a key, and by value."""


class PodTable:
    """Pods by slot, with an inverted index of labels that grows with what selectors name.

    Immutable as seen from outside; what is computed is kept. Labels that no selector
    names (``pod-template-hash``) never enter the index.

    Args:
        slots: a pod or a hole in each slot; of two tables that are compared, a pod has
            the same slot in both.
        namespaces: labels by name; every pod's namespace is there.
    """

    def __init__(self, slots: tuple[Pod | None, ...], namespaces: Mapping[str, Labels]) -> None:
        self.slots = slots
        self.namespaces = namespaces
        self.size = len(slots)
        self._pods = [(slot, pod) for slot, pod in enumerate(slots) if pod is not None]
        self._by_selector: dict[Selector, int] = {}
        self._by_namespace_selector: dict[Selector, int] = {}
        self._by_key: dict[str, Inverted] = {}
        self._serving: dict[tuple[str, str], Mapping[Ranges, int]] = {}
        self._addressed: dict[tuple[Family, Ranges], int] = {}

    def _where(self, slots: Iterable[int]) -> int:
        return bits.from_slots(slots, self.size)

    @cached_property
    def names(self) -> list[str]:
        """The name of every slot's pod, empty for a hole."""
        return ["" if pod is None else pod.key for pod in self.slots]

    @cached_property
    def slot_of(self) -> Mapping[str, int]:
        """The slot of every pod by ``namespace/name``."""
        return {pod.key: slot for slot, pod in self._pods}

    @cached_property
    def everyone(self) -> int:
        """All pods."""
        return self._where(slot for slot, _ in self._pods)

    @cached_property
    def host_network(self) -> int:
        """Pods in their node's network, which policies by convention do not touch."""
        return self._where(slot for slot, pod in self._pods if pod.host_network)

    @cached_property
    def family(self) -> Mapping[Family, int]:
        """Pods that have an address of the family (IPv4 where they have none at all)."""
        return {
            family: self._where(
                slot
                for slot, pod in self._pods
                if any(each == family for each, _ in pod.addresses)
                or (family == IPV4 and not pod.addresses)
            )
            for family in FAMILIES
        }

    @cached_property
    def namespace(self) -> Mapping[str, int]:
        """Pods by their namespace."""
        members: dict[str, list[int]] = defaultdict(list)
        for slot, pod in self._pods:
            members[pod.namespace].append(slot)
        return {name: self._where(slots) for name, slots in members.items()}

    def matching(self, selector: Selector) -> int:
        """Return the pods of any namespace whose labels the selector matches."""
        found = self._by_selector.get(selector)
        if found is None:
            found = self.everyone
            for requirement in selector.requirements:
                found &= self._meeting(requirement)
            self._by_selector[selector] = found
        return found

    def in_namespaces(self, selector: Selector) -> int:
        """Return all pods of the namespaces whose labels the selector matches."""
        found = self._by_namespace_selector.get(selector)
        if found is None:
            found = 0
            for name, members in self.namespace.items():
                if selector.matches(self.namespaces[name]):
                    found |= members
            self._by_namespace_selector[selector] = found
        return found

    def _meeting(self, requirement: Requirement) -> int:
        having, by_value = self._inverted(requirement.key)
        named = 0
        for value in requirement.values:
            named |= by_value.get(value, 0)
        match requirement.operator:
            case Operator.IN:
                return named
            case Operator.NOT_IN:
                return self.everyone & ~named
            case Operator.EXISTS:
                return having
            case Operator.DOES_NOT_EXIST:
                return self.everyone & ~having

    def _inverted(self, key: str) -> Inverted:
        known = self._by_key.get(key)
        if known is None:
            members: dict[str, list[int]] = defaultdict(list)
            for slot, pod in self._pods:
                value = pod.labels.get(key)
                if value is not None:
                    members[value].append(slot)
            by_value = {value: self._where(slots) for value, slots in members.items()}
            having = self._where(slot for slots in members.values() for slot in slots)
            known = self._by_key[key] = having, by_value
        return known

    def serving(self, name: str, protocol: str) -> Mapping[Ranges, int]:
        """Partition the pods that have a port name by what it resolves to in them."""
        known = self._serving.get((name, protocol))
        if known is None:
            members: dict[Ranges, list[int]] = defaultdict(list)
            for slot, pod in self._pods:
                numbers = pod.resolve(name, protocol) if pod.ports else ()
                if numbers:
                    spans = (port_range(protocol, number, number)[0] for number in numbers)
                    members[ranges(spans)].append(slot)
            known = {ports: self._where(slots) for ports, slots in members.items()}
            self._serving[name, protocol] = known
        return known

    def addressed(self, family: Family, within: Ranges) -> int:
        """Return the pods that have an address of the family in the ranges."""
        known = self._addressed.get((family, within))
        if known is None:
            addresses, slots = self._sorted_addresses[family]
            known = self._where(
                slot
                for low, high in within
                for slot in slots[bisect_left(addresses, low) : bisect_right(addresses, high)]
            )
            self._addressed[family, within] = known
        return known

    @cached_property
    def _sorted_addresses(self) -> Mapping[Family, tuple[list[int], list[int]]]:
        """Addresses of each family ascending, and the slots they belong to."""
        found: dict[Family, list[tuple[int, int]]] = {family: [] for family in FAMILIES}
        for slot, pod in self._pods:
            for family, address in pod.addresses:
                found[family].append((address, slot))
        ordered = {family: sorted(pairs) for family, pairs in found.items()}
        return {
            family: ([address for address, _ in pairs], [slot for _, slot in pairs])
            for family, pairs in ordered.items()
        }


def namespace_labels(name: str, labels: Labels) -> Labels:
    """Return the labels a Namespace has in a cluster: its name's label is always restored."""
    return {**labels, METADATA_NAME: name}
