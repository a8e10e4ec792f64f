"""The marks guard: the labels by which a Namespace's pods are gated."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from webhook.admission.guard import Case
from webhook.checks.subjects import MarksChange
from webhook.controller.plan import Rules
from webhook.deadline import Deadline
from webhook.defaulting import marks_of
from webhook.model.namespace import MARKS
from webhook.model.objects import ObjectMeta, PartialObject, StringMap
from webhook.model.review import Attributes

_decoder = msgspec.json.Decoder(PartialObject | None)
_NOTHING = PartialObject()


@dataclass(frozen=True, slots=True)
class MarksGuard:
    """Gathers a `MarksChange`.

    Args:
        own_username: our own writes are not judged.
        rules: of default deny; None where it is off, and no mark gates anything.
    """

    own_username: str
    rules: Rules | None
    name: str = "marks"

    def gather(self, attributes: Attributes, deadline: Deadline) -> Case | None:
        """Compare the marks with those before, or at a CREATE with those that we would give."""
        del deadline  # nothing is asked of the cluster
        if self.rules is None or attributes.user.username == self.own_username:
            return None
        if attributes.operation not in {"CREATE", "UPDATE"}:
            return None
        old = attributes.decode(attributes.old_object, _decoder) or _NOTHING
        new = attributes.decode(attributes.object, _decoder) or _NOTHING
        before, after = old.metadata.label_map, new.metadata.label_map
        if attributes.operation == "CREATE":
            after = _forged(new.metadata, self.rules)
        return Case(MarksChange(_marks(before, after)), new.metadata)


def _forged(metadata: ObjectMeta, rules: Rules) -> StringMap:
    """The marks of a new Namespace that are not ours.

    The mutating webhook replaces them; it is failurePolicy Ignore, so while no
    replica answered it a Namespace could be born with marks of its author's.
    """
    ours = marks_of(metadata.name, rules)
    return {k: v for k, v in metadata.label_map.items() if ours.get(k) != v}


def _marks(
    before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[tuple[str, str | None, str | None], ...]:
    return tuple((mark, before.get(mark), after.get(mark)) for mark in MARKS)
