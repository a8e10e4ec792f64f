"""The Kubernetes objects that Portcullis reads, cut down to the fields it judges.

Unknown fields are passed over: the API server has validated the object already.
"""

from typing import Any

import msgspec

StringMap = dict[str, str]


class ObjectMeta(msgspec.Struct, frozen=True, rename="camel"):
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


class NetworkPolicy(msgspec.Struct, frozen=True):
    """A ``networking.k8s.io/v1`` NetworkPolicy, its spec as it was sent (defaulted)."""

    metadata: ObjectMeta = ObjectMeta()
    spec: dict[str, Any] | None = None


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
