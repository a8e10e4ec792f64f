"""Whether a rule lets pods ask the cluster's DNS."""

from collections.abc import Iterable, Iterator
from enum import Enum, auto

from webhook.lint.cluster import Cluster
from webhook.lint.selectors import NAME_KEYS, equal
from webhook.netpol.addresses import Family, block_ranges, parse_cidr
from webhook.netpol.intervals import contains, difference, intersection
from webhook.netpol.labels import EVERYTHING, Selector
from webhook.netpol.model import METADATA_NAME, IPBlock, Peer, Pod, Policy, Rule, SelectorPeer
from webhook.netpol.ports import port_range

NAMESPACE = "kube-system"
POD_LABELS = {"k8s-app": "kube-dns"}
POD_SELECTOR = Selector((equal("k8s-app", "kube-dns"),))
PORT = 53
_PORTS = (53, 5353)
"""CoreDNS listens on 53; OpenShift's on 5353."""
_PRIVATE = [
    parse_cidr(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
        "fc00::/7",
    )
]


class Answer(Enum):
    """What a peer of a rule that opens the DNS port leads to."""

    NO = auto()
    YES = auto()
    NOTHING = auto()
    """It was meant for DNS and matches nothing."""


def is_dns_only(rule: Rule) -> bool:
    """Tell whether a rule names the DNS port and no other."""
    ranges = [port_range(protocol, n, n) for protocol in ("TCP", "UDP") for n in _PORTS]
    return bool(rule.ports) and all(
        port.name.startswith("dns") or port.ports in ranges for port in rule.ports
    )


def answers(cluster: Cluster, policy: Policy, rule: Rule, protocol: str) -> Iterator[Answer]:
    """Yield what each peer of an egress rule leads to, on the DNS port of a protocol."""
    if not _opens(cluster, rule, protocol):
        return
    if not rule.peers:
        yield Answer.YES
    for peer in rule.peers:
        yield _leads(cluster, policy, peer, explicit=_is_explicit(rule, protocol))


def _opens(cluster: Cluster, rule: Rule, protocol: str) -> bool:
    if not rule.ports:
        return True
    named = [port for port in rule.ports if port.protocol == protocol]
    if not named:
        return False
    numbers = {PORT} | {
        number
        for pod in dns_pods(cluster)
        for port in pod.ports
        if port.number in _PORTS
        for number in (port.number,)
    }
    wanted = [port_range(protocol, n, n) for n in (numbers if len(numbers) > 1 else _PORTS)]
    return any(
        port.name.startswith("dns") or any(not difference(one, port.ports) for one in wanted)
        for port in named
    )


def _is_explicit(rule: Rule, protocol: str) -> bool:
    """Tell whether the rule names the port, and not just the protocol or all."""
    return bool(rule.ports) and any(
        port.protocol == protocol and port.ports != port_range(protocol) for port in rule.ports
    )


def _leads(cluster: Cluster, policy: Policy, peer: Peer, *, explicit: bool) -> Answer:
    if isinstance(peer, IPBlock):
        return Answer.YES if explicit or _holds_dns(cluster, peer) else Answer.NO
    known = dns_pods(cluster)
    if known:
        return _among(cluster, policy, peer, known, explicit=explicit)
    return _by_labels(cluster, policy, peer, explicit=explicit)


def _among(
    cluster: Cluster, policy: Policy, peer: SelectorPeer, known: Iterable[Pod], *, explicit: bool
) -> Answer:
    """Judge a peer where the DNS pods are known; other resolvers count if they exist."""
    matched = {pod.key for pod in cluster.select(peer, policy.namespace) if not pod.host_network}
    if any(pod.key in matched for pod in known):
        return Answer.YES
    if not explicit:
        return Answer.NO
    return Answer.YES if matched else _by_labels(cluster, policy, peer, explicit=explicit)


def _by_labels(cluster: Cluster, policy: Policy, peer: SelectorPeer, *, explicit: bool) -> Answer:
    """Judge a peer that selects no known pod."""
    if peer.namespaces is None:
        return _own(policy, peer, explicit=explicit)
    return _elsewhere(cluster, peer.namespaces, peer.pods, explicit=explicit)


def _own(policy: Policy, peer: SelectorPeer, *, explicit: bool) -> Answer:
    """Judge a peer of the policy's own namespace; kube-dns is not there."""
    meant = equal("k8s-app", "kube-dns") in peer.pods.requirements
    if policy.namespace == NAMESPACE and (explicit or peer.pods.matches(POD_LABELS)):
        return Answer.YES
    if meant:
        return Answer.NOTHING
    return Answer.YES if explicit and peer.pods != EVERYTHING else Answer.NO


def _elsewhere(cluster: Cluster, namespaces: Selector, pods: Selector, *, explicit: bool) -> Answer:
    labels = cluster.world.table.namespaces.get(NAMESPACE, {METADATA_NAME: NAMESPACE})
    if namespaces.matches(labels):
        return Answer.YES if explicit or pods.matches(POD_LABELS) else Answer.NO
    by_name = [each for each in namespaces.requirements if each.key in NAME_KEYS]
    if any(NAMESPACE in each.values for each in by_name):
        return Answer.NOTHING
    others = cluster.world.table.namespaces.values()
    if cluster.complete and not any(namespaces.matches(each) for each in others):
        return Answer.NOTHING if explicit else Answer.NO
    return Answer.YES if explicit else Answer.NO


def dns_pods(cluster: Cluster) -> list[Pod]:
    """Return the known pods of kube-dns or CoreDNS."""
    table = cluster.world.table
    return cluster.pods_of(table.in_namespace(NAMESPACE) & table.matching(POD_SELECTOR))


def _dns_addresses(cluster: Cluster) -> list[tuple[Family, int]]:
    services = (
        address
        for service in cluster.world.services
        if service.namespace == NAMESPACE and any(port.port == PORT for port in service.ports)
        for address in service.addresses
    )
    pods = (address for pod in dns_pods(cluster) for address in pod.addresses)
    return [*cluster.facts.node_local, *services, *pods]


def _holds_dns(cluster: Cluster, block: IPBlock) -> bool:
    """Tell whether a block holds a known DNS address, or may where not all are known.

    Behind a Service's address it is the pods' that counts, which manifests do not have.
    """
    known = _dns_addresses(cluster)
    if known and holds(block, known):
        return True
    pods = dns_pods(cluster)
    if cluster.facts.node_local or (pods and all(pod.addresses for pod in pods)):
        return False
    return any(
        family == block.family and bool(intersection(block.ranges, (span,)))
        for family, span in _PRIVATE
    )


def holds(block: IPBlock, known: Iterable[tuple[Family, int]]) -> bool:
    """Tell whether a block holds one of the addresses."""
    ranges = block_ranges(block.cidr, block.excepts)
    return any(family == block.family and contains(ranges, address) for family, address in known)


def reaches(cluster: Cluster, policy: Policy, rule: Rule, protocol: str) -> bool:
    """Tell whether a rule lets DNS be asked over a protocol."""
    return Answer.YES in answers(cluster, policy, rule, protocol)
