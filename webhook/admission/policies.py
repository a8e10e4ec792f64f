"""The NetworkPolicy guard: what Portcullis injected stays."""

from dataclasses import dataclass, replace
from typing import Final

import msgspec

from webhook.admission.enforcement import Enforcement
from webhook.admission.guard import Case
from webhook.checks.networkpolicy_injected_protected import networkpolicy_injected_protected
from webhook.checks.subjects import PolicyChange
from webhook.deadline import Deadline
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

_decoder = msgspec.json.Decoder(NetworkPolicy | None)


@dataclass(frozen=True, slots=True)
class PolicyGuard:
    """Gathers a `PolicyChange`.

    Args:
        cluster: tells whether a Namespace is being deleted.
        own_username: our own writes are not judged.
        enforcement: tells whether a new policy has an effect; None where nobody wants to know.
    """

    cluster: Namespaces
    own_username: str
    enforcement: Enforcement | None = None
    name: str = "networkpolicies"

    def gather(self, attributes: Attributes, deadline: Deadline) -> Case | None:
        """Read both sides; ask for the Namespace only where it decides."""
        if attributes.user.username == self.own_username:
            return None
        old = attributes.decode(attributes.old_object, _decoder)
        new = attributes.decode(attributes.object, _decoder)
        change = PolicyChange(old, new, ending=False)
        if any(networkpolicy_injected_protected.run(change)):
            change = replace(change, ending=self._ending(attributes, deadline))
        metadata = (new or old or NetworkPolicy()).metadata
        return Case(change, metadata, self._warnings(attributes, deadline))

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
        if attributes.operation == "DELETE" and attributes.user.username in NAMESPACE_CONTROLLERS:
            return True
        namespace = self.cluster.namespace(attributes.namespace, deadline)
        return namespace is None or namespace.terminating
