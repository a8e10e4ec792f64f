"""Policies that select nothing."""

from collections.abc import Iterator

from webhook.lint.dns import NAMESPACE
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.selectors import BY_CONTROLLERS, contradiction, near_miss
from webhook.lint.subject import Subject
from webhook.netpol.labels import Labels, Selector


@lint(
    "selects-no-pod",
    Severity.WARNING,
    Subject,
    "kubeflow/community-distribution#3486",
    "grafana/helm-charts#885",
    "nmstate/kubernetes-nmstate#1374",
    "open-policy-agent/gatekeeper#3471",
    "Checkmarx/kics#3759",
    needs=Needs.CLUSTER,
)
def selects_no_pod(subject: Subject) -> Iterator[Problem]:
    """The podSelector of a policy matches a pod or a workload's template.

    Why: a policy that selects nothing isolates nothing; the pods it was made for stay open.
    `podSelector: {}` is never wrong, and where no pod of the namespace is known nothing is said,
    unless the input is a whole cluster (it has kube-system with its pods). Labels that only
    controllers give, such as a StatefulSet's `statefulset.kubernetes.io/pod-name`, are not looked
    for in templates.

    Fix: use the labels of the pod template, not those of the Deployment.
    """
    policy, cluster = subject.policy, subject.cluster
    if not policy.pods.requirements or contradiction(policy.pods):
        return
    whole = cluster.complete and cluster.is_populated(NAMESPACE)
    if not (cluster.is_populated(policy.namespace) or whole) or cluster.subjects(policy):
        return
    templates = (it for it in cluster.templates if it.namespace == policy.namespace)
    if any(_will_match(policy.pods, it.labels) for it in templates):
        return
    near = cluster.pods_of(cluster.world.table.in_namespace(policy.namespace))
    hint = near_miss(policy.pods, [pod.labels for pod in near]) or "it isolates nothing"
    message = f"no pod or template in {policy.namespace} matches {policy.pods}: {hint}"
    yield Problem(("spec", "podSelector"), message)


def _will_match(selector: Selector, template: Labels) -> bool:
    """Tell whether a selector matches what comes of a template, but for what controllers add."""
    return all(
        each.matches(template) or each.key in BY_CONTROLLERS for each in selector.requirements
    )
