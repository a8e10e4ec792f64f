"""Check that injected NetworkPolicies are changed by Portcullis alone."""

from collections.abc import Iterator

from webhook.checks.registry import Violation, check
from webhook.checks.subjects import PolicyChange
from webhook.model.namespace import MANAGED_BY, MANAGED_BY_LABEL, PROFILE_LABEL
from webhook.model.objects import NetworkPolicy
from webhook.model.profiles import POLICY_PREFIX

_DENIES = (
    "without it every pod there is open; add a NetworkPolicy that allows what you need instead"
)
_ALLOWS = "what these allow is chosen in the settings, under defaultDeny"


@check("networkpolicy-injected-protected", PolicyChange)
def networkpolicy_injected_protected(change: PolicyChange) -> Iterator[Violation]:
    """A NetworkPolicy that Portcullis injected must not be edited, deleted or forged.

    Why: together they are what denies by default. NetworkPolicies only ever add
    what is allowed, so without the one that denies, every pod of the namespace
    is open again, and nothing else shows it; without one that allows, such as
    portcullis-allow-dns, pods lose what they count on.

    Allowed: everything while the namespace is being deleted; changes that
    leave spec, owners and our labels as they are (annotations, finalizers).
    An owner would have the garbage collector delete the policy for him.

    Fix: allow what is needed by a NetworkPolicy of your own beside it;
    policies add up. To leave a namespace out, ask the platform team to list
    it under defaultDeny.exemptNamespaces.
    """
    if change.ending:
        return
    if change.old is not None and _is_ours(change.old):
        yield from _broken(change.old, change.new)
    elif change.new is not None:
        yield from _forged(change.new, created=change.old is None)


def _is_ours(policy: NetworkPolicy) -> bool:
    return policy.metadata.label_map.get(MANAGED_BY_LABEL) == MANAGED_BY


def _denies(policy: NetworkPolicy) -> bool:
    """Whether it isolates every pod and allows nothing; others only add to what is allowed."""
    spec = policy.spec
    allows = spec.get("ingress") or spec.get("egress")
    return not allows and not spec.get("podSelector")


def _forged(new: NetworkPolicy, *, created: bool) -> Iterator[Violation]:
    if _is_ours(new):
        yield Violation.forbidden(
            f"metadata.labels[{MANAGED_BY_LABEL}]",
            f'"{MANAGED_BY}" marks what Portcullis injects; leave the label out',
        )
    elif created and new.metadata.name.startswith(POLICY_PREFIX):
        yield Violation.forbidden(
            "metadata.name",
            f'names that start with "{POLICY_PREFIX}" are reserved for what Portcullis injects; '
            "choose another",
        )


def _broken(old: NetworkPolicy, new: NetworkPolicy | None) -> Iterator[Violation]:
    if new is None:
        yield Violation.forbidden(
            "metadata.name",
            f'"{old.metadata.name}" is one of the policies that Portcullis keeps in namespace '
            f'"{old.metadata.namespace}"; {_DENIES if _denies(old) else _ALLOWS}',
        )
        return
    if not old.says_as(new):
        yield Violation.forbidden(
            "spec",
            "the policies that Portcullis keeps in a namespace are changed by it alone; add a "
            "NetworkPolicy that allows what you need instead",
        )
    if (old.metadata.owner_references or []) != (new.metadata.owner_references or []):
        yield Violation.forbidden(
            "metadata.ownerReferences",
            "a policy that Portcullis keeps has no owner: the garbage collector would delete it "
            "together with that",
        )
    for label in (MANAGED_BY_LABEL, PROFILE_LABEL):
        if old.metadata.label_map.get(label) != new.metadata.label_map.get(label):
            yield Violation.forbidden(
                f"metadata.labels[{label}]", "marks what Portcullis injected; it must stay"
            )
