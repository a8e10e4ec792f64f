"""What the mutating webhook adds to an object. PURE; the only importer of ``jsonpatch``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jsonpatch

from webhook.controller.plan import Rules
from webhook.model.namespace import MARKS, OWN_ANNOTATIONS, Marks, Seal
from webhook.model.objects import ObjectMeta, StringMap
from webhook.model.profiles import NONE


def mark_namespace(metadata: ObjectMeta, rules: Rules, wish: str | None = None) -> bytes | None:
    """The RFC 6902 patch that marks a new Namespace.

    Marks that its author set are replaced: they are ours alone, but for a profile that he may
    wish. System namespaces lose such marks and get none.

    Args:
        metadata: of the Namespace in its CREATE; the name is empty under generateName.
        rules: of default deny.
        wish: the profile that its author may have in place of the setting's.

    Returns:
        The patch as JSON, None where nothing is to be changed.
    """
    marks = marks_of(metadata, rules, wish)
    labels = _without(metadata.label_map, MARKS) | marks.labels
    annotations = _without(metadata.annotation_map, OWN_ANNOTATIONS) | marks.annotations
    before = _document(metadata.labels, metadata.annotations)
    patch = jsonpatch.make_patch(before, _document(labels or None, annotations or None))
    return str(patch).encode() if patch else None


def marks_of(metadata: ObjectMeta, rules: Rules, wish: str | None = None) -> Marks:
    """The marks that a new Namespace gets."""
    if metadata.name in rules.system:
        return Marks()
    setting = rules.setting(metadata.name, metadata.label_map)
    profile = setting if wish is None else wish
    marks = Marks(Seal.PENDING, profile, setting)
    if profile != NONE:
        return marks
    return Marks(Seal.EXEMPT) if wish is None else replace(marks, seal=Seal.EXEMPT)


def _without(values: StringMap, keys: tuple[str, ...]) -> StringMap:
    return {key: value for key, value in values.items() if key not in keys}


def _document(
    labels: Mapping[str, str] | None, annotations: Mapping[str, str] | None
) -> dict[str, Any]:
    given = {"labels": labels, "annotations": annotations}
    return {"metadata": {key: value for key, value in given.items() if value is not None}}
