"""All pods of a cluster in numbered slots, indexed by what policies ask of them."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping

from webhook.netpol import bits
from webhook.netpol.addresses import FAMILIES, Family
from webhook.netpol.intervals import EMPTY, Ranges, ranges
from webhook.netpol.kept import Bounded
from webhook.netpol.labels import Labels, Operator, Requirement, Selector
from webhook.netpol.lazy import lazy
from webhook.netpol.model import METADATA_NAME, Pod
from webhook.netpol.ports import port_range

Slots = tuple[Pod | None, ...]
_KEPT_BYTES = 1 << 24
"""For the sets of slots of one kind that are kept with what they were asked by."""

_ITEM_BYTES = 128
"""That a value of a selector takes, or an interval; more or less."""

_ANY = None
"""The key of an index of labels under which the pods stand that have the label at all."""


class Index:
    """Sets of pods by a key that is read off each pod.

    Args:
        keys_of: the keys of a pod.
        members: the pods by key.
    """

    def __init__(
        self, keys_of: Callable[[Pod], Iterable[Hashable]], members: Mapping[Hashable, int]
    ) -> None:
        self._keys_of = keys_of
        self.members = members

    @classmethod
    def of(cls, slots: Slots, keys_of: Callable[[Pod], Iterable[Hashable]]) -> "Index":
        """Index all pods."""
        found: dict[Hashable, list[int]] = defaultdict(list)
        for slot, pod in enumerate(slots):
            if pod is not None:
                for key in keys_of(pod):
                    found[key].append(slot)
        size = len(slots)
        return cls(keys_of, {key: bits.from_slots(each, size) for key, each in found.items()})

    def get(self, key: Hashable) -> int:
        """Return the pods that have the key."""
        return self.members.get(key, 0)

    def replaced(self, slot: int, old: Pod | None, new: Pod | None) -> "Index":
        """Return the index with another pod, or none, in a slot."""
        members = dict(self.members)
        bit = 1 << slot
        for key in self._keys_of(old) if old is not None else ():
            members[key] &= ~bit
        for key in self._keys_of(new) if new is not None else ():
            members[key] = members.get(key, 0) | bit
        return Index(self._keys_of, members)


_NOBODY = Index(lambda _: (), {})
"""By a label that no pod has."""

_FEW_NAMESPACES = 16
"""Which are found one by one; a set of pods of more is walked."""


class PodTable:
    """Pods by slot, with indexes that grow with what selectors name.

    Immutable as seen from outside; what is computed is kept. Labels that no selector
    names (``pod-template-hash``) never enter an index.

    Args:
        slots: a pod or a hole in each slot; of two tables that are compared, a pod has
            the same slot in both.
        namespaces: labels by name; every pod's namespace is there.
    """

    def __init__(
        self,
        slots: Slots,
        namespaces: Mapping[str, Labels],
        indexes: Mapping[Hashable, Index] | None = None,
    ) -> None:
        self.slots = slots
        self.namespaces = namespaces
        self.size = len(slots)
        self._indexes = dict(indexes or {})
        # Whoever sends a review chooses what is asked.
        self._by_selector: Bounded[Selector, int] = Bounded(_KEPT_BYTES)
        self._by_namespace_selector: Bounded[Selector, int] = Bounded(_KEPT_BYTES)
        self._addressed: Bounded[tuple[Family, Ranges], int] = Bounded(_KEPT_BYTES)

    def replaced(self, slot: int, pod: Pod | None, namespaces: Mapping[str, Labels]) -> "PodTable":
        """Return the table with another pod, or none, in a slot; the indexes are kept.

        Args:
            slot: one of the table's, or `free_slot`.
            pod: the new pod, None where it is gone.
            namespaces: as in the class.
        """
        old = self.slots[slot] if slot < self.size else None
        slots = (*self.slots[:slot], pod, *self.slots[slot + 1 :])
        indexes = {name: each.replaced(slot, old, pod) for name, each in self._indexes.items()}
        return PodTable(slots, namespaces, indexes)

    def relabelled(self, namespaces: Mapping[str, Labels]) -> "PodTable":
        """Return the table with other labels of Namespaces; the indexes are kept."""
        return PodTable(self.slots, namespaces, self._indexes)

    def _index(self, name: Hashable, keys_of: Callable[[Pod], Iterable[Hashable]]) -> Index:
        known = self._indexes.get(name)
        if known is None:
            known = self._indexes[name] = Index.of(self.slots, keys_of)
        return known

    @lazy
    def names(self) -> list[str]:
        """The name of every slot's pod, empty for a hole."""
        return ["" if pod is None else pod.key for pod in self.slots]

    @lazy
    def slot_of(self) -> Mapping[str, int]:
        """The slot of every pod by ``namespace/name``."""
        return {name: slot for slot, name in enumerate(self.names) if name}

    @lazy
    def everyone(self) -> int:
        """All pods."""
        return self._index("everyone", lambda _: (True,)).get(key=True)

    @property
    def free_slot(self) -> int:
        """The first hole, or the slot behind all others."""
        return (~self.everyone & (self.everyone + 1)).bit_length() - 1

    @lazy
    def host_network(self) -> int:
        """Pods in their node's network, which policies by convention do not touch."""
        return self._index("host network", lambda pod: (pod.host_network,)).get(key=True)

    def of_family(self, family: Family) -> int:
        """Return the pods that have an address of the family (IPv4 where they have none)."""
        return self._by_family.get(family, 0)

    @lazy
    def without_address(self) -> int:
        """Pods that have none yet."""
        return self._index("without address", lambda pod: (not pod.addresses,)).get(key=True)

    def in_namespace(self, namespace: str) -> int:
        """Return the pods of a namespace."""
        return self._by_namespace.get(namespace, 0)

    @lazy
    def _by_family(self) -> Mapping[Hashable, int]:
        return self._index("family", lambda pod: pod.families).members

    @lazy
    def _by_namespace(self) -> Mapping[Hashable, int]:
        return self._index("namespace", lambda pod: (pod.namespace,)).members

    def namespaces_of(self, members: int) -> set[str]:
        """Return the namespaces that pods of a set live in."""
        found: set[str] = set()
        members &= self.everyone
        slots, pods_of = self.slots, self._by_namespace
        while members and len(found) < _FEW_NAMESPACES:
            first = slots[(members & -members).bit_length() - 1]
            assert first is not None
            found.add(first.namespace)
            members &= ~pods_of[first.namespace]
        if members.bit_count() > len(pods_of):
            # More pods than namespaces: these are walked.
            found.update([str(name) for name, pods in pods_of.items() if pods & members])
        elif members:
            found.update([pod.namespace for pod in bits.pick(slots, members) if pod is not None])
        return found

    def matching(self, selector: Selector) -> int:
        """Return the pods of any namespace whose labels the selector matches."""
        found = self._by_selector.get(selector)
        if found is None:
            found = self.everyone
            for requirement in selector.requirements:
                found &= self._meeting(requirement)
            self._by_selector.keep(selector, found, self._weight(selector))
        return found

    def in_namespaces(self, selector: Selector) -> int:
        """Return all pods of the namespaces whose labels the selector matches."""
        found = self._by_namespace_selector.get(selector)
        if found is None:
            found = 0
            for name in self.possible_namespaces(selector):
                if selector.matches(self.namespaces[name]):
                    found |= self.in_namespace(name)
            self._by_namespace_selector.keep(selector, found, self._weight(selector))
        return found

    def possible_namespaces(self, selector: Selector) -> Iterable[str]:
        """Return the namespaces that a selector can match: those it names, where it does."""
        for requirement in selector.requirements:
            if requirement.key == METADATA_NAME and requirement.operator is Operator.IN:
                # No two Namespaces have one name, and each has its own as this label.
                return [name for name in requirement.values if name in self.namespaces]
        return self.namespaces

    def _weight(self, selector: Selector) -> int:
        items = 1
        for requirement in selector.requirements:
            items += 1 + len(requirement.values)
        return items * _ITEM_BYTES + self.size // 8

    def _meeting(self, requirement: Requirement) -> int:
        index = self._by_label(requirement.key)
        named = 0
        for value in requirement.values:
            named |= index.get(value)
        match requirement.operator:
            case Operator.IN:
                return named
            case Operator.NOT_IN:
                return self.everyone & ~named
            case Operator.EXISTS:
                return index.get(_ANY)
            case Operator.DOES_NOT_EXIST:
                return self.everyone & ~index.get(_ANY)

    def _by_label(self, key: str) -> Index:
        """Index the pods by a label; there are only so many that any pod has."""
        if key not in self._label_keys:
            return _NOBODY

        def values_of(pod: Pod) -> tuple[str | None, ...]:
            value = pod.labels.get(key)
            return () if value is None else (value, _ANY)

        return self._index(("label", key), values_of)

    @lazy
    def _label_keys(self) -> set[str]:
        return {key for pod in self.slots if pod is not None for key in pod.labels}

    def serving(self, name: str, protocol: str) -> Mapping[Ranges, int]:
        """Partition the pods that have a port name by what it resolves to in them."""
        return self._serving.get((name, protocol), {})

    @lazy
    def _serving(self) -> Mapping[tuple[str, str], Mapping[Ranges, int]]:
        found: dict[tuple[str, str], dict[Ranges, int]] = defaultdict(dict)
        for key, members in self._index("ports", _resolutions).members.items():
            assert isinstance(key, tuple)
            name, protocol, numbers = key
            if members:
                found[name, protocol][numbers] = members
        return found

    def addressed(self, family: Family, within: Ranges) -> int:
        """Return the pods that have an address of the family in the ranges."""
        known = self._addressed.get((family, within))
        if known is None:
            addresses, slots = self._sorted_addresses[family]
            inside = (
                slot
                for low, high in within
                for slot in slots[bisect_left(addresses, low) : bisect_right(addresses, high)]
            )
            known = bits.from_slots(inside, self.size)
            weight = len(within) * _ITEM_BYTES + self.size // 8
            self._addressed.keep((family, within), known, weight)
        return known

    @lazy
    def _sorted_addresses(self) -> Mapping[Family, tuple[list[int], list[int]]]:
        """Addresses of each family ascending, and the slots they belong to."""
        found: dict[Family, list[tuple[int, int]]] = {family: [] for family in FAMILIES}
        for slot, pod in enumerate(self.slots):
            for family, address in pod.addresses if pod is not None else ():
                found[family].append((address, slot))
        ordered = {family: sorted(pairs) for family, pairs in found.items()}
        return {
            family: ([address for address, _ in pairs], [slot for _, slot in pairs])
            for family, pairs in ordered.items()
        }

    def warm(self) -> None:
        """Compute what every question needs."""
        for family in FAMILIES:
            self.of_family(family)
            self.addressed(family, EMPTY)
        # A cluster may have no policy yet that would have asked for these.
        _ = self.slot_of, self.host_network, self._by_namespace, self._label_keys


def _resolutions(pod: Pod) -> Iterable[tuple[str, str, Ranges]]:
    """Yield each port name of a pod with its protocol and all its numbers."""
    for name, protocol in {(port.name, port.protocol) for port in pod.ports if port.name}:
        numbers = pod.resolve(name, protocol)
        yield name, protocol, ranges(port_range(protocol, n, n)[0] for n in numbers)


def namespace_labels(name: str, labels: Labels) -> Labels:
    """Return the labels a Namespace has in a cluster: its name's label is always restored."""
    return {**labels, METADATA_NAME: name}
