"""What a change of a NetworkPolicy opens and closes, told once it may happen.

Nothing is kept between reviews: what the answer needs is listed within a budget of time and of
pods. Above either the answer is that it is too large to tell here; never does it wait, never does
it refuse.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from webhook.admission.guard import Advice
from webhook.admission.isolation import all_stored, stored
from webhook.deadline import Deadline
from webhook.errors import ClusterError, DeadlineError, TooManyError
from webhook.interfaces import PodLister, PolicyLister
from webhook.model.objects import NetworkPolicy
from webhook.model.pods import PodObject
from webhook.netpol.addresses import Family, parse_address
from webhook.netpol.engine import Change, declared, diff
from webhook.netpol.model import ContainerPort, Direction, Pod, Policy, SelectorPeer
from webhook.netpol.world import World
from webhook.protection import losses
from webhook.protection.words import MAX_NAMES, Teller, nothing

logger = logging.getLogger(__name__)

RESERVE_SECONDS = 0.5
"""Left of the review's own time, however large the budget is."""

AUDIT_KEY = "diff"


class AdviceReader(PolicyLister, PodLister, Protocol):
    """What is asked of the cluster."""


@dataclass(frozen=True, slots=True)
class PolicyAdviser:
    """Tells what a change of a NetworkPolicy opens and closes.

    Args:
        cluster: where to read.
        budget: seconds for reading and thinking.
        max_pods: that are looked at, of the namespace and of all others.
    """

    cluster: AdviceReader
    budget: float
    max_pods: int

    def advise(
        self,
        namespace: str,
        old: NetworkPolicy | None,
        new: NetworkPolicy | None,
        deadline: Deadline,
    ) -> Advice:
        """The difference in words; nothing where the spec stays, or the cluster gives no answer."""
        if old is not None and new is not None and old.spec == new.spec:
            return Advice()
        short = Deadline.after(max(0.0, min(self.budget, deadline.remaining() - RESERVE_SECONDS)))
        try:
            lines = self._told(namespace, stored(old), stored(new), short)
        except (TooManyError, DeadlineError):
            return Advice((self._too_large(),), {AUDIT_KEY: "too large"})
        except ClusterError as error:
            logger.info("change not told", extra={"namespace": namespace, "error": str(error)})
            return Advice()
        return Advice(lines, {AUDIT_KEY: "; ".join(lines)})

    def _too_large(self) -> str:
        return (
            f"what this opens and closes is too large to diff here ({self.max_pods:,} pods, "
            f"{self.budget * 1000:.0f} ms): see `portcullis diff`"
        )

    def _told(
        self, namespace: str, old: Policy | None, new: Policy | None, deadline: Deadline
    ) -> tuple[str, ...]:
        own = tuple(all_stored(self.cluster.network_policies(namespace, deadline)))
        name = next((p.name for p in (new, old) if p is not None), "")
        others = tuple(policy for policy in own if policy.name != name)
        whole = _reaches_out(others, old, new)
        world = self._world(namespace, others, deadline, whole=whole)
        before = world if old is None else world.with_policy(old)
        after = world if new is None else world.with_policy(new)
        change = diff(before, after, checkpoint=lambda: _check(deadline))
        teller = Teller(after, namespace, whole)
        lines = (*teller.lines("opens", change.opened), *teller.lines("closes", change.closed))
        if not change.opened and new is not None:
            lines = (*_withheld(before, after, teller, deadline), *lines)
        return lines or (nothing([_why_nothing(world, namespace, old, new)]),)

    def _world(
        self, namespace: str, others: tuple[Policy, ...], deadline: Deadline, *, whole: bool
    ) -> World:
        """The cluster without the changed policy; of the namespace alone where that is enough."""
        here = self.cluster.pods_of(namespace, self.max_pods, deadline)
        if not whole:
            return World.of(_pods(here), others)
        labels = self.cluster.namespace_labels(deadline)
        everywhere = self.cluster.network_policies(None, deadline)
        foreign = all_stored(p for p in everywhere if p.metadata.namespace != namespace)
        policies = (*others, *foreign)
        there = self.cluster.pods_elsewhere(namespace, self.max_pods - len(here), deadline)
        _check(deadline)
        return World.of((*_pods(here), *_pods(there)), policies, labels)


def _check(deadline: Deadline) -> None:
    if not deadline.remaining():
        raise DeadlineError("no time is left to think")


def _reaches_out(others: tuple[Policy, ...], old: Policy | None, new: Policy | None) -> bool:
    """Whether pods of other namespaces, or addresses, can be touched by the change.

    They cannot where all peers are pods of the namespace, and no pod becomes isolated or free.
    """
    return any(
        not _is_local(policy) or any(losses(others, policy, None))
        for policy in (old, new)
        if policy is not None
    )


def _is_local(policy: Policy) -> bool:
    return all(
        rule.peers
        and all(isinstance(peer, SelectorPeer) and peer.namespaces is None for peer in rule.peers)
        for direction in policy.types
        for rule in policy.rules(direction)
    )


def _withheld(before: World, after: World, teller: Teller, deadline: Deadline) -> Iterator[str]:
    """What the change would open, were it not for policies of the other side."""
    for direction in Direction:
        _check(deadline)
        wanted: Change = declared(before, after, direction)
        if wanted.opened:
            names = teller.denied_by(direction, wanted.opened)
            more = len(names) - MAX_NAMES
            shown = ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
            other = "egress" if direction is Direction.INGRESS else "ingress"
            yield f"this rule opens nothing: policies of {shown} still deny {other}"


def _why_nothing(world: World, namespace: str, old: Policy | None, new: Policy | None) -> str:
    pods = world.table.in_namespace(namespace)
    selected = (world.table.matching(p.pods) & pods for p in (old, new) if p is not None)
    if not any(selected):
        return f"it selects no pod that {namespace} has now"
    return "other policies allow and deny the same already"


def _pods(found: Iterable[PodObject]) -> Iterator[Pod]:
    """Pods as the engine has them; of others than the namespace's own, names and labels alone."""
    for pod in found:
        if not pod.ended:
            ports = (ContainerPort(p.name, p.protocol, p.container_port) for p in pod.ports)
            yield Pod(
                namespace=pod.metadata.namespace,
                name=pod.metadata.name,
                labels=pod.metadata.label_map,
                addresses=tuple(_addresses(pod)),
                ports=tuple(ports),
                host_network=pod.spec.host_network,
            )


def _addresses(pod: PodObject) -> Iterator[tuple[Family, int]]:
    for address in pod.status.pod_ips or ():
        try:
            yield parse_address(address.ip)
        except ValueError:
            continue
