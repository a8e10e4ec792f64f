"""What a change of a NetworkPolicy opens and closes, told once it may happen.

What the answer needs is a picture of the cluster, and the namespace's own policies as they are now,
within a budget of time and of pods. Above either the answer is that it is too large to tell here;
never does it wait longer, never does it refuse.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from webhook.admission.guard import Advice
from webhook.admission.picture import Pictures
from webhook.admission.surroundings import Standing
from webhook.deadline import Deadline
from webhook.engine_input import pods, stays, stored
from webhook.errors import ClusterError, DeadlineError, TooManyError
from webhook.interfaces import Advisory
from webhook.model.objects import NetworkPolicy
from webhook.netpol.engine import Change, Comparison
from webhook.netpol.labels import Selector
from webhook.netpol.model import DIRECTIONS, Direction, Policy, Rule, SelectorPeer
from webhook.netpol.world import World
from webhook.protection import losses
from webhook.protection.words import MAX_NAMES, Teller, nothing

logger = logging.getLogger(__name__)

AUDIT_KEY = "diff"


@dataclass(frozen=True, slots=True)
class PolicyAdviser:
    """Tells what a change of a NetworkPolicy opens and closes.

    Args:
        cluster: where to read the policies of the namespace, which may have changed just now.
        pictures: all the rest, as it was a moment ago.
        budget: seconds for reading and thinking.
        max_pods: that are looked at.
        ipblock_matches_pods: as in `webhook.netpol.engine.connectivity`.
    """

    cluster: Advisory
    pictures: Pictures
    budget: float
    max_pods: int
    ipblock_matches_pods: bool = True

    def advise(
        self,
        namespace: str,
        old: NetworkPolicy | None,
        new: NetworkPolicy | None,
        deadline: Deadline,
        standing: Standing | None = None,
    ) -> Advice:
        """The difference in words; nothing where the spec stays, or the cluster gives no answer.

        Args:
            namespace: of the policy.
            old: None where it is made.
            new: None where it goes.
            deadline: of the review.
            standing: what stands around it, where somebody has asked already.
        """
        before, after = stored(old), stored(new)
        if stays(old, new):
            return Advice()
        standing = standing or Standing(self.cluster, namespace, after or before)
        try:
            lines = self._told(standing, before, after, deadline.within(self.budget))
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
        self, standing: Standing, old: Policy | None, new: Policy | None, deadline: Deadline
    ) -> tuple[str, ...]:
        namespace, others = standing.namespace, standing.policies(deadline)
        whole, picture = self._picture(namespace, others, old, new, deadline)
        if not _selects(picture, namespace, old, new):
            return (nothing([f"it selects no pod that {namespace} has now"]),)
        before, after = standing.versions(picture, others, old, new)
        matches = self.ipblock_matches_pods
        compared = Comparison(before, after, ipblock_matches_pods=matches, coarse=True)
        change = compared.change(deadline.check)
        teller = Teller(after, namespace, whole)
        lines = (*teller.lines("opens", change.opened), *teller.lines("closes", change.closed))
        if not change.opened and new is not None:
            sides = [d for d in DIRECTIONS if _side(old, d) != _side(new, d)]
            lines = (*_withheld(compared, sides, teller, deadline), *lines)
        late = after.table.in_namespace(namespace) & after.table.without_address
        return lines or (nothing([_why_nothing(change, is_sure=not late)]),)

    def _picture(
        self,
        namespace: str,
        others: tuple[Policy, ...],
        old: Policy | None,
        new: Policy | None,
        deadline: Deadline,
    ) -> tuple[bool, World]:
        """The cluster; the namespace alone where that is enough and the cluster is too large."""
        try:
            return True, self.pictures.latest(deadline)
        except TooManyError:
            if _reaches_out(others, old, new):
                raise
        return False, World.of(pods(self.cluster.pods_of(namespace, self.max_pods, deadline)))


def _why_nothing(change: Change, *, is_sure: bool) -> str:
    if change.opened.blocks or change.closed.blocks:
        return "a pod always reaches itself, and no other is concerned"
    already = "other policies allow and deny the same already"
    return already if is_sure else f"{already}, as far as pods have addresses yet"


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


def _side(policy: Policy | None, direction: Direction) -> tuple[Selector, tuple[Rule, ...]] | None:
    """What a policy says in a direction, None where it says nothing."""
    if policy is None or direction not in policy.types:
        return None
    return policy.pods, policy.rules(direction)


def _withheld(
    compared: Comparison, sides: Iterable[Direction], teller: Teller, deadline: Deadline
) -> Iterator[str]:
    """What the change would open, were it not for policies of the other side."""
    for direction in sides:
        deadline.check()
        if not compared.may_open(direction):
            continue
        wanted = compared.declared(direction)
        names = teller.denied_by(direction, wanted.opened) if wanted.opened else ()
        if names:
            more = len(names) - MAX_NAMES
            shown = ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
            other = "egress" if direction is Direction.INGRESS else "ingress"
            yield f"this rule opens nothing: policies of {shown} still deny {other}"


def _selects(world: World, namespace: str, old: Policy | None, new: Policy | None) -> bool:
    """Whether one of the versions selects a pod; where none does, nothing is opened or closed."""
    pods = world.table.in_namespace(namespace)
    return any(world.table.matching(p.pods) & pods for p in (old, new) if p is not None)
