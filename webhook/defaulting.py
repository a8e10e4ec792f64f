"""What the mutating webhook adds to an object. PURE; the only importer of ``jsonpatch``."""

from typing import Any

import jsonpatch

from webhook.controller.plan import Rules, is_exempt
from webhook.model.namespace import MARKS, PROFILE_LABEL, SEAL_LABEL, Seal
from webhook.model.objects import ObjectMeta, StringMap


def mark_namespace(metadata: ObjectMeta, rules: Rules) -> bytes | None:
    """The RFC 6902 patch that marks a new Namespace.

    Marks that its author set are replaced: they are ours alone. System
    namespaces lose such marks and get none.

    Args:
        metadata: of the Namespace in its CREATE; the name is empty under generateName.
        rules: of default deny.

    Returns:
        The patch as JSON, None where nothing is to be changed.
    """
    before = _document(metadata.labels)
    labels = {k: v for k, v in metadata.label_map.items() if k not in MARKS}
    after = _document(labels | marks_of(metadata.name, rules) or None)
    patch = jsonpatch.make_patch(before, after)
    return str(patch).encode() if patch else None


def _document(labels: StringMap | None) -> dict[str, Any]:
    return {"metadata": {} if labels is None else {"labels": labels}}


def marks_of(name: str, rules: Rules) -> StringMap:
    """The marks that a new Namespace of that name gets."""
    if name in rules.system:
        return {}
    if is_exempt(name, rules.exempt):
        return {SEAL_LABEL: Seal.EXEMPT}
    return {SEAL_LABEL: Seal.PENDING, PROFILE_LABEL: rules.profile}
