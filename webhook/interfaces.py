"""What the decisions need of a cluster, declared by those who need it.

The live cluster (`webhook.cluster`) and the offline one (`webhook.snapshot`)
both implement `Cluster`; tests bring their own. Every call may raise
`webhook.errors.ClusterError`, takes the deadline of the request that it serves,
and returns frozen values.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from webhook.deadline import Deadline
from webhook.model.namespace import Marks, Namespace
from webhook.model.objects import NetworkPolicy, Node
from webhook.model.pods import PodObject
from webhook.model.policies import StandingPolicy
from webhook.model.profiles import Manifest
from webhook.model.review import UserInfo
from webhook.model.workloads import DaemonSet


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """The object that an Event is about; namespace empty for cluster-scoped ones."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """A ``v1`` Event to record."""

    about: ObjectReference
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


class Nodes(Protocol):
    """Reads Nodes; a review of flannel's configuration asks, nothing watches."""

    def nodes(self, deadline: Deadline) -> Iterator[Node]:
        """Every Node, page by page, so that a caller may stop early."""


class DaemonSets(Protocol):
    """Reads DaemonSets: they tell which network plugin the cluster runs."""

    def daemon_sets(self, deadline: Deadline) -> Iterator[DaemonSet]:
        """Every DaemonSet of every namespace, page by page."""


class Blocks(Protocol):
    """Reads the address blocks that Calico's IPAM has handed out."""

    def ipam_blocks(self, deadline: Deadline) -> Iterator[str]:
        """``spec.cidr`` of every IPAMBlock, page by page; none where the CRD is not installed."""


class Memory(Protocol):
    """Keeps texts beyond a restart of ours: a ConfigMap of our own namespace."""

    def recall(self, key: str, deadline: Deadline) -> str | None:
        """The text last kept under a key, None where there is none."""

    def remember(self, key: str, text: str, deadline: Deadline) -> None:
        """Keep a text in place of the one before; idempotent."""


class Namespaces(Protocol):
    """Reads and marks Namespaces."""

    def namespace(self, name: str, deadline: Deadline) -> Namespace | None:
        """The Namespace as the API server has it now, None where there is none."""

    def mark(self, namespace: Namespace, marks: Marks, deadline: Deadline) -> None:
        """Write our marks on a Namespace, provided it is still as it was read.

        Marks that are None are taken away as far as they are ours.

        Raises:
            ConflictError: another Namespace of that name stands there now, or somebody changed it.
            NotFoundError: it is gone.
        """


class Policies(Protocol):
    """Reads and writes the NetworkPolicies that we own."""

    def standing(self, namespace: str, deadline: Deadline) -> tuple[StandingPolicy, ...]:
        """Every NetworkPolicy of a namespace, whoever owns it, as it is now."""

    def apply_policy(
        self, namespace: str, policy: Manifest, deadline: Deadline, *, restore: bool = False
    ) -> None:
        """Server-side apply under our field manager; idempotent.

        Args:
            namespace: where.
            policy: as it is to be.
            deadline: of the request that is served.
            restore: it stands there, and is ours: its spec is made what it should be, whatever
                others wrote into it. What they wrote beside the spec stays.

        Raises:
            RefusedError: quota, RBAC, the namespace is Terminating, or somebody else's policy
                has that name.
            NotFoundError: the namespace is gone.
        """

    def delete_policy(self, namespace: str, policy: StandingPolicy, deadline: Deadline) -> None:
        """Delete a policy of ours, provided it is still the one that was read.

        Raises:
            ConflictError: it was changed meanwhile.
        """


class PolicyLister(Protocol):
    """Reads NetworkPolicies, whoever owns them."""

    def network_policies(
        self, namespace: str | None, deadline: Deadline
    ) -> Iterator[NetworkPolicy]:
        """Those of a namespace, of all namespaces where it is None; as they are now."""


class Advisory(Protocol):
    """Reads what a change of a NetworkPolicy is told by: advice, so nothing waits for it."""

    def recent_policies(self, namespace: str | None, deadline: Deadline) -> Iterator[NetworkPolicy]:
        """NetworkPolicies of a namespace or of all, as a watch told them last."""

    def namespace_labels(self, deadline: Deadline) -> Mapping[str, Mapping[str, str]]:
        """The labels of every Namespace by its name."""

    def pods_of(self, namespace: str, limit: int, deadline: Deadline) -> Sequence[PodObject]:
        """The Pods of a namespace.

        Raises:
            TooManyError: there are more than the limit.
        """

    def pods(self, limit: int, deadline: Deadline) -> Sequence[PodObject]:
        """The Pods of all namespaces that have not ended.

        Raises:
            TooManyError: there are more than the limit.
        """


class Authorizer(Protocol):
    """Asks who may override."""

    def may_override(self, user: UserInfo, check_id: str, deadline: Deadline) -> bool:
        """SubjectAccessReview: verb ``override`` on ``guards.portcullis.dev``, name the check."""


class Events(Protocol):
    """Records Events."""

    def record(self, event: Event) -> None:
        """Queue the Event; returns at once and never raises."""


class Installation(Protocol):
    """Knows when Portcullis was installed."""

    def installed_at(self, deadline: Deadline) -> datetime:
        """Creation of the installation's ConfigMap, UTC."""


class Cluster(
    Nodes,
    DaemonSets,
    Blocks,
    Memory,
    Namespaces,
    Policies,
    PolicyLister,
    Advisory,
    Authorizer,
    Events,
    Installation,
    Protocol,
):
    """All of it: what `webhook.bootstrap` is given."""
