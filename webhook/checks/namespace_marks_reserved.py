"""Check that the marks of a Namespace are written by Portcullis alone."""

from collections.abc import Iterator

from webhook.checks.registry import Violation, check
from webhook.checks.subjects import MarksChange
from webhook.model.text import quoted


@check("namespace-marks-reserved", MarksChange)
def namespace_marks_reserved(change: MarksChange) -> Iterator[Violation]:
    """The label portcullis.dev/seal and the annotations beside it must not be changed.

    Why: pods of a namespace marked `sealed` or `exempt` are not held back
    until its policies stand. Whoever may write the mark may skip default deny.
    The annotations portcullis.dev/setting, portcullis.dev/reason and
    portcullis.dev/report tell what the settings gave, what is wrong, and what
    adopting the namespace would cut off: they would lie.

    Allowed: every other change of the Namespace; setting them at creation
    has no effect, they are replaced then. The label portcullis.dev/profile is a
    wish, see namespace-profile-weaker.

    Fix: leave the marks as they are. To leave a namespace out of default
    deny, ask the platform team to list it under defaultDeny.exemptNamespaces.
    """
    for label, old, new in change.marks:
        if old != new:
            yield Violation.forbidden(
                f"metadata.labels[{label}]",
                f"is written by Portcullis alone: must stay {_quoted(old)}, got {_quoted(new)}; "
                "to leave a namespace out of default deny, list it under "
                "defaultDeny.exemptNamespaces",
            )
    for annotation, old, new in change.annotations:
        if old != new:
            yield Violation.forbidden(
                f"metadata.annotations[{annotation}]",
                f"is written by Portcullis alone: must stay {_quoted(old)}, got {_quoted(new)}",
            )


def _quoted(value: str | None) -> str:
    return "unset" if value is None else quoted(value)
