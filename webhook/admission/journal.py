"""What is kept of a decision beside its answer: one line in the log, one count, perhaps an Event.

A log line tells who asked for what on which object and what came of it. It never holds what an
object contains, nor the text of a refusal, which may quote it: check ids say as much to who may
read the object, and nothing to who may not. What strangers wrote is cut.
"""

import logging
from collections.abc import Sequence

import msgspec

from webhook.errors import PortcullisError
from webhook.interfaces import Event, ObjectReference
from webhook.model.objects import ObjectMeta
from webhook.model.review import AdmissionResponse, Attributes
from webhook.model.text import one_line

NAME_LIMIT = 253
"""Longest name of an object (RFC 1123 subdomain); of a user more is not told either."""
ERROR_LIMIT = 512

logger = logging.getLogger(__name__)


class Judged(msgspec.Struct, frozen=True):
    """A decision.

    Args:
        response: the answer.
        checks: ids of the checks that found something.
        reason: of an override that was asked for, on one line.
        error: why it could not be judged; one that is not ours is a bug.
    """

    response: AdmissionResponse
    checks: Sequence[str] = ()
    reason: str = ""
    error: Exception | None = None

    @property
    def verdict(self) -> str:
        """The metric's label."""
        if self.response.allowed:
            return "allowed"
        return "unjudged" if self.response.code in {400, 503} else "refused"


def write(guard: str, attributes: Attributes, judged: Judged, seconds: float) -> None:
    """Log a decision, once.

    What is allowed without a finding, nearly everything, is told at debug level alone: the API
    server's audit log has it, and a line for each would be most of what a busy cluster logs.
    """
    level, message = _headline(judged)
    if not logger.isEnabledFor(level):
        return
    fields = {
        "uid": one_line(attributes.uid, NAME_LIMIT),
        "guard": guard,
        "verdict": judged.verdict,
        "checks": sorted(set(judged.checks)),
        "operation": attributes.operation,
        "resource": one_line(f"{attributes.resource.group}/{attributes.resource.resource}"),
        "namespace": one_line(attributes.namespace, NAME_LIMIT),
        "object": one_line(attributes.name, NAME_LIMIT),
        "user": one_line(attributes.user.username, NAME_LIMIT),
        "dry_run": attributes.dry_run,
        "milliseconds": round(seconds * 1000, 3),
    }
    if judged.reason:
        fields["reason"] = judged.reason
    if judged.verdict == "unjudged":
        fields["error"] = one_line(str(judged.error or judged.response.message), ERROR_LIMIT)
    bug = judged.error is not None and not isinstance(judged.error, PortcullisError)
    logger.log(level, message, extra=fields, exc_info=judged.error if bug else None)


def event(attributes: Attributes, metadata: ObjectMeta, judged: Judged) -> Event:
    """The Event of an override, or of a refusal; like the log, without what the object holds."""
    ids, user = ", ".join(sorted(set(judged.checks))), one_line(attributes.user.username)
    if judged.response.allowed:
        message = f"{user}: {judged.response.audit_annotations['override']}"
        return Event(_about(attributes, metadata), "Warning", "GuardOverridden", message)
    message = f"{user}: {attributes.operation} refused by {ids}"
    return Event(_about(attributes, metadata), "Warning", "ChangeRefused", message)


def _headline(judged: Judged) -> tuple[int, str]:
    if judged.verdict == "unjudged":
        return logging.WARNING, "review not judged"
    if judged.verdict == "refused":
        return logging.INFO, "change refused"
    if judged.checks:
        return logging.INFO, "override used"
    return logging.DEBUG, "change allowed"


def _about(attributes: Attributes, metadata: ObjectMeta) -> ObjectReference:
    kind = attributes.kind
    return ObjectReference(
        api_version=f"{kind.group}/{kind.version}" if kind.group else kind.version,
        kind=kind.kind,
        namespace="" if kind.kind == "Namespace" else attributes.namespace,
        name=attributes.name or metadata.name,  # under generateName the request has none
        uid=metadata.uid,
    )
