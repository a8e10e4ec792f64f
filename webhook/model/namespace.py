"""A Namespace as default deny sees it, and the marks that it carries."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from webhook.model.objects import ObjectMeta

SEAL_LABEL = "portcullis.dev/seal"
PROFILE_LABEL = "portcullis.dev/profile"
OVERRIDE_ANNOTATION = "portcullis.dev/override"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "portcullis"

MARKS = (SEAL_LABEL, PROFILE_LABEL)
"""The labels of a Namespace that Portcullis alone writes."""


class Seal(StrEnum):
    """The states of a Namespace, value of `SEAL_LABEL`."""

    PENDING = "pending"
    """Marked at its creation; its policies do not stand yet, its pods wait for them."""
    SEALED = "sealed"
    """Its policies stand."""
    EXEMPT = "exempt"
    """The settings leave it out."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """What default deny needs of a Namespace.

    Args:
        seal: the mark as it stands, None where there is none.
        created: time of creation, UTC, None where unknown (in its own CREATE).
        terminating: a deletionTimestamp is set.
    """

    name: str
    uid: str
    seal: str | None
    created: datetime | None
    terminating: bool

    @classmethod
    def of(cls, metadata: ObjectMeta) -> "Namespace":
        """Read a Namespace from its metadata."""
        stamp = metadata.creation_timestamp
        return cls(
            name=metadata.name,
            uid=metadata.uid,
            seal=metadata.label_map.get(SEAL_LABEL),
            created=datetime.fromisoformat(stamp) if stamp else None,
            terminating=metadata.deletion_timestamp is not None,
        )
