"""Carries a `Plan` out: policies first, the marks after. Used by the gate and the controller."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from webhook.controller.plan import Plan, Reason, Rules, seal_plan
from webhook.deadline import Deadline
from webhook.errors import ClusterError, ConflictError, NotFoundError, RefusedError
from webhook.interfaces import Namespaces, Policies
from webhook.model.namespace import Marks, Namespace, Seal
from webhook.model.policies import Changes, StandingPolicy, compare
from webhook.model.text import one_line

ATTEMPTS = 5
"""At a namespace that somebody else changes at the same time: users, other replicas."""

MAX_REASON = 300
"""Longest reason on a Namespace, in characters: it is read in a table."""


Result = TypeVar("Result")


class SealTarget(Namespaces, Policies, Protocol):
    """What sealing needs of a cluster."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was carried out.

    Args:
        changes: of the policies.
        before: the policies that stood there, whoever owns them.
    """

    plan: Plan
    changes: Changes = field(default_factory=Changes)
    before: tuple[StandingPolicy, ...] = ()


@dataclass(frozen=True, slots=True)
class Sealer:
    """Makes namespaces what their plan says.

    Args:
        cluster: where to read and write.
        rules: how to decide.
    """

    cluster: SealTarget
    rules: Rules

    def seal(self, name: str, deadline: Deadline) -> Plan | None:
        """Bring the namespace of that name to its plan, unless its marks say that it is.

        Idempotent, and safe beside another replica doing the same: applying
        twice changes nothing, and the marks are bound to what was read.
        Adopting, and the end of an exemption, are left to the controller: pods
        run there already, and what stands in its way must not hold others back.

        Returns:
            The plan that was carried out, None where the namespace is gone.

        Raises:
            ClusterError: a policy could not be applied. The mark is then not
            written, so the namespace stays pending and its pods stay gated.
        """
        return self._attempt(lambda: self._seal(name, deadline))

    def _seal(self, name: str, deadline: Deadline) -> Plan | None:
        namespace = self.cluster.namespace(name, deadline)
        if namespace is None:
            return None
        plan = seal_plan(namespace, self.rules)
        runs = namespace.seal in {Seal.SEALED, Seal.EXEMPT} or plan.reason is Reason.ADOPTED
        if plan.idle or runs:
            return replace(plan, due=False)
        return plan if self._guarded(namespace, plan, deadline) else None

    def tend(self, name: str, deadline: Deadline) -> Done | None:
        """As `seal`, and repair what stands there, whatever the marks say.

        Raises:
            ClusterError: as above; what could be done has been done.
        """
        return self._attempt(lambda: self._tend(name, deadline))

    def _tend(self, name: str, deadline: Deadline) -> Done | None:
        namespace = self.cluster.namespace(name, deadline)
        if namespace is None:
            return None
        plan = seal_plan(namespace, self.rules)
        return self._guarded(namespace, plan, deadline) if plan.tended else Done(plan)

    def complain(self, name: str, reason: str, deadline: Deadline) -> None:
        """Write on a namespace why it is not what it should be; the next success takes it away."""
        namespace = self.cluster.namespace(name, deadline)
        told = one_line(reason, MAX_REASON)
        if namespace is not None and namespace.reason != told and not namespace.terminating:
            self.cluster.mark(namespace, replace(namespace.marks, reason=told), deadline)

    def _attempt(self, once: Callable[[], Result]) -> Result:
        """Read, decide and write anew where another plan is due by the time of writing."""
        for _ in range(ATTEMPTS - 1):
            with suppress(ConflictError):
                return once()
        return once()

    def _guarded(self, namespace: Namespace, plan: Plan, deadline: Deadline) -> Done | None:
        """Do what the plan of a namespace says; None where it went away meanwhile."""
        try:
            return self._carry_out(namespace, plan, deadline)
        except (NotFoundError, ConflictError, RefusedError):
            if self._gone(namespace, deadline):
                return None
            raise

    def _carry_out(self, namespace: Namespace, plan: Plan, deadline: Deadline) -> Done:
        if plan.fault:
            raise RefusedError(plan.fault)
        standing = self.cluster.standing(namespace.name, deadline)
        changes = compare(plan.policies, standing)
        if plan.reason is Reason.ADOPTED and changes.foreign:
            raise RefusedError(_in_the_way(changes))  # before anything is changed there
        self._apply(namespace.name, changes, deadline)
        for orphan in changes.orphans:
            self.cluster.delete_policy(namespace.name, orphan, deadline)
        if plan.marks is not None and plan.due:
            self._mark(namespace, plan, plan.marks, deadline)
        return Done(plan, changes, standing)

    def _mark(self, namespace: Namespace, plan: Plan, marks: Marks, deadline: Deadline) -> None:
        """Write the marks; on a Namespace that changed meanwhile only where they are still due.

        Raises:
            ConflictError: another plan is due by now.
        """
        for left in reversed(range(ATTEMPTS)):
            try:
                self.cluster.mark(namespace, marks, deadline)
            except ConflictError:
                now = self.cluster.namespace(namespace.name, deadline)
                if not left or now is None or now.uid != namespace.uid:
                    raise
                again = seal_plan(now, self.rules)
                if (again.policies, again.marks) != (plan.policies, plan.marks):
                    raise
                if not again.due:  # Another replica was faster.
                    return
                namespace = now
            else:
                return

    def _apply(self, name: str, changes: Changes, deadline: Deadline) -> None:
        """Apply every policy, also where one of them is refused."""
        refusals: list[ClusterError] = []
        for policy, restore in (
            *((it, False) for it in changes.missing),
            *((it, True) for it in changes.edited),
        ):
            try:
                self.cluster.apply_policy(name, policy, deadline, restore=restore)
            except RefusedError as error:
                refusals.append(error)
        if changes.foreign:
            refusals.append(RefusedError(_in_the_way(changes)))
        if refusals:
            raise refusals[0]

    def _gone(self, namespace: Namespace, deadline: Deadline) -> bool:
        now = self.cluster.namespace(namespace.name, deadline)
        return now is None or now.terminating


def _in_the_way(changes: Changes) -> str:
    names = ", ".join(changes.foreign)
    return (
        f"not written by Portcullis, and in its way: {names}; rename it, or have Portcullis take "
        "it over: portcullis adopt --take-over"
    )
