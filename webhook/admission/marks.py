"""The Namespace guard: marks by which pods are gated, the profile, labels that others trust."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import msgspec

from webhook.admission.guard import Advice, Case, Permitted
from webhook.admission.label_advice import LabelAdviser
from webhook.admission.wishes import Wishes
from webhook.checks.namespace_profile_weaker import namespace_profile_weaker, told
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
        adviser: tells whom new labels let in; None where nobody wants to know.
    """

    own_username: str
    wishes: Wishes | None
    adviser: LabelAdviser | None = None
    name: str = "marks"

    def gather(self, attributes: Attributes, deadline: Deadline) -> Case | None:
        """Compare the marks with those before, or at a CREATE with those that we would give."""
        if self.wishes is None or attributes.user.username == self.own_username:
            return None
        new = (attributes.decode(attributes.object, _decoder) or _NOTHING).metadata
        if attributes.operation == "CREATE":
            wish = self.wishes.of_new(new, attributes.user, deadline)
            advise = self._advice(attributes, {}, new.label_map, deadline)
            return _case(_forged(new, self.wishes, wish), new, wish, advise)
        if attributes.operation != "UPDATE":
            return None
        old = (attributes.decode(attributes.old_object, _decoder) or _NOTHING).metadata
        wish = self.wishes.of_change(old, new, attributes.user, deadline)
        advise = self._advice(attributes, old.label_map, new.label_map, deadline)
        return _case(_changed(old, new), new, wish, advise)

    def _advice(
        self, attributes: Attributes, old: StringMap, new: StringMap, deadline: Deadline
    ) -> Callable[[], Advice] | None:
        if self.adviser is None or old == new or attributes.subresource:
            return None
        return partial(self.adviser.advise, attributes.name, old, new, deadline)


def _case(
    change: MarksChange,
    metadata: ObjectMeta,
    wish: ProfileWish | None,
    advise: Callable[[], Advice] | None,
) -> Case:
    if wish is None:
        return Case(change, metadata, advise=advise)
    permitted: tuple[Permitted, ...] = ()
    if wish.permitted and wish.eases:  # who tightens a namespace step by step alarms nobody
        permitted = (Permitted(namespace_profile_weaker.id, told(wish, metadata.name)),)
    return Case(change, metadata, beside=(wish,), permitted=permitted, advise=advise)


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
