"""The NetworkPolicy guard: what Portcullis injected stays, and keeps its effect."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec.structs import replace

from webhook.admission.enforcement import Enforcement
from webhook.admission.guard import Advice, Case
from webhook.admission.isolation import Isolation
from webhook.admission.policy_advice import PolicyAdviser
from webhook.admission.policy_checks import Judgement, PolicyChecks
from webhook.checks.networkpolicy_default_deny_reopened import networkpolicy_default_deny_reopened
from webhook.checks.networkpolicy_injected_protected import networkpolicy_injected_protected
from webhook.checks.networkpolicy_isolation_lost import networkpolicy_isolation_lost
from webhook.checks.networkpolicy_policytypes_valid import networkpolicy_policytypes_valid
from webhook.checks.registry import evaluate
from webhook.checks.subjects import IsolationChange, PolicyChange
from webhook.deadline import Deadline
from webhook.errors import MalformedReviewError
from webhook.interfaces import Namespaces
from webhook.model.objects import NetworkPolicy
from webhook.model.review import Attributes

NAMESPACE_CONTROLLERS: Final = frozenset(
    {
        "system:serviceaccount:kube-system:namespace-controller",
        # kube-controller-manager without --use-service-account-credentials
        "system:kube-controller-manager",
    }
)
"""Who empties a Namespace that is being deleted."""

RESTORED: Final = (
    "Portcullis restores this policy in a second; to do without it, choose a "
    "portcullis.dev/profile for the Namespace"
)
"""Told to who overrides the protection of an injected policy."""

_PROTECTION = (networkpolicy_default_deny_reopened, networkpolicy_isolation_lost)

_decoder = msgspec.json.Decoder(NetworkPolicy | None)


@dataclass(frozen=True, slots=True)
class PolicyGuard:
    """Gathers a `PolicyChange`.

    Args:
        cluster: tells whether a Namespace is being deleted.
        own_username: our own writes are not judged.
        enforcement: tells whether a new policy has an effect; None where nobody wants to know.
        isolation: tells what a sealed namespace would lose; None where nobody wants to know.
        refuses: what it would lose is a reason to refuse, not a warning.
        adviser: tells what a change opens and closes; None where nobody wants to know.
        checks: tell what is valid and yet a mistake; None where nobody wants to know.
    """

    cluster: Namespaces
    own_username: str
    enforcement: Enforcement | None = None
    isolation: Isolation | None = None
    refuses: bool = True
    adviser: PolicyAdviser | None = None
    checks: PolicyChecks | None = None
    name: str = "networkpolicies"

    def gather(self, attributes: Attributes, deadline: Deadline) -> Case | None:
        """Read both sides; ask for the Namespace only where it decides."""
        if attributes.user.username == self.own_username:
            return None
        old = attributes.decode(attributes.old_object, _decoder)
        new = attributes.decode(attributes.object, _decoder)
        change = PolicyChange(old, new, ending=False)
        try:
            return self._gathered(attributes, change, deadline)
        except MalformedReviewError:
            if not any(networkpolicy_policytypes_valid.run(change)):
                raise
        # That check tells what was meant; a bad request would not. Nothing else can be read of it.
        return Case(change, (new or old or NetworkPolicy()).metadata)

    def _gathered(self, attributes: Attributes, change: PolicyChange, deadline: Deadline) -> Case:
        old, new = change.old, change.new
        protected = any(networkpolicy_injected_protected.run(change))
        if protected:
            change = replace(change, ending=self._ending(attributes, deadline))
        weakened = None if protected else self._weakened(attributes, change, deadline)
        findings = () if self.refuses else evaluate(_PROTECTION, weakened)
        warnings = tuple(f"{found.violation}" for found in findings)
        judged = None if protected else self._judged(attributes, change, deadline)
        return Case(
            change,
            (new or old or NetworkPolicy()).metadata,
            (*warnings, *self._warnings(attributes, deadline)),
            overridden=(RESTORED,) if protected else (),
            beside=(weakened,) if self.refuses and weakened else (),
            findings=judged.denied if judged else (),
            advise=self._advice(attributes, change, judged, deadline),
        )

    def _weakened(
        self, attributes: Attributes, change: PolicyChange, deadline: Deadline
    ) -> IsolationChange | None:
        """What a sealed namespace could lose, unless it ends anyway."""
        if self.isolation is None or change.ending or _empties(attributes):
            return None
        return self.isolation.gather(attributes.namespace, change.old, change.new, deadline)

    def _judged(
        self, attributes: Attributes, change: PolicyChange, deadline: Deadline
    ) -> Judgement | None:
        if self.checks is None or change.ending or _empties(attributes):
            return None
        return self.checks.judge(attributes.namespace, change.old, change.new, deadline)

    def _advice(
        self,
        attributes: Attributes,
        change: PolicyChange,
        judged: Judgement | None,
        deadline: Deadline,
    ) -> Callable[[], Advice] | None:
        """First what is a mistake: it tells why the difference is not what its author meant."""
        if change.ending or _empties(attributes):
            return None

        def advise() -> Advice:
            told = judged.advise() if judged else Advice()
            if self.adviser is None:
                return told
            versions, standing = (change.old, change.new), judged.standing if judged else None
            return told + self.adviser.advise(attributes.namespace, *versions, deadline, standing)

        return advise

    def _warnings(self, attributes: Attributes, deadline: Deadline) -> tuple[str, ...]:
        """That a new policy has no effect, where that is known."""
        if self.enforcement is None or attributes.operation != "CREATE":
            return ()
        warning = self.enforcement.warning(deadline)
        return (warning,) if warning else ()

    def _ending(self, attributes: Attributes, deadline: Deadline) -> bool:
        """Whether the policy goes with its Namespace.

        The user name decides only for DELETE, which is all that the namespace
        controller does; a deletionTimestamp on the policy itself decides
        nothing (CVE-2023-34091).
        """
        if _empties(attributes):
            return True
        namespace = self.cluster.namespace(attributes.namespace, deadline)
        return namespace is None or namespace.terminating


def _empties(attributes: Attributes) -> bool:
    """Whether the cluster empties a Namespace; of its controller's writes, deletions alone."""
    return attributes.operation == "DELETE" and attributes.user.username in NAMESPACE_CONTROLLERS
