"""Kubernetes objects, as decoded JSON, to a `World`."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from webhook.netpol.errors import FieldError, InvalidObjectError
from webhook.netpol.fields import Field, quoted
from webhook.netpol.labels import Labels
from webhook.netpol.model import Pod, Policy, Service
from webhook.netpol.parse_network import definition_of, parse_plugin
from webhook.netpol.parse_pod import Workload, parse_workload
from webhook.netpol.parse_policy import parse_policy
from webhook.netpol.parse_selector import is_subdomain, parse_labels
from webhook.netpol.parse_service import parse_service
from webhook.netpol.world import World

_GROUPS = {
    "Namespace": "",
    "Pod": "",
    "Service": "",
    "ReplicationController": "",
    "Deployment": "apps",
    "StatefulSet": "apps",
    "DaemonSet": "apps",
    "ReplicaSet": "apps",
    "Job": "batch",
    "CronJob": "batch",
    "NetworkPolicy": "networking.k8s.io",
    "NetworkAttachmentDefinition": "k8s.cni.cncf.io",
}
"""The API group of every kind that is read."""

_REMOVED_GROUP = "extensions"
"""No longer served since Kubernetes 1.22."""

Identity = tuple[str, str, str]


@dataclass
class _Found:
    """What has been read so far; a later object replaces an earlier one of the same name."""

    namespaces: dict[str, Labels] = field(default_factory=dict)
    workloads: dict[Identity, Workload] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    plugins: dict[str, str] = field(default_factory=dict)

    def read(self, document: Field, kind: str) -> None:
        if kind == "Namespace":
            metadata = document.get("metadata")
            self.namespaces[metadata.get("name").text()] = parse_labels(metadata.get("labels"))
        elif kind == "NetworkPolicy":
            policy = parse_policy(document)
            self.policies[policy.key] = policy
        elif kind == "Service":
            service = parse_service(document)
            self.services[service.key] = service
        elif kind == "NetworkAttachmentDefinition":
            metadata = document.get("metadata")
            namespace = metadata.get("namespace").text() or "default"
            self.plugins[f"{namespace}/{metadata.get('name').text()}"] = parse_plugin(document)
        else:
            workload = parse_workload(document, kind)
            if workload is not None:
                self.workloads[workload.identity] = workload

    def attached(self, pod: Pod) -> Pod:
        """Name the plugins behind a pod's secondary networks, where their definitions are known."""
        plugins = (self.plugins.get(definition_of(each, pod.namespace)) for each in pod.networks)
        named = (f"{n}: {p}" if p else n for n, p in zip(pod.networks, plugins, strict=True))
        return replace(pod, networks=tuple(named)) if pod.networks else pod


def parse_world(objects: Iterable[Mapping[str, Any]]) -> World:
    """Read a cluster from its objects; kinds that do not matter to NetworkPolicy are passed over.

    Raises:
        InvalidObjectError: an object that matters is malformed.
    """
    found = _Found()
    for index, value in enumerate(objects):
        parse_object(value, index, found.read)
    return World.of(
        pods=(found.attached(pod) for pod in endpoints(found.workloads.values())),
        policies=found.policies.values(),
        namespaces=found.namespaces,
        services=found.services.values(),
    )


def check_object(value: Mapping[str, Any]) -> None:
    """Read an object by itself.

    Raises:
        InvalidObjectError: it matters, and is malformed.
    """
    parse_object(value, 0, _Found().read)


def parse_object(value: Mapping[str, Any], index: int, read: Callable[[Field, str], None]) -> None:
    """Hand an object that matters to a reader, and name the object in its errors.

    Raises:
        InvalidObjectError: the object is malformed.
    """
    document = Field(value)
    try:
        kind = _relevant_kind(document)
        if kind:
            _check_names(document.get("metadata"))
            read(document, kind)
    except FieldError as error:
        raise InvalidObjectError(_subject(value), index, error) from None


def _check_names(metadata: Field) -> None:
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not name.text():
        raise name.error("Required value: name is required")
    for at in (name, namespace):
        if at.text() and not is_subdomain(at.text()):
            raise at.invalid(
                "must consist of lower case letters, digits, '-' or '.', and begin and end with "
                "a letter or digit"
            )


def _relevant_kind(document: Field) -> str:
    """Return the kind of the object if it is one that is read, else an empty text."""
    kind, version = document.get("kind").text(), document.get("apiVersion").text()
    for key, text in (("kind", kind), ("apiVersion", version)):
        if not text:
            raise document.get(key).error("Required value: every object needs apiVersion and kind")
    group = version.rpartition("/")[0]
    if kind in _GROUPS and group == _REMOVED_GROUP:
        raise document.get("apiVersion").invalid(
            f"no longer served since Kubernetes 1.22, use {_GROUPS[kind]}/v1"
        )
    return kind if _GROUPS.get(kind) == group else ""


def _subject(value: Mapping[str, Any]) -> str:
    """Name an object, however broken it is: ``NetworkPolicy x/p``."""
    metadata = value.get("metadata")
    names = metadata if isinstance(metadata, Mapping) else {}
    name = "/".join(_text(names[key]) for key in ("namespace", "name") if names.get(key))
    return f"{value.get('kind') or 'object'} {name or '(unnamed)'}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else quoted(value)


def endpoints(workloads: Iterable[Workload]) -> list[Pod]:
    """Return the pods that stand for the workloads, under unambiguous names.

    A template gives way to pods or templates that it controls or that control it: of a
    Deployment with its ReplicaSets and Pods, as a live cluster lists them, the Pods count,
    for they have addresses; without Pods the Deployment, for it has the newest template.
    """
    known = {workload.identity: workload for workload in workloads}
    running: set[Identity] = set()
    for workload in known.values():
        owner = workload.controller if workload.pod.kind == "Pod" else None
        while owner is not None and owner not in running:
            running.add(owner)
            owner = known[owner].controller if owner in known else None
    standing = [
        workload.pod
        for identity, workload in known.items()
        if workload.pod.kind == "Pod"
        or (identity not in running and not _is_controlled(workload, known))
    ]
    return _named_apart(standing)


def _is_controlled(workload: Workload, known: Mapping[Identity, Workload]) -> bool:
    """Tell whether another template that is there stands for this one."""
    return workload.controller is not None and workload.controller in known


def _named_apart(pods: list[Pod]) -> list[Pod]:
    """Add the kind to names that workloads of several kinds share: ``x/web[StatefulSet]``."""
    sharing = Counter(pod.key for pod in pods)
    return [
        replace(pod, name=f"{pod.name}[{pod.kind}]") if sharing[pod.key] > 1 else pod
        for pod in pods
    ]
