"""Probes that some agents block."""

from collections.abc import Iterator

from webhook.enforcement import Cni
from webhook.lint.facts import Facts
from webhook.lint.facts_pods import identity
from webhook.lint.groups import Group, groups, opens
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.netpol.model import Direction, IPBlock, Pod
from webhook.netpol.ports import port_range

_IMAGES = ("kube-network-policies", "kindnetd")


@lint(
    "probe-own-node",
    Severity.INFO,
    Subject,
    "kubernetes-sigs/kube-network-policies#65",
    "aws/aws-network-policy-agent#56",
    "kubernetes-sigs/kind#3875",
    "kubernetes-sigs/network-policy-api#314",
    needs=Needs.MANIFESTS,
)
def probe_own_node(subject: Subject) -> Iterator[Problem]:
    """Probes of isolated pods pass with this cluster's agent.

    Why: by the API, traffic from a pod's own node is always let through, kubelet's probes with it.
    Some agents blocked it all the same. Told only where the input shows such an agent (AWS,
    kube-network-policies, kindnet), and no rule opens the probed port to addresses.

    Fix: renew the agent, or allow the port from the nodes' addresses.
    """
    if not _blocks(subject.cluster.facts):
        return
    for group in groups(subject.cluster, subject.policy, Direction.INGRESS):
        if group.led_by(subject.policy):
            closed = [pod.key for pod in group.pods if _is_closed(subject, group, pod)]
            if closed:
                message = (
                    f"probes of {closed[0]} may fail: this agent has blocked the pod's own node"
                )
                yield Problem(("spec", "ingress"), f"{message}; allow the nodes")


def _blocks(facts: Facts) -> bool:
    aws = facts.enforcement is not None and facts.enforcement.cni is Cni.AWS_VPC
    return aws or any(image.name in _IMAGES for image in facts.images)


def _is_closed(subject: Subject, group: Group, pod: Pod) -> bool:
    for port in subject.cluster.facts.probes.get(identity(pod), ()):
        numbers = {port} if isinstance(port, int) else pod.resolve(port, "TCP")
        for number in numbers:
            wanted = port_range("TCP", number, number)
            if not any(
                opens(rule, wanted)
                and (not rule.peers or any(isinstance(peer, IPBlock) for peer in rule.peers))
                for rule in group.rules
            ):
                return True
    return False
