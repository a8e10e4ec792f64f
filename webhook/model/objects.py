"""The Kubernetes objects that Portcullis reads, cut down to the fields it judges.

Unknown fields are passed over: the API server has validated the object already.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeVar

import msgspec

from webhook.errors import MalformedReviewError

StringMap = dict[str, str]
Decoded = TypeVar("Decoded")


class ObjectMeta(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """``metav1.ObjectMeta``; absent and null maps read as empty through the properties."""

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: StringMap | None = None
    annotations: StringMap | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    owner_references: list[dict[str, Any]] | None = None

    @property
    def label_map(self) -> StringMap:
        """The labels, never None."""
        return self.labels or {}

    @property
    def annotation_map(self) -> StringMap:
        """The annotations, never None."""
        return self.annotations or {}


class PartialObject(msgspec.Struct, frozen=True):
    """Any object, metadata only."""

    metadata: ObjectMeta = ObjectMeta()


class ConfigMap(msgspec.Struct, frozen=True, rename="camel"):
    """A ConfigMap; binaryData stays base64 text."""

    metadata: ObjectMeta = ObjectMeta()
    data: StringMap | None = None
    binary_data: StringMap | None = None


class NetworkPolicy(msgspec.Struct, frozen=True, dict=True):
    """A ``networking.k8s.io/v1`` NetworkPolicy, its spec as it was sent (defaulted).

    The spec stays text until somebody asks for it: the API server writes equal specs alike, so the
    text tells cheaply whether a spec changed, and finds what was read of it before. Who reads it
    may keep what he read in its ``__dict__``, for those who ask in the same review.
    """

    metadata: ObjectMeta = ObjectMeta()
    text: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="spec")

    @classmethod
    def of(cls, metadata: ObjectMeta, spec: Mapping[str, Any] | None) -> Self:
        """Make one of a decoded spec."""
        return cls(metadata, msgspec.Raw(_encoder.encode(spec)))

    @property
    def spec(self) -> dict[str, Any]:
        """The spec, decoded; empty where there is none.

        Raises:
            MalformedReviewError: it is no object.
        """
        return _decoded(_specs, self.text) or {}

    @property
    def policy_types(self) -> Sequence[Any]:
        """``spec.policyTypes``, without reading the rest.

        Raises:
            MalformedReviewError: it is no list.
        """
        types = _decoded(_types, self.text)
        return (types and types.policy_types) or ()

    def says_as(self, other: "NetworkPolicy") -> bool:
        """Whether the specs are equal, in whatever order their keys are written."""
        return self.text == other.text or self.spec == other.spec


class _Types(msgspec.Struct, rename="camel"):
    policy_types: list[Any] | None = None


_encoder = msgspec.json.Encoder()
_specs = msgspec.json.Decoder(dict[str, Any] | None)
_types = msgspec.json.Decoder(_Types | None)


def _decoded(decoder: msgspec.json.Decoder[Decoded], text: bytes) -> Decoded:
    try:
        return decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedReviewError(f"request.object: spec: {error}") from error


class NodeSpec(
    msgspec.Struct, frozen=True, rename={"pod_cidr": "podCIDR", "pod_cidrs": "podCIDRs"}
):
    """The part of a Node's spec that flannel's subnet lease is cut from."""

    pod_cidr: str = ""
    pod_cidrs: list[str] | None = None


class Node(msgspec.Struct, frozen=True):
    """A Node: its annotations tell whether flannel ran, its podCIDRs which leases are out."""

    metadata: ObjectMeta = ObjectMeta()
    spec: NodeSpec = NodeSpec()
