"""Rules that another rule covers."""

from collections.abc import Iterator

from webhook.lint.coverage import covers
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.selectors import implies
from webhook.lint.subject import RuleAt, Subject
from webhook.netpol.errors import path_text


@lint(
    "redundant",
    Severity.INFO,
    Subject,
    "IBM/network-config-analyzer redundancy query",
    needs=Needs.CLUSTER,
)
def redundant(subject: Subject) -> Iterator[Problem]:
    """No rule repeats what another allows.

    Why: rules are added up, so that one whose peers and ports another rule covers, in the same
    policy or in one that selects at least the same pods, changes nothing. It misleads who removes
    it, thinking to close something. Judged by selectors and ranges, whatever pods there are.

    Fix: remove the narrower rule, or the wider one if that was the mistake.
    """
    for at in subject.rules:
        other = _covering(subject, at)
        if other:
            yield Problem(at.path, f"{other} covers this rule, which changes nothing: remove one")


def _covering(subject: Subject, at: RuleAt) -> str:
    """Name the rule that covers one; of two equal ones only the later is covered."""
    policy, checkpoint = subject.policy, subject.cluster.checkpoint
    for other in subject.cluster.world.policies_of(policy.namespace):
        if at.direction not in other.types or not implies(policy.pods, other.pods):
            continue
        same = other.key == policy.key
        for index, rule in enumerate(other.rules(at.direction)):
            checkpoint()
            if same and index == at.index:
                continue
            later = (other.name, index) > (policy.name, at.index)
            equal = covers(at.rule, rule, checkpoint) and implies(other.pods, policy.pods)
            if covers(rule, at.rule, checkpoint) and not (equal and later):
                path = path_text(("spec", at.direction.lower(), index))
                return path if same else f"{other.name} {path}"
    return ""
