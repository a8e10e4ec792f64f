"""A cluster in memory: `webhook.interfaces.Cluster` for tests of admission and controller.

It keeps the API server's manners that decisions depend on: a namespace that is gone is
NotFoundError, a Terminating one refuses policies, a mark is bound to the version that was read,
and a deadline that is over raises DeadlineError. Set it up by assigning; read what happened from
the same fields::

    cluster = FakeCluster()
    cluster.add_namespace("shop", seal="pending")
    cluster.overriders.add(("jane", "netconf-directrouting-live"))
    cluster.fail("apply_policy", UnavailableError("etcd is away"), times=1)
    ...
    assert {"portcullis-deny-all", "portcullis-allow-dns"} == cluster.policy_names("shop")
    assert [("shop", Seal.SEALED)] == cluster.marked
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import msgspec

from webhook.deadline import Deadline
from webhook.errors import (
    ClusterError,
    ConflictError,
    DeadlineError,
    NotFoundError,
    RefusedError,
)
from webhook.interfaces import Event
from webhook.model.namespace import Marks, Namespace
from webhook.model.objects import NetworkPolicy, Node, ObjectMeta
from webhook.model.pods import PodObject, at_most
from webhook.model.policies import FIELD_MANAGER, StandingPolicy
from webhook.model.profiles import Manifest
from webhook.model.review import UserInfo
from webhook.model.workloads import DaemonSet

INSTALLED_AT = datetime(2026, 1, 1, tzinfo=UTC)
BORN_AFTER = datetime(2026, 2, 1, tzinfo=UTC)
"""Creation of a namespace unless told otherwise: after the installation."""


class FakeCluster:
    """All of `webhook.interfaces.Cluster`; thread-safe.

    Attributes:
        node_list: what `nodes` yields.
        daemon_set_list: what `daemon_sets` yields.
        block_cidrs: what `ipam_blocks` yields.
        memory: what was remembered.
        namespaces: by name; `add_namespace` makes one.
        policies: applied manifests by (namespace, name).
        labels: further labels of Namespaces, by name.
        pod_list: what `pods` and `pods_of` choose from.
        marked: each mark that was written, as (namespace, seal).
        profiles: the profile last marked on each namespace.
        overriders: who may override what, as (user name or group, check id).
        events: what was recorded.
        calls: how often each method was called.
    """

    def __init__(self) -> None:
        self.node_list: list[Node] = []
        self.daemon_set_list: list[DaemonSet] = []
        self.block_cidrs: list[str] = []
        self.memory: dict[str, str] = {}
        self.namespaces: dict[str, Namespace] = {}
        self.policies: dict[tuple[str, str], Manifest] = {}
        self.labels: dict[str, dict[str, str]] = {}
        self.pod_list: list[PodObject] = []
        self.marked: list[tuple[str, str | None]] = []
        self.profiles: dict[str, str | None] = {}
        self.overriders: set[tuple[str, str]] = set()
        self.events: list[Event] = []
        self.installed: datetime = INSTALLED_AT
        self.calls: Counter[str] = Counter()
        self._failures: dict[str, tuple[ClusterError, int]] = {}
        self._hooks: dict[str, Callable[[], None]] = {}
        self._versions = count(1)
        self._lock = threading.RLock()

    def add_namespace(
        self,
        name: str,
        *,
        seal: str | None = None,
        uid: str | None = None,
        created: datetime | None = BORN_AFTER,
        terminating: bool = False,
        profile: str | None = None,
        setting: str | None = None,
    ) -> Namespace:
        """Put a Namespace there (a new uid takes the place of an old one) and return it."""
        namespace = Namespace(
            name, uid or f"uid-{name}", seal, created, terminating, profile, setting
        )
        namespace = replace(namespace, version=self._version())
        with self._lock:
            self.namespaces[name] = namespace
        return namespace

    def fail(self, method: str, error: ClusterError, times: int = -1) -> None:
        """Let the next `times` calls of a method raise; for ever by default, 0 heals."""
        with self._lock:
            self._failures[method] = (error, times)

    def before(self, method: str, hook: Callable[[], None]) -> None:
        """Run `hook` at the start of each call of a method: to wait, or to race with it."""
        self._hooks[method] = hook

    def policy_names(self, namespace: str) -> set[str]:
        """Names of the policies that stand in a namespace."""
        with self._lock:
            return {name for where, name in self.policies if where == namespace}

    def nodes(self, deadline: Deadline) -> Iterator[Node]:
        self._enter("nodes", deadline)
        yield from list(self.node_list)

    def daemon_sets(self, deadline: Deadline) -> Iterator[DaemonSet]:
        self._enter("daemon_sets", deadline)
        yield from list(self.daemon_set_list)

    def ipam_blocks(self, deadline: Deadline) -> Iterator[str]:
        self._enter("ipam_blocks", deadline)
        yield from list(self.block_cidrs)

    def recall(self, key: str, deadline: Deadline) -> str | None:
        self._enter("recall", deadline)
        return self.memory.get(key)

    def remember(self, key: str, text: str, deadline: Deadline) -> None:
        self._enter("remember", deadline)
        with self._lock:
            self.memory[key] = text

    def namespace(self, name: str, deadline: Deadline) -> Namespace | None:
        self._enter("namespace", deadline)
        return self.namespaces.get(name)

    def mark(self, namespace: Namespace, marks: Marks, deadline: Deadline) -> None:
        self._enter("mark", deadline)
        with self._lock:
            now = self._existing(namespace.name)
            if (now.uid, now.version) != (namespace.uid, namespace.version):
                raise ConflictError(f'namespaces "{namespace.name}" is another one now')
            self.namespaces[namespace.name] = replace(
                now,
                seal=marks.seal,
                profile=marks.profile,
                setting=marks.setting,
                reason=marks.reason,
                report=marks.report,
                version=self._version(),
            )
            self.profiles[namespace.name] = marks.profile
            self.marked.append((namespace.name, marks.seal))

    def standing(self, namespace: str, deadline: Deadline) -> tuple[StandingPolicy, ...]:
        self._enter("standing", deadline)
        with self._lock:
            found = [it for (where, _), it in sorted(self.policies.items()) if where == namespace]
        return tuple(msgspec.convert(item, StandingPolicy) for item in found)

    def delete_policy(self, namespace: str, policy: StandingPolicy, deadline: Deadline) -> None:
        self._enter("delete_policy", deadline)
        with self._lock:
            self.policies.pop((namespace, policy.name), None)

    def apply_policy(
        self, namespace: str, policy: Manifest, deadline: Deadline, *, restore: bool = False
    ) -> None:
        self._enter("apply_policy", deadline)
        with self._lock:
            if self._existing(namespace).terminating:
                raise RefusedError(
                    f"namespace {namespace} is forbidden because it is being terminated"
                )
            key = namespace, policy["metadata"]["name"]
            standing = self.policies.get(key)
            if standing is not None and not restore and standing["spec"] != policy["spec"]:
                raise RefusedError(f'a NetworkPolicy named "{key[1]}" is not ours')
            managers = [{"manager": FIELD_MANAGER}]
            metadata = {**policy["metadata"], "managedFields": managers}
            self.policies[key] = {**policy, "metadata": metadata}

    def network_policies(
        self, namespace: str | None, deadline: Deadline
    ) -> Iterator[NetworkPolicy]:
        self._enter("network_policies", deadline)
        for (where, name), item in sorted(self.policies.items()):
            if namespace in {None, where}:
                metadata = {**item["metadata"], "namespace": where, "name": name}
                yield NetworkPolicy.of(msgspec.convert(metadata, ObjectMeta), item["spec"])

    def recent_policies(self, namespace: str | None, deadline: Deadline) -> Iterator[NetworkPolicy]:
        return self.network_policies(namespace, deadline)

    def namespace_labels(self, deadline: Deadline) -> Mapping[str, Mapping[str, str]]:
        self._enter("namespace_labels", deadline)
        return {name: self.labels.get(name, {}) for name in {*self.namespaces, *self.labels}}

    def pods_of(self, namespace: str, limit: int, deadline: Deadline) -> Sequence[PodObject]:
        self._enter("pods_of", deadline)
        return at_most(limit, (p for p in self.pod_list if p.metadata.namespace == namespace))

    def pods(self, limit: int, deadline: Deadline) -> Sequence[PodObject]:
        self._enter("pods", deadline)
        return at_most(limit, (p for p in self.pod_list if not p.ended))

    def may_override(self, user: UserInfo, check_id: str, deadline: Deadline) -> bool:
        self._enter("may_override", deadline)
        names = {user.username, *(user.groups or ())}
        return any((name, check_id) in self.overriders for name in names)

    def record(self, event: Event) -> None:
        with self._lock:
            self.calls["record"] += 1
            self.events.append(event)

    def installed_at(self, deadline: Deadline) -> datetime:
        self._enter("installed_at", deadline)
        return self.installed

    def _version(self) -> str:
        return str(next(self._versions))

    def _existing(self, name: str) -> Namespace:
        namespace = self.namespaces.get(name)
        if namespace is None:
            raise NotFoundError(f'namespaces "{name}" not found')
        return namespace

    def _enter(self, method: str, deadline: Deadline) -> None:
        with self._lock:
            self.calls[method] += 1
        if hook := self._hooks.get(method):
            hook()
        if not deadline.remaining():
            raise DeadlineError("the API server gave no answer in the time that was left")
        with self._lock:
            error, left = self._failures.get(method, (None, 0))
            if error is None or left == 0:
                return
            self._failures[method] = (error, left - 1)
            raise error
