"""Whether policyTypes was written by the author or filled in once, and left over since.

The API server defaults policyTypes where it is empty, at creation. A later apply that
leaves it out does not touch it (three-way merge; server-side apply owns it no more than
before), so that it stays what the first rules made it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import msgspec

from webhook.lint.cluster import Stored
from webhook.lint.dig import dig, entries
from webhook.netpol.errors import FieldError
from webhook.netpol.model import Direction
from webhook.netpol.parse_text import parse_spec

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class _Applied(msgspec.Struct):
    """A manifest whose spec is still text."""

    spec: msgspec.Raw = msgspec.Raw(b"null")


_specs = msgspec.json.Decoder(_Applied)


class Authorship(Enum):
    """Who wrote policyTypes."""

    UNKNOWN = auto()
    EXPLICIT = auto()
    OMITTED = auto()


@dataclass(frozen=True, slots=True)
class Sticky:
    """policyTypes is left over.

    Args:
        lacks_egress: there are egress rules and Egress is missing; else the reverse.
        proven: the author's manifest is known to leave policyTypes out.
    """

    lacks_egress: bool
    proven: bool


def sticky(stored: Stored, old: Stored | None) -> Sticky | None:
    """Tell whether a policy's types are left over from former rules.

    Args:
        stored: the policy as stored, or as it is about to be.
        old: its former version, if known.
    """
    policy = stored.policy
    names_egress = Direction.EGRESS in policy.types
    if Direction.INGRESS not in policy.types or bool(policy.egress) is names_egress:
        return None
    authorship = authorship_of(stored.value)
    turned = (
        old is not None
        and old.policy.types == policy.types
        and bool(old.policy.egress) is not bool(policy.egress)
    )
    if authorship is Authorship.EXPLICIT or (authorship is Authorship.UNKNOWN and not turned):
        return None
    return Sticky(not names_egress, proven=authorship is Authorship.OMITTED)


def authorship_of(value: Mapping[str, Any]) -> Authorship:
    """Read who wrote policyTypes from an object's metadata."""
    applied = _last_applied(value)
    if isinstance(dig(applied, "spec"), Mapping):
        written = dig(applied, "spec", "policyTypes")
        return Authorship.EXPLICIT if written else Authorship.OMITTED
    return _owners(entries(value, "metadata", "managedFields"))


def as_written(stored: Stored) -> Stored | None:
    """The policy as its author last applied it, before defaults.

    None where `kubectl apply` was not used, or something else was changed since.
    """
    text, standing = _applied_text(stored.value), stored.policy
    if text is None:
        return None
    try:
        spec = _specs.decode(text).spec
        policy = parse_spec(standing.namespace, standing.name, bytes(spec))
    except (FieldError, msgspec.MsgspecError, RecursionError, ValueError):
        return None
    ours = policy.pods, policy.ingress, policy.egress
    if ours != (standing.pods, standing.ingress, standing.egress):
        return None
    applied = _last_applied(stored.value)
    return Stored(policy, applied, stored.index) if dig(applied, "spec") is not None else None


def says(stored: Stored, word: str) -> bool:
    """Whether a word stands in the JSON text that its author last applied."""
    text = _applied_text(stored.value)
    return text is not None and word in text


def _applied_text(value: Mapping[str, Any]) -> str | None:
    text = dig(value, "metadata", "annotations", LAST_APPLIED)
    return text if isinstance(text, str) else None


def _last_applied(value: Mapping[str, Any]) -> Any:
    text = _applied_text(value)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _owners(managed: list[Any]) -> Authorship:
    """Judge managedFields: defaults have no owner under server-side apply.

    A manager that updates in place of applying owns defaults too, which tells nothing.
    """
    owning = [each for each in managed if isinstance(dig(each, "fieldsV1", "f:spec"), Mapping)]
    naming = [each for each in owning if "f:policyTypes" in dig(each, "fieldsV1", "f:spec")]
    if any(dig(each, "operation") == "Apply" for each in naming):
        return Authorship.EXPLICIT
    return Authorship.OMITTED if owning and not naming else Authorship.UNKNOWN
