"""What each network agent looks like in a DaemonSet, and what it does there.

Images, names and flags are those of each project's own manifests; mirrors keep the last part of
the image's path (``rancher/mirrored-calico-node``, ``docker.io/rancher/hardened-flannel``), so that
part decides.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from webhook.model.workloads import Container, DaemonSet


class Role(Enum):
    """What an agent was found to do."""

    FLANNEL = auto()
    CALICO = auto()
    """Calico, networking and policy."""
    CALICO_POLICY = auto()
    """Calico with ``CALICO_NETWORKING_BACKEND=none``: policy alone."""
    CILIUM = auto()
    KUBE_ROUTER = auto()
    ANTREA = auto()
    WEAVE = auto()
    AWS_VPC = auto()
    ENFORCER = auto()
    """Enforces NetworkPolicies, whoever carries the packets."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A role that a DaemonSet plays, and what shows it."""

    role: Role
    evidence: str


def sightings(daemon_set: DaemonSet) -> Iterator[Sighting]:
    """The roles of a DaemonSet's containers."""
    for container in daemon_set.containers():
        name = container.repository.rpartition("/")[2]
        for agent in _AGENTS:
            if agent.image.fullmatch(name):
                yield from _seen(agent, daemon_set, container)


@dataclass(frozen=True, slots=True)
class _Agent:
    """An agent: which images it has, and what it does with these arguments."""

    title: str
    image: re.Pattern[str]
    roles: Callable[[Container], tuple[Role, ...]]


def _seen(agent: _Agent, daemon_set: DaemonSet, container: Container) -> Iterator[Sighting]:
    where = f"DaemonSet {daemon_set.full_name}"
    for role in agent.roles(container):
        suffix = " enforces NetworkPolicy" if role is Role.ENFORCER else ""
        yield Sighting(role, f"{where}: {agent.title}{suffix}")


def _flag(container: Container, name: str, *, default: bool) -> bool:
    """A boolean flag as Go's flag packages read it; the last one wins."""
    value = default
    for argument in container.arguments:
        key, _, text = argument.lstrip("-").partition("=")
        if argument.startswith("-") and key == name:
            value = text.lower() not in _FALSE
    return value


_FALSE: Final = frozenset({"0", "f", "false"})


def _always(*roles: Role) -> Callable[[Container], tuple[Role, ...]]:
    return lambda _container: roles


def _calico(container: Container) -> tuple[Role, ...]:
    """calico-node carries its name in every manifest; its image is called just ``node``."""
    if container.name != "calico-node":
        return ()
    if container.environment.get("CALICO_NETWORKING_BACKEND") == "none":
        return (Role.CALICO_POLICY,)
    return (Role.CALICO,)


def _cilium(container: Container) -> tuple[Role, ...]:
    if "--enable-policy=never" in container.arguments:
        return (Role.CILIUM,)
    return (Role.CILIUM, Role.ENFORCER)


def _kube_router(container: Container) -> tuple[Role, ...]:
    """``--run-router`` and ``--run-firewall`` are both on unless switched off."""
    router = _flag(container, "run-router", default=True)
    firewall = _flag(container, "run-firewall", default=True)
    return (*([Role.KUBE_ROUTER] if router else []), *([Role.ENFORCER] if firewall else []))


def _aws_agent(container: Container) -> tuple[Role, ...]:
    """The node agent beside aws-node enforces only where it is told to."""
    enabled = _flag(container, "enable-network-policy", default=False)
    return (Role.ENFORCER,) if enabled else ()


def _agent(title: str, image: str, roles: Callable[[Container], tuple[Role, ...]]) -> _Agent:
    return _Agent(title, re.compile(image), roles)


_AGENTS: Final = (
    _agent("flannel", r"(?:[\w-]+-)?flannel", _always(Role.FLANNEL)),
    _agent("calico", r"(?:[\w-]+-)?(?:calico|node|calico-node)", _calico),
    _agent("cilium", r"cilium(?:-ci|-dev)?|mirrored-cilium-cilium", _cilium),
    _agent("kube-router", r"kube-router(?:-\w+)?", _kube_router),
    _agent("antrea", r"antrea(?:-agent)?(?:-ubuntu|-ubi|-windows)?",
           _always(Role.ANTREA, Role.ENFORCER)),
    _agent("weave", r"weave-kube", _always(Role.WEAVE)),
    _agent("weave-npc", r"weave-npc", _always(Role.ENFORCER)),
    _agent("aws-node", r"amazon-k8s-cni", _always(Role.AWS_VPC)),
    _agent("aws network policy agent", r"aws-network-policy-agent", _aws_agent),
    _agent("kube-network-policies", r"kube-network-policies", _always(Role.ENFORCER)),
    _agent("azure-npm", r"azure-npm", _always(Role.ENFORCER)),
    _agent("ovn-kubernetes", r"ovn-kube(?:rnetes)?[\w-]*|ovn-daemonset[\w-]*",
           _always(Role.ENFORCER)),
)  # fmt: skip
