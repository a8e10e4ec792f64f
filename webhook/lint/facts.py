"""What else the objects of the input tell: agents, DNS, webhooks, other kinds of policies.

Reads leniently: what is not as expected is no fact, and no check speaks of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from webhook.enforcement import Verdict, judge
from webhook.lint.dig import dig, entries, texts
from webhook.lint.facts_network import Blocks, Endpoint, api_endpoints, blocks, node_local
from webhook.lint.facts_pods import Identity, api_clients, probes
from webhook.model.namespace import SEAL_LABEL, Seal
from webhook.model.objects import Node
from webhook.model.trust import CONFIGURATIONS
from webhook.model.workloads import DaemonSet
from webhook.netpol.addresses import Family

_HTTPS = 443
_FOREIGN_GROUPS = {
    "crd.projectcalico.org": ("NetworkPolicy", "GlobalNetworkPolicy"),
    "projectcalico.org": ("NetworkPolicy", "GlobalNetworkPolicy"),
    "cilium.io": ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"),
    "crd.antrea.io": ("NetworkPolicy", "ClusterNetworkPolicy"),
    "policy.networking.k8s.io": (
        *("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"),
    ),
}


@dataclass(frozen=True, slots=True)
class Callback:
    """A Service that the API server itself calls.

    Args:
        caller: kind and name of the object that says so.
    """

    caller: str
    namespace: str
    service: str
    port: int


@dataclass(frozen=True, slots=True)
class Foreign:
    """A policy of another API; without a namespace it is for the whole cluster."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Image:
    """What a DaemonSet runs: last part of the image's path, and its tag."""

    name: str
    tag: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known beside pods, Services and policies.

    Args:
        declared: Namespaces that are in the input as objects.
        sealed: those of them that Portcullis has sealed.
        mentioned: namespaces that objects of the input are in, where they say so.
        enforcement: None where nothing tells which network plugin there is.
        node_local: addresses on which NodeLocal DNSCache listens.
        api_endpoints: where the API server itself listens.
        pod_blocks: address ranges of pods.
        service_blocks: address ranges of Services.
    """

    declared: frozenset[str] = frozenset()
    sealed: frozenset[str] = frozenset()
    mentioned: frozenset[str] = frozenset()
    enforcement: Verdict | None = None
    images: tuple[Image, ...] = ()
    node_local: tuple[tuple[Family, int], ...] = ()
    api_endpoints: tuple[Endpoint, ...] = ()
    pod_blocks: Blocks = field(default_factory=dict)
    service_blocks: Blocks = field(default_factory=dict)
    callbacks: tuple[Callback, ...] = ()
    foreign: tuple[Foreign, ...] = ()
    api_clients: frozenset[Identity] = frozenset()
    probes: Mapping[Identity, tuple[int | str, ...]] = field(default_factory=dict)


def gather(objects: Iterable[Mapping[str, Any]]) -> Facts:
    """Read the facts of a cluster."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for value in objects:
        kinds.setdefault(str(value.get("kind")), []).append(value)
    every = [value for values in kinds.values() for value in values]
    namespaces = kinds.get("Namespace", [])
    daemon_sets = list(_decoded(kinds.get("DaemonSet", []), DaemonSet))
    nodes = list(_decoded(kinds.get("Node", []), Node))
    return Facts(
        declared=frozenset(texts(namespaces, "metadata", "name")),
        sealed=frozenset(texts(filter(_is_sealed, namespaces), "metadata", "name")),
        mentioned=frozenset(texts(every, "metadata", "namespace")),
        enforcement=judge(daemon_sets, nodes) if daemon_sets or nodes else None,
        images=tuple(_images(kinds.get("DaemonSet", []))),
        node_local=node_local(kinds.get("DaemonSet", [])),
        api_endpoints=api_endpoints(kinds),
        pod_blocks=blocks(texts_in(kinds.get("Node", []), "podCIDRs", "podCIDR")),
        service_blocks=blocks(texts_in(kinds.get("ServiceCIDR", []), "cidrs")),
        callbacks=tuple(_callbacks(kinds)),
        foreign=tuple(_foreign(every)),
        api_clients=api_clients(kinds),
        probes=probes(kinds),
    )


def texts_in(objects: Iterable[Mapping[str, Any]], *fields: str) -> Iterator[str]:
    """Yield texts and lists of texts of fields of the objects' specs."""
    for value in objects:
        for name in fields:
            found = dig(value, "spec", name)
            yield from (each for each in (found if isinstance(found, list) else [found]) if each)


def _decoded(values: Iterable[Mapping[str, Any]], kind: type[Any]) -> Iterator[Any]:
    for value in values:
        try:
            yield msgspec.convert(value, kind)
        except msgspec.ValidationError:
            continue


def _is_sealed(value: Mapping[str, Any]) -> bool:
    return bool(dig(value, "metadata", "labels", SEAL_LABEL) == Seal.SEALED)


def _images(daemon_sets: Iterable[Mapping[str, Any]]) -> Iterator[Image]:
    for daemon_set in daemon_sets:
        for container in entries(daemon_set, "spec", "template", "spec", "containers"):
            name, _, tag = str(dig(container, "image")).rpartition("/")[2].partition(":")
            yield Image(name, tag.partition("@")[0])


def _callbacks(kinds: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[Callback]:
    for kind in CONFIGURATIONS:
        for value in kinds.get(kind, []):
            for each in entries(value, "webhooks"):
                yield from _callback(f"{kind} {_name(value)}", dig(each, "clientConfig", "service"))
    for value in kinds.get("APIService", []):
        yield from _callback(f"APIService {_name(value)}", dig(value, "spec", "service"))


def _callback(caller: str, service: Any) -> Iterator[Callback]:
    namespace, name = dig(service, "namespace"), dig(service, "name")
    port = dig(service, "port")
    if isinstance(namespace, str) and isinstance(name, str):
        yield Callback(caller, namespace, name, port if isinstance(port, int) else _HTTPS)


def _name(value: Mapping[str, Any]) -> str:
    return str(dig(value, "metadata", "name"))


def _foreign(objects: Iterable[Mapping[str, Any]]) -> Iterator[Foreign]:
    for value in objects:
        group = str(value.get("apiVersion")).partition("/")[0]
        kind = str(value.get("kind"))
        if kind in _FOREIGN_GROUPS.get(group, ()):
            yield Foreign(
                f"{kind}.{group}", str(dig(value, "metadata", "namespace") or ""), _name(value)
            )
