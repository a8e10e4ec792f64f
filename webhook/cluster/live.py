"""The cluster that the API server tells of: `webhook.interfaces.Cluster`."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from webhook.cluster.client import METADATA, METADATA_LIST, Api, Query, resource_path
from webhook.cluster.decoding import decode
from webhook.cluster.pages import Page, items
from webhook.cluster.policies import PolicyWriter
from webhook.cluster.policy_watch import PolicyWatch
from webhook.cluster.release import pointer
from webhook.deadline import Deadline
from webhook.errors import (
    ConflictError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from webhook.interfaces import Event, Events
from webhook.model.namespace import Marks, Namespace
from webhook.model.objects import ConfigMap, NetworkPolicy, Node, PartialObject
from webhook.model.pods import PodObject, at_most
from webhook.model.policies import FIELD_MANAGER, StandingPolicy
from webhook.model.profiles import Manifest
from webhook.model.review import UserInfo
from webhook.model.workloads import DaemonSet
from webhook.settings import Identity

BLOCKS = (
    "/apis/crd.projectcalico.org/v1/ipamblocks",
    "/apis/projectcalico.org/v3/ipamblocks",
)
"""Where Calico keeps its address blocks: up to v3.31, and with native v3 CRDs after that."""

_RUNNING: Query = {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}

logger = logging.getLogger(__name__)


class _BlockSpec(msgspec.Struct, frozen=True):
    cidr: str = ""


class _Block(msgspec.Struct, frozen=True):
    spec: _BlockSpec = _BlockSpec()


class _ReviewStatus(msgspec.Struct, frozen=True, rename="camel"):
    allowed: bool = False
    denied: bool = False
    evaluation_error: str = ""


class _AccessReview(msgspec.Struct, frozen=True):
    status: _ReviewStatus = _ReviewStatus()


_nodes = msgspec.json.Decoder(Page[Node])
_daemon_sets = msgspec.json.Decoder(Page[DaemonSet])
_blocks = msgspec.json.Decoder(Page[_Block])
_policies = msgspec.json.Decoder(Page[NetworkPolicy])
_pods = msgspec.json.Decoder(Page[PodObject])
_objects = msgspec.json.Decoder(Page[PartialObject])
_object = msgspec.json.Decoder(PartialObject)
_config_map = msgspec.json.Decoder(ConfigMap)
_access_review = msgspec.json.Decoder(_AccessReview)


class LiveCluster:
    """Reads and writes through an API server; thread-safe.

    Args:
        api: as whom, and where.
        events: where Events go.
        identity: names our installation.
        watch: of all NetworkPolicies, where one runs.
    """

    def __init__(
        self, api: Api, events: Events, identity: Identity, watch: PolicyWatch | None = None
    ) -> None:
        self._watch = watch
        self._api = api
        self._policies = PolicyWriter(api)
        self._events = events
        self._installation = resource_path(
            "api", "v1", "namespaces", identity.namespace, "configmaps", identity.installation
        )
        self._memory_name = f"{identity.installation}-netconf"
        self._memory_namespace = identity.namespace
        self._memory = resource_path(
            "api", "v1", "namespaces", identity.namespace, "configmaps", self._memory_name
        )
        self._installed_at: datetime | None = None

    def nodes(self, deadline: Deadline) -> Iterator[Node]:
        """Every Node, a page at a time; a page is fetched when it is asked for.

        The list is consistent (``resourceVersion`` unset), not "0": a cache that lags could show a
        cluster before flannel joined it, and the answer decides whether a change is let through.
        Besides, the API server ignores ``limit`` at "0" and would send all Nodes at once
        (k8s.io/apiserver/pkg/storage/cacher: a list at "0" is served whole from the cache).

        Raises:
            ClusterError: also halfway.
        """
        return items(self._api, "/api/v1/nodes", _nodes, deadline)

    def daemon_sets(self, deadline: Deadline) -> Iterator[DaemonSet]:
        """Every DaemonSet of every namespace, a page at a time.

        Raises:
            ClusterError: also halfway.
        """
        return items(self._api, "/apis/apps/v1/daemonsets", _daemon_sets, deadline)

    def ipam_blocks(self, deadline: Deadline) -> Iterator[str]:
        """``spec.cidr`` of every IPAMBlock; none where Calico's CRDs are not installed.

        Raises:
            ClusterError: also halfway.
        """
        for path in BLOCKS:
            try:
                for block in items(self._api, path, _blocks, deadline):
                    yield block.spec.cidr
            except NotFoundError:
                continue

    def recall(self, key: str, deadline: Deadline) -> str | None:
        """A consistent read of our ConfigMap."""
        try:
            raw = self._api.get(self._memory, deadline)
        except NotFoundError:
            return None
        return (decode(_config_map, raw).data or {}).get(key)

    def remember(self, key: str, text: str, deadline: Deadline) -> None:
        """Server-side apply, each key under a field manager of its own.

        Under one manager an apply of one key would take the others away, which it had applied
        before (server-side apply removes what the manager owns and no longer names).
        """
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self._memory_name, "namespace": self._memory_namespace},
            "data": {key: text},
        }
        # Field managers have at most 128 characters.
        manager = f"{FIELD_MANAGER}-{sha256(key.encode()).hexdigest()[:32]}"
        self._api.apply(self._memory, body, deadline, manager=manager)

    def namespace(self, name: str, deadline: Deadline) -> Namespace | None:
        """The Namespace as it is now: a consistent read of its metadata."""
        path = resource_path("api", "v1", "namespaces", name)
        try:
            raw = self._api.get(path, deadline, accept=METADATA)
        except NotFoundError:
            return None
        return Namespace.of(decode(_object, raw).metadata)

    def mark(self, namespace: Namespace, marks: Marks, deadline: Deadline) -> None:
        """Apply our labels and annotations, and nothing else, to the Namespace as it was read.

        An apply is forced: unless it is bound to the version, it would write over a profile that
        somebody wished for since, or over the seal of a namespace that was adopted since.

        Raises:
            ConflictError: another Namespace of that name stands there now, or somebody changed it.
            NotFoundError: it is gone.
        """
        metadata = {
            "name": namespace.name,
            "uid": namespace.uid,
            "resourceVersion": namespace.version,
            "labels": marks.labels,
            "annotations": marks.annotations,
        }
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        path = resource_path("api", "v1", "namespaces", namespace.name)
        try:
            raw = self._api.apply(path, body, deadline, manager=FIELD_MANAGER)
            now = Namespace.of(decode(_object, raw).metadata)
            self._take_off(path, now, marks, deadline)
        except (ConflictError, RefusedError) as error:
            raise self._reason_of(error, namespace, deadline) from error

    def _take_off(self, path: str, now: Namespace, marks: Marks, deadline: Deadline) -> None:
        """Remove the annotations of ours that an apply has left.

        It takes away what its field manager owns: nothing, once somebody has cleared managedFields.
        """
        left = sorted(now.marks.annotations.keys() - marks.annotations.keys())
        if left:
            operations = [
                {"op": "replace", "path": "/metadata/resourceVersion", "value": now.version},
                *({"op": "remove", "path": pointer("annotations", key)} for key in left),
            ]
            self._api.patch(path, operations, deadline, manager=FIELD_MANAGER)

    def standing(self, namespace: str, deadline: Deadline) -> tuple[StandingPolicy, ...]:
        """Every NetworkPolicy of a namespace: a consistent list."""
        return self._policies.standing(namespace, deadline)

    def apply_policy(
        self, namespace: str, policy: Manifest, deadline: Deadline, *, restore: bool = False
    ) -> None:
        """Server-side apply; a policy that stands as it should is not written anew.

        Raises:
            RefusedError: quota, RBAC, the namespace is Terminating, or somebody else's policy
                has that name.
            NotFoundError: the namespace is gone.
        """
        self._policies.apply(namespace, policy, deadline, restore=restore, dry=False)

    def delete_policy(self, namespace: str, policy: StandingPolicy, deadline: Deadline) -> None:
        """Delete a policy, provided it is still the one that was read."""
        self._policies.delete(namespace, policy, deadline)

    def network_policies(
        self, namespace: str | None, deadline: Deadline
    ) -> Iterator[NetworkPolicy]:
        """Those of a namespace or of all, page by page; consistent, for decisions hang on it.

        Raises:
            ClusterError: also halfway.
        """
        within = () if namespace is None else ("namespaces", namespace)
        path = resource_path("apis", "networking.k8s.io", "v1", *within, "networkpolicies")
        return items(self._api, path, _policies, deadline)

    def recent_policies(self, namespace: str | None, deadline: Deadline) -> Iterator[NetworkPolicy]:
        """From the watch; before its first list, or without one, as they are now.

        Raises:
            ClusterError: as above.
        """
        found = self._watch.recent(namespace) if self._watch else None
        return self.network_policies(namespace, deadline) if found is None else found

    def namespace_labels(self, deadline: Deadline) -> Mapping[str, Mapping[str, str]]:
        """The labels of every Namespace by its name."""
        found = items(self._api, "/api/v1/namespaces", _objects, deadline, accept=METADATA_LIST)
        return {item.metadata.name: item.metadata.label_map for item in found}

    def pods_of(self, namespace: str, limit: int, deadline: Deadline) -> Sequence[PodObject]:
        """The Pods of a namespace, page by page.

        Raises:
            TooManyError: there are more than the limit.
        """
        path = resource_path("api", "v1", "namespaces", namespace, "pods")
        return at_most(limit, items(self._api, path, _pods, deadline))

    def pods(self, limit: int, deadline: Deadline) -> Sequence[PodObject]:
        """Those of all namespaces, page by page; the API server leaves out what has ended.

        Raises:
            TooManyError: there are more than the limit.
        """
        return at_most(limit, items(self._api, "/api/v1/pods", _pods, deadline, selector=_RUNNING))

    def may_override(self, user: UserInfo, check_id: str, deadline: Deadline) -> bool:
        """Ask the API server's authorizers; only a plain yes is one.

        An ``evaluationError`` beside a yes does not weaken it, and beside a no is usual: RBAC
        reports each binding whose role is missing (k8s.io/api/authorization/v1/types.go). It is
        logged, since it may be the reason of the no.
        """
        body = _access_review_of(user, check_id)
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        status = decode(_access_review, self._api.create(path, body, deadline)).status
        allowed = status.allowed and not status.denied
        if status.evaluation_error and not allowed:
            fields = {"check": check_id, "user": user.username, "error": status.evaluation_error}
            logger.info("override not granted, with an evaluation error", extra=fields)
        return allowed

    def record(self, event: Event) -> None:
        """Queue the Event; returns at once and never raises."""
        self._events.record(event)

    def installed_at(self, deadline: Deadline) -> datetime:
        """Creation of the installation's ConfigMap, UTC; asked once.

        Raises:
            NotFoundError: there is no such ConfigMap.
        """
        if self._installed_at is None:
            raw = self._api.get(self._installation, deadline, accept=METADATA)
            stamp = decode(_object, raw).metadata.creation_timestamp
            if stamp is None:
                raise UnavailableError(f"{self._installation} has no creationTimestamp")
            self._installed_at = datetime.fromisoformat(stamp)
        return self._installed_at

    def _reason_of(self, error: Exception, namespace: Namespace, deadline: Deadline) -> Exception:
        """Why a mark was refused: the Namespace is gone, is another one, or what was said.

        The API server says Conflict to a uid without an object, and Invalid or Conflict to
        another uid than the object's, according to how far the request came.
        """
        now = self.namespace(namespace.name, deadline)
        if now is None:
            return NotFoundError(f'namespaces "{namespace.name}" not found')
        if now.uid != namespace.uid:
            return ConflictError(f'namespaces "{namespace.name}" was deleted and made anew')
        return error


def _access_review_of(user: UserInfo, check_id: str) -> Mapping[str, Any]:
    """The question whether a user may override a check."""
    attributes = {
        "group": "portcullis.dev",
        "resource": "guards",
        "verb": "override",
        "name": check_id,
    }
    spec: dict[str, Any] = {"user": user.username, "resourceAttributes": attributes}
    if user.uid:
        spec["uid"] = user.uid
    if user.groups:
        spec["groups"] = user.groups
    if user.extra:
        spec["extra"] = user.extra
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": spec,
    }
