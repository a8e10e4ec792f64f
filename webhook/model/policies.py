"""The NetworkPolicies that stand in a namespace, beside those that should. PURE."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from webhook.model.namespace import MANAGED_BY, MANAGED_BY_LABEL, PROFILE_LABEL
from webhook.model.objects import ObjectMeta
from webhook.model.profiles import POLICY_PREFIX, Manifest

FIELD_MANAGER = "portcullis"
"""Owner of the fields that we apply to Namespaces and NetworkPolicies."""

TAKE_OVER_ANNOTATION = "portcullis.dev/take-over"
"""On a policy that bears a name of ours: whoever may edit it gives it to us."""

_encoder = msgspec.json.Encoder(order="sorted")


class ManagedFields(msgspec.Struct, frozen=True):
    """An entry of ``managedFields``, without the fields."""

    manager: str = ""


class ManagedMeta(ObjectMeta, frozen=True, rename="camel"):
    """Metadata with the managers of an object."""

    managed_fields: list[ManagedFields] | None = None


class StandingPolicy(msgspec.Struct, frozen=True):
    """A NetworkPolicy as the API server has it."""

    metadata: ManagedMeta = ManagedMeta()
    spec: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return self.metadata.name

    @property
    def labelled(self) -> bool:
        """Whether it carries our label."""
        return self.metadata.label_map.get(MANAGED_BY_LABEL) == MANAGED_BY

    @property
    def managed(self) -> bool:
        """Whether we have written it, or a part of it."""
        return any(it.manager == FIELD_MANAGER for it in self.metadata.managed_fields or ())

    @property
    def ours(self) -> bool:
        """Whether it is certainly ours, so that it may be deleted: label, name and manager."""
        return self.labelled and self.managed and self.name.startswith(POLICY_PREFIX)

    @property
    def was_ours(self) -> bool:
        """Whether it is ours, or was until somebody took a sign of it away, or was given to us.

        Who strips our label, or replaces the whole object, does not make it his.
        """
        given = TAKE_OVER_ANNOTATION in self.metadata.annotation_map
        return self.name.startswith(POLICY_PREFIX) and (self.labelled or self.managed or given)

    @property
    def digest(self) -> bytes:
        """Of what must not change: spec, our labels, that we manage it, and that nobody owns it.

        A policy without our field manager would be nobody's to delete when its profile changes,
        and the garbage collector deletes what has an owner.
        """
        sound = self.managed and not self.metadata.owner_references
        return _digest(self.metadata.label_map, self.spec, sound=sound)


@dataclass(frozen=True, slots=True)
class Changes:
    """What to write so that a namespace has the policies that it should have.

    Args:
        missing: to create.
        edited: to put back as they were.
        orphans: to delete: ours, and of no use any more.
        foreign: names of ours that policies of others bear.
    """

    missing: tuple[Manifest, ...] = ()
    edited: tuple[Manifest, ...] = ()
    orphans: tuple[StandingPolicy, ...] = ()
    foreign: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.edited or self.orphans or self.foreign)


def digest_of(manifest: Manifest) -> bytes:
    """The digest that a policy has as long as nobody edits it."""
    return _digest(manifest["metadata"].get("labels") or {}, manifest["spec"], sound=True)


def compare(wanted: Iterable[Manifest], standing: Iterable[StandingPolicy]) -> Changes:
    """Tell what is missing, edited, left over, and in the way."""
    found = {policy.name: policy for policy in standing}
    manifests = {manifest["metadata"]["name"]: manifest for manifest in wanted}
    differing = [
        name
        for name, manifest in manifests.items()
        if name in found and found[name].digest != digest_of(manifest)
    ]
    return Changes(
        missing=tuple(it for name, it in manifests.items() if name not in found),
        edited=tuple(manifests[name] for name in differing if found[name].was_ours),
        orphans=tuple(it for name, it in found.items() if it.ours and name not in manifests),
        foreign=tuple(name for name in differing if not found[name].was_ours),
    )


def _digest(labels: dict[str, str], spec: Any, *, sound: bool) -> bytes:
    ours = {key: labels.get(key) for key in (MANAGED_BY_LABEL, PROFILE_LABEL)}
    return blake2b(_encoder.encode([ours, spec, sound]), digest_size=12).digest()
