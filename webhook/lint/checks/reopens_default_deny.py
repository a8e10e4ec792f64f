"""Policies that undo the default deny of their namespace."""

from collections.abc import Iterator

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.selectors import only_negative
from webhook.lint.subject import Subject
from webhook.lint.traits import Trait
from webhook.netpol.labels import EVERYTHING
from webhook.netpol.model import Direction


@lint(
    "reopens-default-deny",
    Severity.ERROR,
    Subject,
    "devantler-tech/platform#3396",
    "projectcapsule/capsule#793",
    needs=Needs.CLUSTER,
    all_of={Trait.ANYBODY},
)
def reopens_default_deny(subject: Subject) -> Iterator[Problem]:
    """No policy allows everything to every pod of a namespace that denies by default.

    Why: policies are added up. `podSelector: {}` with `ingress: [{}]` or `egress: [{}]` beside a
    default deny leaves nothing of it. A namespace denies by default where Portcullis has sealed it,
    or where a policy of `podSelector: {}` without rules stands in it.

    Fix: select the pods, name the peers.
    """
    for at in subject.rules:
        if not at.rule.peers and not at.rule.ports and _selects_all(subject):
            guard = _guard(subject, at.direction)
            if guard:
                message = (
                    f"this undoes {guard}: every pod is open again; select pods and name peers"
                )
                yield Problem(at.path, message)


def _selects_all(subject: Subject) -> bool:
    """Tell whether every pod is selected: by `{}`, or by what no known pod is excluded from."""
    policy, cluster = subject.policy, subject.cluster
    if policy.pods == EVERYTHING:
        return True
    table = cluster.world.table
    own = table.in_namespace(policy.namespace)
    return bool(own) and only_negative(policy.pods) and not own & ~table.matching(policy.pods)


def _guard(subject: Subject, direction: Direction) -> str:
    namespace = subject.policy.namespace
    for policy in subject.cluster.world.policies_of(namespace):
        denies = direction in policy.types and not policy.rules(direction)
        if denies and policy.pods == EVERYTHING:
            return f"the default deny {policy.key}"
    sealed = namespace in subject.cluster.facts.sealed
    return f"the default deny of sealed namespace {namespace}" if sealed else ""
