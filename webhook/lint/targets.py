"""The pods at the far end of a rule's ports."""

from webhook.lint.subject import RuleAt, Subject
from webhook.netpol.labels import Operator, Selector
from webhook.netpol.model import METADATA_NAME, Direction, IPBlock, Pod, SelectorPeer


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


def coming(subject: Subject, at: RuleAt) -> list[Pod]:
    """Return the templates whose pods will be at the far end of a rule."""
    policy, namespaces = subject.policy, subject.cluster.world.table.namespaces
    if at.direction is Direction.INGRESS:
        peers = [SelectorPeer(None, policy.pods)]
    else:
        peers = [peer for _, peer in at.selectors]
    return [
        pod
        for pod in subject.cluster.templates
        for peer in peers
        if peer.pods.matches(pod.labels)
        and (
            pod.namespace == policy.namespace
            if peer.namespaces is None
            else peer.namespaces.matches(namespaces.get(pod.namespace, {}))
        )
    ]


def are_known(subject: Subject, at: RuleAt) -> bool:
    """Tell whether there are no other pods at the far end than those that are known.

    In a part of a cluster another namespace, or a peer that selects none of the pods that are
    known, leads to some that are not.
    """
    if at.direction is Direction.INGRESS or subject.cluster.complete:
        return True
    return all(
        subject.cluster.select(peer, subject.policy.namespace)
        and (peer.namespaces is None or _names_one(peer.namespaces))
        for _, peer in at.selectors
    )


def _names_one(namespaces: Selector) -> bool:
    return any(
        each.key == METADATA_NAME and each.operator is Operator.IN and len(each.values) == 1
        for each in namespaces.requirements
    )
