"""Rules that the other side denies."""

from collections.abc import Iterator
from itertools import islice, product

from webhook.lint.groups import opened
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.selectors import BY_CONTROLLERS
from webhook.lint.subject import RuleAt, Subject
from webhook.netpol.addresses import Family
from webhook.netpol.intervals import intersection
from webhook.netpol.model import METADATA_NAME, Direction, IPBlock, Peer, Pod
from webhook.netpol.verdict import Endpoint, Judge

_MOST_PAIRS = 500
"""Above this the rule is left unjudged: it is a remark, and not worth the time."""
_OTHER_SIDE = {
    Direction.EGRESS: Direction.INGRESS,
    Direction.INGRESS: Direction.EGRESS,
}


@lint("ineffective-open", Severity.INFO, Subject, needs=Needs.CLUSTER)
def ineffective_open(subject: Subject) -> Iterator[Problem]:
    """What a rule allows, the other side allows too.

    Why: a connection needs the sender's egress and the receiver's ingress. A rule opens nothing
    while policies of the other side deny it between all the pods it is about. Judged for rules of
    selectors and port numbers, between pods that are known.

    Fix: allow it on the other side too, or remove the rule.
    """
    for at in subject.rules:
        pairs = list(islice(_pairs(subject, at), _MOST_PAIRS + 1))
        if len(pairs) > _MOST_PAIRS:
            continue
        meeting = [pair for pair in pairs if _families(*pair)]
        if meeting and not any(_is_open(subject, at, *pair) for pair in meeting):
            side = _OTHER_SIDE[at.direction].lower()
            message = (
                f"this rule opens nothing: {side} of the other side denies it; allow it there too"
            )
            yield Problem(at.path, message)


def _pairs(subject: Subject, at: RuleAt) -> Iterator[tuple[Pod, Pod]]:
    """Yield (own pod, peer) for rules of selectors; none where anything else is in them."""
    selectors = [peer for _, peer in at.selectors]
    named = any(port.name for port in at.rule.ports)
    if named or len(selectors) < len(at.rule.peers):
        return
    own = [pod for pod in subject.cluster.subjects(subject.policy) if not pod.host_network]
    for peer in selectors:
        found = subject.cluster.select(peer, subject.policy.namespace)
        others = [pod for pod in found if not pod.host_network]
        yield from ((a, b) for a, b in product(own, others) if a.key != b.key)


def _families(own: Pod, other: Pod) -> frozenset[Family]:
    """Those in which two pods meet; one that has no address yet will have what the other has."""
    if own.addresses and other.addresses:
        return own.families & other.families
    return own.families if own.addresses else other.families


def _is_open(subject: Subject, at: RuleAt, own: Pod, other: Pod) -> bool:
    """In one family it is enough: an ipBlock of the other side may allow that one alone."""
    side = _OTHER_SIDE[at.direction]
    if _may_be_allowed(subject, side, own, other):
        return True
    return any(_is_open_in(f, subject, at, own, other) for f in _families(own, other))


def _may_be_allowed(subject: Subject, direction: Direction, own: Pod, other: Pod) -> bool:
    """Whether policies allow one pod what is not known to be the other."""
    return any(
        _may_match(subject, peer, own, policy.namespace)
        for policy in subject.cluster.world.policies_of(other.namespace)
        if direction in policy.types and policy.pods.matches(other.labels)
        for peer in policy.peers(direction)
    )


def _may_match(subject: Subject, peer: Peer, pod: Pod, namespace: str) -> bool:
    """Whether a pod may be a peer by what manifests do not tell, and is not by what they do.

    Addresses, labels that controllers give, and those of a Namespace that is not in the input.
    """
    if isinstance(peer, IPBlock):
        return not pod.addresses
    if peer.namespaces is None and pod.namespace != namespace:
        return False
    labels = subject.cluster.world.table.namespaces.get(pod.namespace, {})
    within = peer.namespaces.requirements if peer.namespaces else ()
    foreign = [each.key for each in within if not each.matches(labels)]
    missing = [each.key for each in peer.pods.requirements if not each.matches(pod.labels)]
    if foreign and (pod.namespace in subject.cluster.facts.declared or METADATA_NAME in foreign):
        return False
    if missing and (pod.kind == "Pod" or not BY_CONTROLLERS.issuperset(missing)):
        return False
    return bool(foreign or missing)


def _is_open_in(family: Family, subject: Subject, at: RuleAt, own: Pod, other: Pod) -> bool:
    judge = Judge(subject.cluster.world, ipblock_matches_pods=True)
    mine, theirs = Endpoint(family, own), Endpoint(family, other)
    if at.direction is Direction.EGRESS:
        decision = judge.decide(Direction.INGRESS, mine, theirs)
    else:
        decision = judge.decide(Direction.EGRESS, theirs, mine)
    return bool(intersection(decision.ports, opened(at.rule)))
