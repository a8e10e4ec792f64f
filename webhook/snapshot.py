"""A cluster read from manifests: for offline runs, demonstrations and linting.

Implements the same interface as the live cluster. What is written to it stays
in memory. Who may override is read from the ClusterRoles and their bindings,
as the API server's RBAC authorizer would (plugin/pkg/auth/authorizer/rbac).
"""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from webhook.deadline import Deadline
from webhook.errors import ConflictError, NotFoundError
from webhook.interfaces import Event
from webhook.model.namespace import Marks, Namespace
from webhook.model.objects import NetworkPolicy, Node, ObjectMeta
from webhook.model.pods import PodObject, at_most
from webhook.model.policies import StandingPolicy
from webhook.model.profiles import Manifest
from webhook.model.review import UserInfo
from webhook.model.workloads import DaemonSet

logger = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUPERUSERS = "system:masters"


class SnapshotCluster:
    """The cluster that a list of manifests describes.

    Args:
        objects: manifests as JSON values; kinds that nobody asks for are kept aside.
        installation: (namespace, name) of the ConfigMap whose creation is the
            time of the installation; without it every namespace is newer.

    Raises:
        msgspec.ValidationError: a manifest does not have the shape of its kind.
    """

    def __init__(self, objects: Iterable[Mapping[str, Any]], installation: tuple[str, str]) -> None:
        by_kind: dict[str, list[Mapping[str, Any]]] = {}
        for item in objects:
            by_kind.setdefault(str(item.get("kind")), []).append(item)
        self._nodes = tuple(msgspec.convert(item, Node) for item in by_kind.get("Node", ()))
        self._daemon_sets = tuple(
            msgspec.convert(item, DaemonSet) for item in by_kind.get("DaemonSet", ())
        )
        self._blocks = tuple(_block_cidr(item) for item in by_kind.get("IPAMBlock", ()))
        self._namespaces = {
            space.name: space for space in map(_namespace, by_kind.get("Namespace", ()))
        }
        self._labels = {
            item["metadata"]["name"]: item["metadata"].get("labels") or {}
            for item in by_kind.get("Namespace", ())
        }
        self._pods = tuple(msgspec.convert(item, PodObject) for item in by_kind.get("Pod", ()))
        self._policies = {_key(item): item for item in by_kind.get("NetworkPolicy", ())}
        self._network_policies = {key: _policy(key, item) for key, item in self._policies.items()}
        self._grants = tuple(
            _grants(by_kind.get("ClusterRole", ()), by_kind.get("ClusterRoleBinding", ()))
        )
        self._installed_at = _created(by_kind.get("ConfigMap", ()), installation)
        self._memory: dict[str, str] = {}
        self._lock = threading.Lock()

    def nodes(self, deadline: Deadline) -> Iterator[Node]:
        """Every Node of the snapshot."""
        del deadline
        return iter(self._nodes)

    def daemon_sets(self, deadline: Deadline) -> Iterator[DaemonSet]:
        """Every DaemonSet of the snapshot."""
        del deadline
        return iter(self._daemon_sets)

    def ipam_blocks(self, deadline: Deadline) -> Iterator[str]:
        """``spec.cidr`` of every IPAMBlock of the snapshot."""
        del deadline
        return iter(self._blocks)

    def recall(self, key: str, deadline: Deadline) -> str | None:
        """What was remembered in this run."""
        del deadline
        return self._memory.get(key)

    def remember(self, key: str, text: str, deadline: Deadline) -> None:
        """Keep it for this run."""
        del deadline
        with self._lock:
            self._memory[key] = text

    def namespace(self, name: str, deadline: Deadline) -> Namespace | None:
        """The Namespace with what was written to it since."""
        del deadline
        return self._namespaces.get(name)

    def namespaces(self, deadline: Deadline) -> Iterator[Namespace]:
        """Every Namespace of the snapshot."""
        del deadline
        return iter(self._namespaces.values())

    def mark(self, namespace: Namespace, marks: Marks, deadline: Deadline) -> None:
        """Remember the marks."""
        del deadline
        with self._lock:
            present = self._namespaces.get(namespace.name)
            if present is None:
                raise NotFoundError(f'namespaces "{namespace.name}" not found')
            if present.uid != namespace.uid or present.version != namespace.version:
                raise ConflictError(f'namespace "{namespace.name}" is another one now')
            self._namespaces[namespace.name] = replace(
                present,
                seal=marks.seal,
                profile=marks.profile,
                setting=marks.setting,
                reason=marks.reason,
                report=marks.report,
                version=str(int(present.version or 0) + 1),
            )

    def standing(self, namespace: str, deadline: Deadline) -> tuple[StandingPolicy, ...]:
        """The NetworkPolicies that stand in a namespace; what was applied here has no manager."""
        del deadline
        return tuple(msgspec.convert(item, StandingPolicy) for item in self.policies(namespace))

    def apply_policy(
        self, namespace: str, policy: Manifest, deadline: Deadline, *, restore: bool = False
    ) -> None:
        """Remember the policy."""
        del deadline, restore
        with self._lock:
            if namespace not in self._namespaces:
                raise NotFoundError(f'namespaces "{namespace}" not found')
            key = namespace, policy["metadata"]["name"]
            self._policies[key], self._network_policies[key] = policy, _policy(key, policy)

    def delete_policy(self, namespace: str, policy: StandingPolicy, deadline: Deadline) -> None:
        """Forget the policy."""
        del deadline
        with self._lock:
            self._policies.pop((namespace, policy.name), None)
            self._network_policies.pop((namespace, policy.name), None)

    def policies(self, namespace: str) -> tuple[Manifest, ...]:
        """The NetworkPolicies that stand in a namespace."""
        return tuple(p for (space, _), p in sorted(self._policies.items()) if space == namespace)

    def network_policies(
        self, namespace: str | None, deadline: Deadline
    ) -> Iterator[NetworkPolicy]:
        """The NetworkPolicies that stand in a namespace, or in all."""
        del deadline
        for (space, _), policy in sorted(self._network_policies.items()):
            if namespace in {None, space}:
                yield policy

    def recent_policies(self, namespace: str | None, deadline: Deadline) -> Iterator[NetworkPolicy]:
        """The same."""
        return self.network_policies(namespace, deadline)

    def namespace_labels(self, deadline: Deadline) -> Mapping[str, Mapping[str, str]]:
        """The labels of every Namespace of the snapshot."""
        del deadline
        return self._labels

    def pods_of(self, namespace: str, limit: int, deadline: Deadline) -> Sequence[PodObject]:
        """The Pods of a namespace of the snapshot."""
        del deadline
        return at_most(limit, (p for p in self._pods if p.metadata.namespace == namespace))

    def pods(self, limit: int, deadline: Deadline) -> Sequence[PodObject]:
        """The Pods of the snapshot."""
        del deadline
        return at_most(limit, (p for p in self._pods if not p.ended))

    def may_override(self, user: UserInfo, check_id: str, deadline: Deadline) -> bool:
        """Whether a ClusterRoleBinding grants it."""
        del deadline
        groups = set(user.groups or ())
        if _SUPERUSERS in groups:
            return True
        subjects = {("User", user.username)} | {("Group", group) for group in groups}
        return any(subjects & who and (not ids or check_id in ids) for who, ids in self._grants)

    def record(self, event: Event) -> None:
        """Log the Event: a snapshot has nowhere to keep it."""
        logger.info("event", extra={"reason": event.reason, "text": event.message})

    def installed_at(self, deadline: Deadline) -> datetime:
        """Creation of the installation's ConfigMap, or the beginning of time."""
        del deadline
        return self._installed_at


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    metadata = item.get("metadata") or {}
    return metadata.get("namespace") or "default", metadata.get("name") or ""


