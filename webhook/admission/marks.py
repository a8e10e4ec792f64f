"""The marks guard: the labels by which a Namespace's pods are gated."""

from dataclasses import dataclass

import msgspec

from webhook.admission.guard import Case
from webhook.checks.subjects import MarksChange
from webhook.deadline import Deadline
from webhook.model.namespace import MARKS
from webhook.model.objects import PartialObject
from webhook.model.review import Attributes

_decoder = msgspec.json.Decoder(PartialObject | None)


@dataclass(frozen=True, slots=True)
class MarksGuard:
    """Gathers a `MarksChange`.

    Args:
        own_username: our own writes are not judged.
    """

    own_username: str
    name: str = "marks"

    def gather(self, attributes: Attributes, deadline: Deadline) -> Case | None:
        """Compare the marks before and after an UPDATE."""
        del deadline  # nothing is asked of the cluster
        if attributes.operation != "UPDATE" or attributes.user.username == self.own_username:
            return None
        old = attributes.decode(attributes.old_object, _decoder) or PartialObject()
        new = attributes.decode(attributes.object, _decoder) or PartialObject()
        before, after = old.metadata.label_map, new.metadata.label_map
        marks = tuple((mark, before.get(mark), after.get(mark)) for mark in MARKS)
        return Case(MarksChange(marks), new.metadata)
