"""Policies of other APIs beside this one."""

from collections.abc import Iterator

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject


@lint(
    "shadowed",
    Severity.INFO,
    Subject,
    "derailed/popeye#311",
    "kubescape/kubescape#1397",
    needs=Needs.MANIFESTS,
)
def shadowed(subject: Subject) -> Iterator[Problem]:
    """NetworkPolicies are the whole story of their namespace.

    Why: policies of Calico, Cilium, Antrea or ClusterNetworkPolicy decide before, after or beside
    them. What is judged here from NetworkPolicies alone may then not be so.

    Fix: read them together; an Admin tier decides before NetworkPolicy, a Baseline one after it.
    """
    found = [
        each
        for each in subject.cluster.facts.foreign
        if each.namespace in ("", subject.policy.namespace)
    ]
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        name = f"{found[0].kind} {found[0].name}{more}"
        yield Problem(("spec",), f"{name} decides here too: this policy is not the whole story")
