"""A Namespace as default deny sees it, and the marks that it carries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from webhook.model.objects import ObjectMeta

SEAL_LABEL = "portcullis.dev/seal"
PROFILE_LABEL = "portcullis.dev/profile"
SETTING_ANNOTATION = "portcullis.dev/setting"
REASON_ANNOTATION = "portcullis.dev/reason"
REPORT_ANNOTATION = "portcullis.dev/report"
RETRY_ANNOTATION = "portcullis.dev/retry"
"""Anybody's: a change of it has what was refused tried again at once."""
OVERRIDE_ANNOTATION = "portcullis.dev/override"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "portcullis"

MARKS = (SEAL_LABEL, PROFILE_LABEL)
"""The labels of a Namespace that default deny reads; the profile may be wished for."""

OWN_ANNOTATIONS = (SETTING_ANNOTATION, REASON_ANNOTATION, REPORT_ANNOTATION)
"""The annotations of a Namespace that Portcullis alone writes."""


class Seal(StrEnum):
    """The states of a Namespace, value of `SEAL_LABEL`."""

    PENDING = "pending"
    """Marked at its creation; its policies do not stand yet, its pods wait for them."""
    SEALED = "sealed"
    """Its policies stand."""
    EXEMPT = "exempt"
    """The settings leave it out, or somebody who may wished so."""


@dataclass(frozen=True, slots=True)
class Marks:
    """All that Portcullis writes on a Namespace; None where it does not stand.

    Args:
        seal: the state.
        profile: which policies it has, or is to have.
        setting: the profile of the settings when this was written. A profile that differs from
            it was wished for by somebody else.
        reason: why the state is not what it should be.
        report: what adopting it would cut off, on namespaces that are left alone.
    """

    seal: str | None = None
    profile: str | None = None
    setting: str | None = None
    reason: str | None = None
    report: str | None = None

    @property
    def labels(self) -> dict[str, str]:
        """As labels."""
        return _present({SEAL_LABEL: self.seal, PROFILE_LABEL: self.profile})

    @property
    def annotations(self) -> dict[str, str]:
        """As annotations."""
        return _present(
            {
                SETTING_ANNOTATION: self.setting,
                REASON_ANNOTATION: self.reason,
                REPORT_ANNOTATION: self.report,
            }
        )


@dataclass(frozen=True, slots=True)
class Namespace:
    """What default deny needs of a Namespace.

    Args:
        seal: the mark as it stands, None where there is none.
        created: time of creation, UTC, None where unknown (in its own CREATE).
        terminating: a deletionTimestamp is set.
        profile: as in `Marks`; so are the next two, and `report`.
        labels: all of them, which settings may select by.
        retry: whatever was written to have a refusal looked into again.
        version: its resourceVersion; marks are written on what was read, not on what came after.
    """

    name: str
    uid: str
    seal: str | None
    created: datetime | None
    terminating: bool
    profile: str | None = None
    setting: str | None = None
    reason: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    report: str | None = None
    retry: str | None = None
    version: str = field(default="", compare=False)

    @property
    def marks(self) -> Marks:
        """What Portcullis wrote on it."""
        return Marks(self.seal, self.profile, self.setting, self.reason, self.report)

    @classmethod
    def of(cls, metadata: ObjectMeta) -> "Namespace":
        """Read a Namespace from its metadata."""
        stamp = metadata.creation_timestamp
        labels, annotations = metadata.label_map, metadata.annotation_map
        return cls(
            name=metadata.name,
            uid=metadata.uid,
            seal=labels.get(SEAL_LABEL),
            created=datetime.fromisoformat(stamp) if stamp else None,
            terminating=metadata.deletion_timestamp is not None,
            profile=labels.get(PROFILE_LABEL),
            setting=annotations.get(SETTING_ANNOTATION),
            reason=annotations.get(REASON_ANNOTATION),
            labels=labels,
            report=annotations.get(REPORT_ANNOTATION),
            retry=annotations.get(RETRY_ANNOTATION),
            version=metadata.resource_version,
        )


def _present(values: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in values.items() if value is not None}
