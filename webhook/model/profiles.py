"""The default-deny profiles: which NetworkPolicies a new namespace gets."""

from collections.abc import Mapping
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


POLICY_PREFIX = "portcullis-"
"""Every injected policy's name starts so; the prefix is reserved."""

_DNS_PORTS = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
_DNS_PODS: Manifest = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
}
_OWN_PODS: Manifest = {"podSelector": {}}


def policies(profile: Profile, *, dns: bool) -> tuple[Manifest, ...]:
    """The NetworkPolicies of a profile, as manifests without a namespace.

    Every spec is written in the API server's normal form (defaults spelt out,
    ``policyTypes`` explicit), so that applying it again changes nothing.

    Args:
        profile: which.
        dns: whether name resolution is allowed where egress is denied. Pods
            that may not ask kube-dns fail in ways that do not look like a policy.
    """
    made = [_default(profile)]
    if profile is Profile.SAME_NAMESPACE:
        made.append(_same_namespace())
    if dns and profile is not Profile.DENY_INGRESS:
        made.append(_dns())
    return tuple(_manifest(name, profile, spec) for name, spec in made)


def _default(profile: Profile) -> tuple[str, Manifest]:
    if profile is Profile.DENY_INGRESS:
        return "deny-ingress", {"podSelector": {}, "policyTypes": ["Ingress"]}
    return "deny-all", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def _same_namespace() -> tuple[str, Manifest]:
    return "allow-same-namespace", {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [_OWN_PODS]}],
        "egress": [{"to": [_OWN_PODS]}],
    }


def _dns() -> tuple[str, Manifest]:
    return "allow-dns", {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [{"to": [_DNS_PODS], "ports": _DNS_PORTS}],
    }


def _manifest(name: str, profile: Profile, spec: Manifest) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": POLICY_PREFIX + name,
            "labels": {MANAGED_BY_LABEL: MANAGED_BY, PROFILE_LABEL: profile.value},
        },
        "spec": spec,
    }
