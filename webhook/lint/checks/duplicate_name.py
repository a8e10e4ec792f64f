"""Two policies of one name."""

from collections.abc import Iterator

from webhook.lint.dig import dig
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject


@lint(
    "duplicate-name", Severity.WARNING, Subject, "mattfenwick/cyclonus lint", needs=Needs.MANIFESTS
)
def duplicate_name(subject: Subject) -> Iterator[Problem]:
    """Every policy of the input has a name of its own in its namespace.

    Why: the one that is applied last replaces the others, and their rules are gone. It is a remark
    where they say the same, and where one names no namespace: they may be for two.

    Fix: rename one, or merge them.
    """
    if subject.gone:
        return
    last = subject.cluster.by_key[subject.policy.key]
    if last.index != subject.stored.index:
        named = all(dig(it.value, "metadata", "namespace") for it in (last, subject.stored))
        message = (
            f"{subject.policy.key} is there again further on, and the last one replaces this: "
            "rename"
        )
        severity = None if named and last.policy != subject.policy else Severity.INFO
        yield Problem(("metadata", "name"), message, severity=severity)
