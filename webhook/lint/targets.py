"""The pods at the far end of a rule's ports."""

from webhook.lint.subject import RuleAt, Subject
from webhook.netpol.model import Direction, IPBlock, Pod


def targets(subject: Subject, at: RuleAt) -> list[Pod]:
    """Return the known pods on which the ports of a rule are, empty where they may be anything.

    Ingress: the pods the policy selects. Egress: those that its peers select, if all of
    them are selectors. Pods in their node's network are left out: no policy reaches them.
    """
    if at.direction is Direction.INGRESS:
        found = subject.cluster.subjects(subject.policy)
    elif any(isinstance(peer, IPBlock) for peer in at.rule.peers):
        found = []
    else:
        namespace = subject.policy.namespace
        found = [pod for _, peer in at.selectors for pod in subject.cluster.select(peer, namespace)]
    return list({pod.key: pod for pod in found if not pod.host_network}.values())
