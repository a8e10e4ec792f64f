"""The default-deny profiles: which NetworkPolicies a new namespace gets, and their order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from webhook.model.namespace import MANAGED_BY, MANAGED_BY_LABEL, PROFILE_LABEL

Manifest = Mapping[str, Any]


class Profile(StrEnum):
    """What a new namespace starts with; everything else must be allowed by a policy."""

    DENY_ALL = "deny-all"
    """No traffic in or out."""
    DENY_INGRESS = "deny-ingress"
    """No traffic in; all traffic out."""
    SAME_NAMESPACE = "same-namespace"
    """No traffic in or out but among the namespace's own pods."""


NONE = "none"
"""The profile of a namespace that gets no policies."""

OWN_PREFIX = "own-"
"""Names of profiles that the platform team wrote begin so: none of ours ever will."""

STRENGTH: tuple[str, ...] = (
    NONE,
    Profile.DENY_INGRESS,
    Profile.SAME_NAMESPACE,
    Profile.DENY_ALL,
)
"""From the weakest to the strongest. `same-namespace` also denies egress, so it stands above
`deny-ingress`, although it lets pods of the namespace reach each other."""

POLICY_PREFIX = "portcullis-"
"""Every injected policy's name starts so; the prefix is reserved."""

_KUBE_SYSTEM: Manifest = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}
}
_DNS_PORTS = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
_DNS_PODS: Manifest = {**_KUBE_SYSTEM, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
_OWN_PODS: Manifest = {"podSelector": {}}


@dataclass(frozen=True, slots=True)
class Beside:
    """What a profile allows beside its denial; each is a policy of its own.

    Args:
        dns: asking kube-dns, where egress is denied. Pods that may not ask it fail in ways that
            do not look like a policy.
        node_local_dns: CIDRs of NodeLocal DNSCache, which runs on the nodes' network, so that no
            selector finds it.
        ingress_namespaces: names of the namespaces that ingress controllers run in.
        monitoring_namespaces: names of the namespaces that scrape metrics.
        api_servers: CIDRs of the API server, where egress is denied.
        api_server_ports: its ports.
    """

    dns: bool = True
    node_local_dns: tuple[str, ...] = ()
    ingress_namespaces: tuple[str, ...] = ()
    monitoring_namespaces: tuple[str, ...] = ()
    api_servers: tuple[str, ...] = ()
    api_server_ports: tuple[int, ...] = (443, 6443)


def is_weaker(profile: str, than: str) -> bool:
    """Whether a profile denies less than another, or might.

    A profile of the platform team's own compares with itself, `none` and `deny-all` alone: what
    it denies is not looked into, so beside any other it counts as weaker.
    """
    if than in {profile, NONE}:
        return False
    if profile in STRENGTH and than in STRENGTH:
        return STRENGTH.index(profile) < STRENGTH.index(than)
    return profile != Profile.DENY_ALL


def policies(profile: str, *, dns: bool, beside: Beside | None = None) -> tuple[Manifest, ...]:
    """The NetworkPolicies of a profile, as manifests without a namespace; none of `none`.

    Every spec is written in the API server's normal form (defaults spelt out,
    ``policyTypes`` explicit), so that applying it again changes nothing.

    Args:
        profile: one of `Profile`, or `none`.
        dns: whether name resolution is allowed where egress is denied.
        beside: what else is allowed; its `dns` is not looked at.
    """
    if profile == NONE:
        return ()
    made = [_default(profile)]
    if profile == Profile.SAME_NAMESPACE:
        made.append(_same_namespace())
    made += _beside(beside or Beside(), dns=dns, egress=profile != Profile.DENY_INGRESS)
    return tuple(manifest(name, profile, spec) for name, spec in made)


def manifest(name: str, profile: str, spec: Manifest) -> Manifest:
    """A NetworkPolicy of ours, without a namespace."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": POLICY_PREFIX + name,
            "labels": {MANAGED_BY_LABEL: MANAGED_BY, PROFILE_LABEL: str(profile)},
        },
        "spec": spec,
    }


def _default(profile: str) -> tuple[str, Manifest]:
    if profile == Profile.DENY_INGRESS:
        return "deny-ingress", {"podSelector": {}, "policyTypes": ["Ingress"]}
    return "deny-all", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def _same_namespace() -> tuple[str, Manifest]:
    return "allow-same-namespace", {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [_OWN_PODS]}],
        "egress": [{"to": [_OWN_PODS]}],
    }


def _beside(beside: Beside, *, dns: bool, egress: bool) -> Iterable[tuple[str, Manifest]]:
    """The policies of what is allowed; what nothing denies needs no policy."""
    if egress and dns:
        yield "allow-dns", _to([_DNS_PODS], _DNS_PORTS)
    if egress and beside.node_local_dns:
        yield "allow-node-local-dns", _to(_blocks(beside.node_local_dns), _DNS_PORTS)
    if egress and beside.api_servers:
        ports = [{"protocol": "TCP", "port": port} for port in beside.api_server_ports]
        yield "allow-api-server", _to(_blocks(beside.api_servers), ports)
    if beside.ingress_namespaces:
        yield "allow-ingress-controllers", _from(beside.ingress_namespaces)
    if beside.monitoring_namespaces:
        yield "allow-monitoring", _from(beside.monitoring_namespaces)


def _blocks(cidrs: Iterable[str]) -> list[Manifest]:
    return [{"ipBlock": {"cidr": cidr}} for cidr in cidrs]


def _to(peers: list[Manifest], ports: list[dict[str, Any]]) -> Manifest:
    rule = {"to": peers, "ports": ports} if ports else {"to": peers}
    return {"podSelector": {}, "policyTypes": ["Egress"], "egress": [rule]}


def _from(namespaces: Iterable[str]) -> Manifest:
    names = {
        "key": "kubernetes.io/metadata.name",
        "operator": "In",
        "values": list(namespaces),
    }
    peer = {"namespaceSelector": {"matchExpressions": [names]}}
    return {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [peer]}]}