def _policy(key: tuple[str, str], item: Mapping[str, Any]) -> NetworkPolicy:
    """A NetworkPolicy; what was applied does not repeat the namespace of its path."""
    metadata = msgspec.convert(item.get("metadata") or {}, ObjectMeta)
    return NetworkPolicy.of(msgspec.structs.replace(metadata, namespace=key[0]), item.get("spec"))


def _block_cidr(item: Mapping[str, Any]) -> str:
    return str((item.get("spec") or {}).get("cidr") or "")


def _namespace(item: Mapping[str, Any]) -> Namespace:
    return Namespace.of(msgspec.convert(item.get("metadata") or {}, ObjectMeta))


def _created(config_maps: Iterable[Mapping[str, Any]], key: tuple[str, str]) -> datetime:
    for item in config_maps:
        stamp = item["metadata"].get("creationTimestamp")
        if _key(item) == key and stamp:
            return datetime.fromisoformat(stamp)
    return _EPOCH


def _grants(
    roles: Iterable[Mapping[str, Any]], bindings: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[set[tuple[str, str]], frozenset[str]]]:
    """Who may override what: (subjects, check ids), no ids meaning all."""
    rules = {role["metadata"]["name"]: role.get("rules") or () for role in roles}
    for binding in bindings:
        subjects = {(s["kind"], s["name"]) for s in binding.get("subjects") or ()}
        for rule in rules.get(binding["roleRef"]["name"], ()):
            if _grants_override(rule):
                yield subjects, frozenset(rule.get("resourceNames") or ())


def _grants_override(rule: Mapping[str, Any]) -> bool:
    wanted = {"apiGroups": "portcullis.dev", "resources": "guards", "verbs": "override"}
    return all({value, "*"} & set(rule.get(field) or ()) for field, value in wanted.items())
