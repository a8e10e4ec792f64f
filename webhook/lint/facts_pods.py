"""What pod specs tell beside labels and ports: probes, and who calls the API server."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from webhook.lint.dig import dig, entries
from webhook.netpol.model import Pod
from webhook.netpol.parse_pod import TEMPLATES

Kinds = Mapping[str, list[Mapping[str, Any]]]
Identity = tuple[str, str, str]
"""Kind, namespace and name of a pod or workload."""

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS = ("httpGet", "tcpSocket", "grpc")


def identity(pod: Pod) -> Identity:
    """Return the identity of what a pod stands for (names apart end in ``[Kind]``)."""
    return pod.kind, pod.namespace, pod.name.removesuffix(f"[{pod.kind}]")


def _specs(kinds: Kinds) -> Iterator[tuple[Identity, Any]]:
    """Yield the pod specs of pods and workloads."""
    for kind, way in TEMPLATES.items():
        for value in kinds.get(kind, []):
            namespace = dig(value, "metadata", "namespace") or "default"
            name = dig(value, "metadata", "name")
            yield (kind, str(namespace), str(name)), dig(value, *way, "spec")


def api_clients(kinds: Kinds) -> frozenset[Identity]:
    """Return what calls the API server: by an explicit token, or rights bound to its account.

    The token alone tells nothing: every pod gets one unless it is switched off.
    """
    bound = {
        (str(dig(subject, "namespace")), str(dig(subject, "name")))
        for kind in ("RoleBinding", "ClusterRoleBinding")
        for binding in kinds.get(kind, [])
        for subject in entries(binding, "subjects")
        if dig(subject, "kind") == "ServiceAccount"
    }
    return frozenset(who for who, spec in _specs(kinds) if _calls(who[1], spec, bound))


def _calls(namespace: str, spec: Any, bound: set[tuple[str, str]]) -> bool:
    automount = dig(spec, "automountServiceAccountToken")
    account = dig(spec, "serviceAccountName")
    if automount is False:
        return False
    return automount is True or (isinstance(account, str) and (namespace, account) in bound)


def probes(kinds: Kinds) -> dict[Identity, tuple[int | str, ...]]:
    """Return the ports that the kubelet probes over the network."""
    found = {who: tuple(_probed(spec)) for who, spec in _specs(kinds)}
    return {who: ports for who, ports in found.items() if ports}


def _probed(spec: Any) -> Iterator[int | str]:
    ports: Iterable[Any] = (
        dig(container, probe, handler, "port")
        for container in entries(spec, "containers")
        for probe in _PROBES
        for handler in _HANDLERS
    )
    return (port for port in dict.fromkeys(filter(_is_port, ports)))


def _is_port(port: Any) -> bool:
    return isinstance(port, int | str) and not isinstance(port, bool)
