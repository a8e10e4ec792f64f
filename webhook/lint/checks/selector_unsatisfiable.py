"""Selectors that contradict themselves."""

from collections.abc import Iterator

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.selectors import contradiction
from webhook.lint.subject import Subject
from webhook.lint.traits import Trait


@lint(
    "selector-unsatisfiable",
    Severity.WARNING,
    Subject,
    needs=Needs.POLICY,
    by_rule=True,
    all_of={Trait.KEY_TWICE},
)
def selector_unsatisfiable(subject: Subject) -> Iterator[Problem]:
    """The requirements of a selector can all be met by some labels.

    Why: requirements are a conjunction. `In [a]` with `NotIn [a]`, `Exists` with `DoesNotExist`, or
    two disjoint `In` on one key match nothing, ever.

    Fix: put alternatives into the values of one `In`, or into items of their own.
    """
    for path, selector in subject.selectors:
        key = contradiction(selector)
        if key:
            message = f"the requirements on {key} exclude each other, so this matches nothing"
            yield Problem(path, f"{message}: use one In with all values")
