"""AdmissionReview ``admission.k8s.io/v1``: decode → Attributes; response → bytes.

Source: k8s.io/api/admission/v1/types.go and the API server's checks on the
answer (k8s.io/apiserver/pkg/admission/plugin/webhook/request/admissionreview.go).

Nothing of a review can hold itself, so the garbage collector need not look at it.
"""

import base64
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec
from msgspec.structs import replace

from webhook.errors import MalformedReviewError
from webhook.model.objects import ObjectMeta, PartialObject

API_VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]
Decoded = TypeVar("Decoded")


class GroupVersionKind(msgspec.Struct, frozen=True, gc=False):
    """``metav1.GroupVersionKind``."""

    version: str
    kind: str
    group: str = ""


class GroupVersionResource(msgspec.Struct, frozen=True, gc=False):
    """``metav1.GroupVersionResource``."""

    version: str
    resource: str
    group: str = ""


class UserInfo(msgspec.Struct, frozen=True, gc=False):
    """``authentication/v1.UserInfo``: who asked the API server."""

    username: str = ""
    uid: str = ""
    groups: list[str] | None = None
    extra: dict[str, list[str]] | None = None


class _Request(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    uid: str
    kind: GroupVersionKind
    resource: GroupVersionResource
    operation: Operation
    sub_resource: str = ""
    name: str = ""
    namespace: str = ""
    user_info: UserInfo = UserInfo()
    object: msgspec.Raw = msgspec.Raw(b"null")
    old_object: msgspec.Raw = msgspec.Raw(b"null")
    dry_run: bool | None = None


class _Review(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    api_version: str
    kind: str
    request: _Request


_review_decoder = msgspec.json.Decoder(_Review)
_meta_decoder = msgspec.json.Decoder(PartialObject | None)
_encoder = msgspec.json.Encoder()


class Attributes(msgspec.Struct, frozen=True, gc=False):
    """What a request is; the one argument of every admission decision.

    ``object`` and ``old_object`` stay undecoded JSON (``null`` where absent)
    until a guard asks for the type it judges.
    """

    uid: str
    operation: Operation
    kind: GroupVersionKind
    resource: GroupVersionResource
    subresource: str
    name: str
    namespace: str
    user: UserInfo
    dry_run: bool
    object: bytes
    old_object: bytes

    def decode(self, raw: bytes, decoder: msgspec.json.Decoder[Decoded]) -> Decoded:
        """Decode ``object`` or ``old_object``.

        Raises:
            MalformedReviewError: the object does not have the shape of its kind.
        """
        try:
            return decoder.decode(raw)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise MalformedReviewError(f"request.object: {error}") from error

    def metadata(self) -> ObjectMeta:
        """The metadata of the object, or of the old one on DELETE."""
        raw = self.old_object if self.operation == "DELETE" else self.object
        decoded = self.decode(raw, _meta_decoder)
        return decoded.metadata if decoded else ObjectMeta()


def decode_review(body: bytes) -> Attributes:
    """Read an AdmissionReview.

    ``request.name`` is empty for each object of a deletecollection and under
    generateName; the name is then taken from the object.

    Raises:
        MalformedReviewError: the message names the JSON path at fault.
    """
    try:
        if not body.isascii():
            # The decoder skips what nobody reads; an object decoded later must not fail on it.
            body.decode()
        review = _review_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedReviewError(f"not an {API_VERSION} AdmissionReview: {error}") from error
    if (review.api_version, review.kind) != (API_VERSION, KIND):
        got = f"{review.api_version} {review.kind}"
        raise MalformedReviewError(f"expected {API_VERSION} {KIND}, got {got!r}")
    return _attributes(review.request)


def _attributes(request: _Request) -> Attributes:
    attributes = Attributes(
        uid=request.uid,
        operation=request.operation,
        kind=request.kind,
        resource=request.resource,
        subresource=request.sub_resource,
        name=request.name,
        namespace=request.namespace,
        user=request.user_info,
        dry_run=bool(request.dry_run),
        object=bytes(request.object),
        old_object=bytes(request.old_object),
    )
    if attributes.name or attributes.operation == "CONNECT":
        return attributes
    return replace(attributes, name=attributes.metadata().name)


class StatusCause(msgspec.Struct, frozen=True):
    """``metav1.StatusCause``: one reason of a refusal, with the field at fault."""

    reason: str
    message: str
    field: str


class AdmissionResponse(msgspec.Struct, frozen=True, gc=False):
    """The answer, as a value; `encode_review` writes it.

    Args:
        code: HTTP status of a refusal as the client sees it (403, 422, 503 …).
        reason: ``metav1.StatusReason`` of a refusal.
        warnings: already fit for the API server's limits (`webhook.model.text`).
        audit_annotations: keys without ``/``, of at most 63 characters.
        patch: RFC 6902 operations as JSON; only on a mutating answer.
    """

    allowed: bool
    code: int = 200
    reason: str = ""
    message: str = ""
    causes: tuple[StatusCause, ...] = ()
    warnings: tuple[str, ...] = ()
    audit_annotations: Mapping[str, str] = msgspec.field(default_factory=dict)
    patch: bytes | None = None


ALLOWED = AdmissionResponse(allowed=True)


def allowed(
    *,
    warnings: tuple[str, ...] = (),
    audit: Mapping[str, str] | None = None,
    patch: bytes | None = None,
) -> AdmissionResponse:
    """The change may happen."""
    return AdmissionResponse(
        allowed=True, warnings=warnings, audit_annotations=audit or {}, patch=patch
    )


def refused(
    message: str,
    *,
    code: int,
    reason: str,
    causes: tuple[StatusCause, ...] = (),
    audit: Mapping[str, str] | None = None,
) -> AdmissionResponse:
    """The change must not happen; code and reason are what the client gets."""
    return AdmissionResponse(
        allowed=False,
        code=code,
        reason=reason,
        message=message,
        causes=causes,
        audit_annotations=audit or {},
    )


def unjudged(message: str) -> AdmissionResponse:
    """The change could not be judged, and is therefore refused for now."""
    return refused(message, code=503, reason="ServiceUnavailable")


def encode_review(uid: str, response: AdmissionResponse) -> bytes:
    """Write the AdmissionReview that carries the response, uid echoed."""
    body: dict[str, Any] = {"uid": uid, "allowed": response.allowed}
    if not response.allowed:
        body["status"] = _status(response)
    if response.warnings:
        body["warnings"] = response.warnings
    if response.audit_annotations:
        body["auditAnnotations"] = response.audit_annotations
    if response.patch is not None:
        body["patchType"] = "JSONPatch"
        body["patch"] = base64.b64encode(response.patch).decode("ascii")
    return _encoder.encode({"apiVersion": API_VERSION, "kind": KIND, "response": body})


def _status(response: AdmissionResponse) -> dict[str, Any]:
    status: dict[str, Any] = {
        "status": "Failure",
        "code": response.code,
        "reason": response.reason,
        "message": response.message,
    }
    if response.causes:
        status["details"] = {"causes": response.causes}
    return status
