"""The last policy on a pod, and the first."""

from collections.abc import Iterator

from webhook.lint.cluster import Cluster
from webhook.lint.groups import groups, pods_text
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.selectors import implies
from webhook.lint.subject import Subject
from webhook.netpol.model import Direction, Pod, Policy

_PODS = ("spec", "podSelector")


@lint(
    "isolation-flip",
    Severity.ERROR,
    Subject,
    "kubernetes/enhancements#1329",
    removed=True,
    needs=Needs.CLUSTER,
)
def isolation_flip(subject: Subject) -> Iterator[Problem]:
    """A change of a policy does not turn isolation off, or on, as a side effect.

    Why: a pod is isolated as long as one policy selects it. Taking away or retargeting the last one
    opens it to everyone; the first one that allows something closes all else (a warning). Told of
    changes only: `portcullis lint --before OLD NEW`. A policy without rules is a default deny, and
    closing is its purpose.

    Fix: keep a default deny (`podSelector: {}` without rules) beside the policies that allow.
    """
    if subject.before is None:
        return
    for direction in Direction:
        yield from _opened(subject, subject.before, direction)
        yield from _closed(subject, subject.before, direction)


def _opened(subject: Subject, before: Cluster, direction: Direction) -> Iterator[Problem]:
    old = subject.policy if subject.gone else subject.old.policy if subject.old else None
    if old is None:
        return
    successors = _successors(subject, before, old)
    for group in groups(before, old, direction):
        left = [pod for pod in group.pods if not _isolates(subject.cluster, direction, pod)]
        if group.pods:
            left += [pod for pod in successors if not _isolates(subject.cluster, direction, pod)]
            successors = []
        covered = group.pods or _is_covered(subject.cluster, old, direction)
        if left or not covered:
            message = f"no policy isolates {pods_text(left)} for {direction.lower()} any more"
            yield Problem(_PODS, f"{message}, all is open: keep a default deny")


def _successors(subject: Subject, before: Cluster, old: Policy) -> list[Pod]:
    """Pods that the old version would select and that were not there: others by another name."""
    if subject.cluster.world.table is before.world.table:
        return []
    return [
        pod
        for pod in subject.cluster.subjects(old)
        if not pod.host_network and pod.key not in before.world.table.slot_of
    ]


def _closed(subject: Subject, before: Cluster, direction: Direction) -> Iterator[Problem]:
    if subject.gone or not subject.policy.rules(direction):
        return
    for group in groups(subject.cluster, subject.policy, direction):
        fresh = [pod for pod in group.pods if not _isolates(before, direction, pod)]
        fresh = [pod for pod in fresh if pod.key in before.world.table.slot_of]
        if fresh and group.led_by(subject.policy):
            message = (
                f"this is the first policy on {pods_text(fresh)}: "
                f"all other {direction.lower()} closes"
            )
            yield Problem(_PODS, message, severity=Severity.WARNING)


def _isolates(cluster: Cluster, direction: Direction, pod: Pod) -> bool:
    at = cluster.world.table.slot_of.get(pod.key)
    return at is None or bool(cluster.world.isolated(direction) >> at & 1)


def _is_covered(cluster: Cluster, old: Policy, direction: Direction) -> bool:
    """Tell whether another policy surely selects what the old one selected."""
    return any(
        direction in policy.types and implies(old.pods, policy.pods)
        for policy in cluster.world.policies_of(old.namespace)
    )
