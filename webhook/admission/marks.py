"""The marks guard: the labels by which a Namespace's pods are gated, and its profile."""

from dataclasses import dataclass

import msgspec

from webhook.admission.guard import Case
from webhook.admission.wishes import Wishes
from webhook.checks.subjects import MarksChange, ProfileWish
from webhook.deadline import Deadline
from webhook.defaulting import marks_of
from webhook.model.namespace import OWN_ANNOTATIONS, SEAL_LABEL
from webhook.model.objects import ObjectMeta, PartialObject, StringMap
from webhook.model.review import Attributes

_decoder = msgspec.json.Decoder(PartialObject | None)
_NOTHING = PartialObject()


@dataclass(frozen=True, slots=True)
class MarksGuard:
    """Gathers a `MarksChange` and, where a profile is chosen, a `ProfileWish`.

    Args:
        own_username: our own writes are not judged.
        wishes: judges profiles; None where default deny is off, and no mark gates anything.
    """

    own_username: str
    wishes: Wishes | None
    name: str = "marks"

    def gather(self, attributes: Attributes, deadline: Deadline) -> Case | None:
        """Compare the marks with those before, or at a CREATE with those that we would give."""
        if self.wishes is None or attributes.user.username == self.own_username:
            return None
        new = (attributes.decode(attributes.object, _decoder) or _NOTHING).metadata
        if attributes.operation == "CREATE":
            wish = self.wishes.of_new(new, attributes.user, deadline)
            return _case(_forged(new, self.wishes, wish), new, wish)
        if attributes.operation != "UPDATE":
            return None
        old = (attributes.decode(attributes.old_object, _decoder) or _NOTHING).metadata
        wish = self.wishes.of_change(old, new, attributes.user, deadline)
        return _case(_changed(old, new), new, wish)


def _case(change: MarksChange, metadata: ObjectMeta, wish: ProfileWish | None) -> Case:
    return Case(change, metadata, beside=() if wish is None else (wish,))


def _changed(old: ObjectMeta, new: ObjectMeta) -> MarksChange:
    return MarksChange(
        _pairs((SEAL_LABEL,), old.label_map, new.label_map),
        _pairs(OWN_ANNOTATIONS, old.annotation_map, new.annotation_map),
    )


def _forged(new: ObjectMeta, wishes: Wishes, wish: ProfileWish | None) -> MarksChange:
    """The marks of a new Namespace that are not ours.

    The mutating webhook replaces them; it is failurePolicy Ignore, so while no
    replica answered it a Namespace could be born with marks of its author's.
    """
    ours = marks_of(new, wishes.rules, wish.profile if wish else None)
    labels = _others(new.label_map, ours.labels)
    annotations = _others(new.annotation_map, ours.annotations)
    return MarksChange(_pairs((SEAL_LABEL,), {}, labels), _pairs(OWN_ANNOTATIONS, {}, annotations))


def _others(values: StringMap, ours: StringMap) -> StringMap:
    return {key: value for key, value in values.items() if ours.get(key) != value}


def _pairs(
    keys: tuple[str, ...], before: StringMap, after: StringMap
) -> tuple[tuple[str, str | None, str | None], ...]:
    return tuple((key, before.get(key), after.get(key)) for key in keys)
