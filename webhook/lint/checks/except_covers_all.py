"""Blocks whose exceptions leave nothing."""

from collections.abc import Iterator

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.lint.traits import Trait, of_rule


@lint(
    "except-covers-all",
    Severity.WARNING,
    Subject,
    needs=Needs.POLICY,
    by_rule=True,
    all_of={Trait.EXCEPTION},
)
def except_covers_all(subject: Subject) -> Iterator[Problem]:
    """The exceptions of an ipBlock leave some of it.

    Why: the API server refuses an `except` that is as wide as its `cidr`, but takes two halves.
    Such an item matches nothing.

    Fix: narrow the exceptions, or remove the item.
    """
    for at in subject.rules:
        for path, block in at.blocks if Trait.EXCEPTION in of_rule(at.rule) else ():
            if not block.ranges:
                message = (
                    "the exceptions cover all of the cidr, so this matches nothing: narrow them"
                )
                yield Problem((*path, "except"), message)
