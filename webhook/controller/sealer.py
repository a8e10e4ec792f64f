"""Carries a `Plan` out: policies first, the mark after. Used by the gate and the controller."""

from dataclasses import dataclass
from typing import Protocol

from webhook.controller.plan import Plan, Rules, seal_plan
from webhook.deadline import Deadline
from webhook.errors import ConflictError, NotFoundError, RefusedError
from webhook.interfaces import Namespaces, Policies
from webhook.model.namespace import Namespace, Seal


class SealTarget(Namespaces, Policies, Protocol):
    """What sealing needs of a cluster."""


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
        """Bring the namespace of that name to its plan, reading it anew.

        Idempotent, and safe beside another replica doing the same: applying
        twice changes nothing, and the mark is bound to the Namespace's uid.

        Returns:
            The plan that was carried out, None where the namespace is gone.

        Raises:
            ClusterError: a policy could not be applied. The mark is then not
            written, so the namespace stays pending and its pods stay gated.
        """
        namespace = self.cluster.namespace(name, deadline)
        return None if namespace is None else self.carry_out(namespace, deadline)

    def carry_out(self, namespace: Namespace, deadline: Deadline) -> Plan | None:
        """Do what the plan of a namespace says; None where it went away meanwhile."""
        plan = seal_plan(namespace, self.rules)
        try:
            for policy in plan.policies:
                self.cluster.apply_policy(namespace.name, policy, deadline)
            if plan.mark is not None:
                self._mark(namespace, plan.mark, deadline)
        except (NotFoundError, ConflictError, RefusedError):
            if self._gone(namespace, deadline):
                return None
            raise
        return plan

    def _mark(self, namespace: Namespace, mark: Seal, deadline: Deadline) -> None:
        profile = self.rules.profile if mark is Seal.SEALED else None
        self.cluster.mark(namespace, mark, profile, deadline)

    def _gone(self, namespace: Namespace, deadline: Deadline) -> bool:
        now = self.cluster.namespace(namespace.name, deadline)
        return now is None or now.uid != namespace.uid or now.terminating
