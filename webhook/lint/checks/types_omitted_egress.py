"""Manifests of egress policies without policyTypes."""

from collections.abc import Iterator

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.lint.traits import Trait

_EGRESS = ("spec", "egress")


@lint(
    "types-omitted-egress",
    Severity.WARNING,
    Subject,
    "kubernetes/kubernetes#51808",
    "kubernetes/website#7895",
    needs=Needs.AUTHOR,
    all_of={Trait.NO_INGRESS},
)
def types_omitted_egress(subject: Subject) -> Iterator[Problem]:
    """A manifest with egress and without ingress says policyTypes.

    Why: where policyTypes is left out, Ingress is always among them. A policy that was made for
    egress denies all ingress too, which `ingress: []` says is meant; one with `egress: []`
    (`empty-egress`) denies ingress only, for an empty list is no egress. Seen in manifests, and
    where `kubectl apply` keeps them: the API server fills policyTypes in.

    Fix: `policyTypes: [Egress]`, or `[Ingress, Egress]` where both are meant.
    """
    spec = subject.spec
    if spec.get("policyTypes") or subject.policy.ingress or "egress" not in spec:
        return
    denies_ingress = spec.get("ingress") is not None
    if subject.policy.egress:
        message = "without policyTypes this denies all ingress too: set policyTypes: [Egress]"
        if not denies_ingress:
            yield Problem(_EGRESS, message)
    elif spec["egress"] is not None:
        types = "[Ingress, Egress]" if denies_ingress else "[Egress]"
        message = f"without policyTypes this denies ingress, not egress: set policyTypes: {types}"
        yield Problem(_EGRESS, message, "empty-egress")
