"""A cluster as the engine asks it: pods, the policies of every namespace, Services.

Immutable as seen from outside; a change makes a new world that shares everything the
change does not touch, compiled sets included. An admission path keeps one warm.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import reduce
from operator import attrgetter, or_

from webhook.netpol.addresses import FAMILIES, WHOLE, Family
from webhook.netpol.intervals import Interval
from webhook.netpol.labels import Labels
from webhook.netpol.lazy import lazy
from webhook.netpol.model import DIRECTIONS, Direction, Pod, Policy, Service
from webhook.netpol.scope import Scope, Side
from webhook.netpol.table import PodTable, namespace_labels


class World:
    """The state of a cluster; make one with `World.of`.

    Args:
        table: its pods and namespaces.
        scopes: the policies of every namespace that has any.
        services: in the order given.
    """

    def __init__(
        self, table: PodTable, scopes: Mapping[str, Scope], services: tuple[Service, ...] = ()
    ) -> None:
        self.table = table
        self.scopes = scopes
        self.services = services
        self._isolated: dict[Direction, int] = {}
        self._former: tuple[str, Mapping[Direction, int]] | None = None
        """The namespace whose policies differ from another world's, and what is isolated there."""
        self.origin, self.apart = object(), _NOWHERE
        """Stands for a world with the same table, and the namespaces that differ from it."""

    @classmethod
    def of(
        cls,
        pods: Iterable[Pod] = (),
        policies: Iterable[Policy] = (),
        namespaces: Mapping[str, Labels] | None = None,
        services: Iterable[Service] = (),
    ) -> "World":
        """Build a world; of equal keys the last one counts, as in ``kubectl apply``.

        Args:
            pods: what may send and receive; those that have ended are left out.
            policies: the NetworkPolicies of all namespaces.
            namespaces: labels by name; a namespace that pods live in and that is not
                given has the label of its name only.
            services: the Services, for `explain`.
        """
        by_key = {pod.key: pod for pod in pods}
        slots = tuple(by_key[key] for key in sorted(by_key))
        table = PodTable(slots, _complete(namespaces or {}, slots))
        return cls(table, _scopes(policies, table), tuple(services))

    @property
    def pods(self) -> Iterable[Pod]:
        """All pods, in the order of their slots."""
        return (pod for pod in self.table.slots if pod is not None)

    @property
    def policies(self) -> Iterable[Policy]:
        """All policies, by namespace and name."""
        return (policy for name in sorted(self.scopes) for policy in self.scopes[name].policies)

    def policies_of(self, namespace: str) -> tuple[Policy, ...]:
        """Return the policies of a namespace, by name."""
        scope = self.scopes.get(namespace)
        return scope.policies if scope else ()

    def with_policy(self, policy: Policy) -> "World":
        """Return the world in which the policy is created or replaced."""
        others = (p for p in self.policies_of(policy.namespace) if p.name != policy.name)
        return self._with_scope(policy.namespace, (*others, policy))

    def with_policies(self, namespace: str, policies: Iterable[Policy]) -> "World":
        """Return the world in which these are all policies of the namespace."""
        return self._with_scope(namespace, policies)

    def without_policy(self, namespace: str, name: str) -> "World":
        """Return the world in which the policy is deleted."""
        return self._with_scope(
            namespace, (p for p in self.policies_of(namespace) if p.name != name)
        )

    def with_namespace(self, name: str, labels: Labels) -> "World":
        """Return the world in which a Namespace is created or has other labels."""
        namespaces = {**self.table.namespaces, name: namespace_labels(name, labels)}
        return self.with_table(self.table.relabelled(namespaces))

    def with_pod(self, pod: Pod) -> "World":
        """Return the world in which a pod is created or replaced; the others keep their slots."""
        at = self.table.slot_of.get(pod.key, self.table.free_slot)
        namespaces = self.table.namespaces
        if pod.namespace not in namespaces:
            namespaces = _complete(namespaces, (pod,))
        return self.with_table(self.table.replaced(at, pod, namespaces))

    def without_pod(self, namespace: str, name: str) -> "World":
        """Return the world in which a pod is gone; its slot stays empty."""
        at = self.table.slot_of.get(f"{namespace}/{name}")
        if at is None:
            return self
        return self.with_table(self.table.replaced(at, None, self.table.namespaces))

    def with_table(self, table: PodTable) -> "World":
        """Return the same policies over other pods or Namespaces; compiled anew."""
        scopes = {name: Scope(name, s.policies, table) for name, s in self.scopes.items()}
        return World(table, scopes, self.services)

    def warm(self) -> "World":
        """Compile all that a diff asks for, so that the first one is as fast as the next."""
        self.table.warm()
        for direction in DIRECTIONS:
            self.isolated(direction)
            for scope in self.scopes.values():
                scope.groups(direction)
        _ = self.edges
        return self

    @lazy
    def edges(self) -> Mapping[Family, frozenset[int]]:
        """Where the ipBlocks of all policies cut each family's address space."""
        return {
            family: frozenset().union(*(scope.edges[family] for scope in self.scopes.values()))
            for family in FAMILIES
        }

    def isolated(self, direction: Direction) -> int:
        """Return the pods that some policy isolates."""
        known = self._isolated.get(direction)
        if known is None:
            known = self._isolated[direction] = self._find_isolated(direction)
        return known

    def side(self, namespace: str, direction: Direction) -> Side | None:
        """Return what the policies of a namespace say in a direction, if they say anything."""
        scope = self.scopes.get(namespace)
        return scope.sides[direction] if scope else None

    def differing(self, other: "World") -> set[str]:
        """Return the namespaces whose policies differ between worlds of one table."""
        ours, theirs = self.scopes, other.scopes
        names: Collection[str] = self.apart | other.apart
        if self.origin is not other.origin:
            names = ours.keys() | theirs.keys()
        return {name for name in names if ours.get(name) is not theirs.get(name)}

    def _find_isolated(self, direction: Direction) -> int:
        if self._former and direction in self._former[1]:
            # A pod is isolated by policies of its own namespace alone.
            namespace, known = self._former
            side = self.side(namespace, direction)
            others = known[direction] & ~self.table.in_namespace(namespace)
            return others | side.isolated if side else others
        return reduce(or_, [scope.isolated(direction) for scope in self.scopes.values()], 0)

    def _with_scope(self, namespace: str, policies: Iterable[Policy]) -> "World":
        ordered = tuple(sorted(policies, key=_name))
        standing = self.scopes.get(namespace)
        if ordered == (standing.policies if standing else ()):
            return self
        former = standing or Scope(namespace, (), self.table)
        scopes = {**self.scopes, namespace: former.succeeded_by(ordered)}
        if not ordered:
            del scopes[namespace]
        made = World(self.table, scopes, self.services)
        made._former = namespace, self._isolated
        made.origin, made.apart = self.origin, self.apart | {namespace}
        return made


_NOWHERE: frozenset[str] = frozenset()

_name = attrgetter("name")


def _complete(namespaces: Mapping[str, Labels], pods: Iterable[Pod | None]) -> dict[str, Labels]:
    """Give every namespace, also the undeclared ones of the pods, the label of its name."""
    named: dict[str, Labels] = {pod.namespace: {} for pod in pods if pod is not None}
    return {
        name: namespace_labels(name, labels) for name, labels in {**named, **namespaces}.items()
    }


def _scopes(policies: Iterable[Policy], table: PodTable) -> dict[str, Scope]:
    by_namespace: dict[str, dict[str, Policy]] = {}
    for policy in policies:
        by_namespace.setdefault(policy.namespace, {})[policy.name] = policy
    return {
        namespace: Scope(namespace, tuple(named[name] for name in sorted(named)), table)
        for namespace, named in by_namespace.items()
    }


def cut(family: Family, edges: Iterable[int]) -> tuple[Interval, ...]:
    """Cut a family's address space at every edge; neighbours are never merged again."""
    first, last = WHOLE[family]
    starts = sorted({first, *(edge for edge in edges if first <= edge <= last)})
    return tuple(zip(starts, [start - 1 for start in starts[1:]] + [last], strict=True))
