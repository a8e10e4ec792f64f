"""Labels and names that YAML does not read as text."""

from collections.abc import Iterator
from typing import Any

from webhook.lint.labels_text import not_text, text_of
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Written


@lint("yaml-bool", Severity.WARNING, Written, "kubernetes/kubernetes#111112", needs=Needs.MANIFESTS)
def yaml_bool(subject: Written) -> Iterator[Problem]:
    """Labels, selector values and names are text.

    Why: Kubernetes reads YAML 1.1: `y`, `n`, `yes`, `no`, `on`, `off`, `true` are booleans and `1`,
    `1.0`, `00000` numbers, and the API server refuses them where it wants text. PyYAML writes `y`
    and `n` unquoted all the same. The other checks go on with the text that was probably meant.

    Fix: quote it.
    """
    for path, value in subject_values(subject):
        kind = "boolean" if isinstance(value, bool) else "number"
        message = (
            f"YAML reads this as the {kind} {text_of(value)}, the API server wants text: quote it"
        )
        yield Problem(path, message)


def subject_values(subject: Written) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield what is no text, in order of its path."""
    return iter(sorted(not_text(subject.value), key=lambda each: [str(step) for step in each[0]]))
