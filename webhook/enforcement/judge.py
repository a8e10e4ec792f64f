"""From DaemonSets, Nodes and address blocks to a verdict."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from webhook.enforcement.agents import Role, Sighting, sightings
from webhook.enforcement.verdict import Cni, Enforced, Verdict
from webhook.model.objects import Node
from webhook.model.workloads import DaemonSet

FLANNEL: Final = "flannel.alpha.coreos.com/kube-subnet-manager"
CALICO: Final = ("projectcalico.org/IPv4Address", "projectcalico.org/IPv6Address")
K3S: Final = "k3s.io/node-args"
"""k3s runs flannel, and kube-router's policy controller, inside its own process."""

_NETWORKING: Final = (
    (Role.CILIUM, Cni.CILIUM),
    (Role.CALICO, Cni.CALICO),
    (Role.ANTREA, Cni.ANTREA),
    (Role.WEAVE, Cni.WEAVE),
    (Role.AWS_VPC, Cni.AWS_VPC),
    (Role.KUBE_ROUTER, Cni.KUBE_ROUTER),
)
"""Who carries the packets, the first that is seen; what chains onto others stands first."""

_POLICING: Final = frozenset({Role.CALICO, Role.CALICO_POLICY, Role.ENFORCER})


def judge(
    daemon_sets: Iterable[DaemonSet], nodes: Iterable[Node] = (), blocks: Iterable[str] = ()
) -> Verdict:
    """Tell the network plugin, and whether NetworkPolicies are enforced.

    A "no" is given only where the plugin is known and nothing that enforces was seen.

    Args:
        daemon_sets: of all namespaces.
        nodes: their annotations outlive what wrote them, so they tell only where no DaemonSet does.
        blocks: CIDRs of Calico's address blocks; read only where nothing else told.
    """
    seen = [sighting for each in daemon_sets for sighting in sightings(each)]
    if seen:
        return _by_agents(seen)
    return _by_nodes(nodes) or _by_blocks(blocks) or Verdict(Cni.UNKNOWN, Enforced.UNKNOWN, ())


def _by_agents(seen: Sequence[Sighting]) -> Verdict:
    roles = {sighting.role for sighting in seen}
    evidence = tuple(dict.fromkeys(sighting.evidence for sighting in seen))
    cni = _cni(roles)
    if roles & _POLICING:
        enforced = Enforced.YES
    else:
        enforced = Enforced.UNKNOWN if cni is Cni.UNKNOWN else Enforced.NO
    return Verdict(cni, enforced, evidence)


def _cni(roles: set[Role]) -> Cni:
    """Who carries the packets: flannel does wherever it stands beside another agent."""
    if Role.FLANNEL in roles:
        return Cni.CANAL if roles & {Role.CALICO, Role.CALICO_POLICY} else Cni.FLANNEL
    return next((cni for role, cni in _NETWORKING if role in roles), Cni.UNKNOWN)


def _by_nodes(nodes: Iterable[Node]) -> Verdict | None:
    """What annotations tell: no agent is a DaemonSet, so it is a process of the node, or gone."""
    annotated = [(node.metadata.name, node.metadata.annotation_map) for node in nodes]
    flannel = next((name for name, marks in annotated if marks.get(FLANNEL) == "true"), None)
    calico = next((name for name, marks in annotated if any(k in marks for k in CALICO)), None)
    if flannel is not None:
        servers = [marks[K3S] for _, marks in annotated if K3S in marks]
        return Verdict(Cni.FLANNEL, _k3s(servers), tuple(_node_evidence(flannel, servers)))
    if calico is not None:
        return Verdict(Cni.CALICO, Enforced.UNKNOWN, (f"Node {calico}: annotations of calico",))
    return None


def _k3s(arguments: Sequence[str]) -> Enforced:
    """k3s enforces unless a server was started with ``--disable-network-policy``."""
    if not arguments:
        return Enforced.UNKNOWN
    disabled = any("--disable-network-policy" in text for text in arguments)
    return Enforced.NO if disabled else Enforced.YES


def _node_evidence(flannel: str, servers: Sequence[str]) -> Iterator[str]:
    yield f"Node {flannel}: annotation {FLANNEL}"
    if servers:
        yield f"annotation {K3S}"


def _by_blocks(blocks: Iterable[str]) -> Verdict | None:
    for block in blocks:
        return Verdict(Cni.CALICO, Enforced.UNKNOWN, (f"IPAMBlock {block}",))
    return None
