"""Pods that may send, but not ask DNS."""

from collections.abc import Iterable, Iterator

from webhook.lint.dns import Answer, answers, holds, reaches
from webhook.lint.groups import Group, groups
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.netpol.addresses import Family
from webhook.netpol.model import Direction, IPBlock, Rule

_EGRESS = ("spec", "egress")


@lint(
    "egress-without-dns",
    Severity.ERROR,
    Subject,
    "kubernetes/website#38267",
    "projectcalico/calico#3795",
    "kubernetes/kubernetes#70555",
    "restate-operator#88",
    "cross-media-measurement#3569",
    "XenitAB#608",
    needs=Needs.CLUSTER,
    side=Direction.EGRESS,
)
def egress_without_dns(subject: Subject) -> Iterator[Problem]:
    """Pods with egress rules can ask the cluster's DNS over UDP and TCP 53.

    Why: a pod that is isolated for egress may resolve names only if some rule of some policy on it
    allows port 53 to kube-dns. Without it every connection by name fails, and looks like an outage
    of the other side. Pods that no rule allows anything are closed on purpose: nothing is said.

    Sub-checks: `udp-only` (answers over 512 bytes are retried over TCP), `nodelocal-missed`
    (NodeLocal DNSCache is in its node's network: only an ipBlock matches it),
    `dns-targets-nothing` (such as `namespaceSelector: {name: kube-system}`).

    Fix: allow UDP and TCP 53 to `namespaceSelector: {kubernetes.io/metadata.name: kube-system}`
    with `podSelector: {k8s-app: kube-dns}`, and to 169.254.20.10/32 where NodeLocal runs.
    """
    yield from _dead(subject)
    for group in groups(subject.cluster, subject.policy, Direction.EGRESS, generous=True):
        if group.rules and group.led_by(subject.policy):
            yield from _group(subject, group)


def _dead(subject: Subject) -> Iterator[Problem]:
    for at in subject.rules:
        if at.direction is Direction.EGRESS:
            found = list(answers(subject.cluster, subject.policy, at.rule, "UDP"))
            if Answer.NOTHING in found and Answer.YES not in found:
                message = (
                    "this DNS rule matches no pod: select kubernetes.io/metadata.name: kube-system"
                )
                yield Problem(at.path, f"{message} and k8s-app: kube-dns", "dns-targets-nothing")


def _group(subject: Subject, group: Group) -> Iterator[Problem]:
    rules = group.rules
    over = {protocol: list(_reaching(subject, rules, protocol)) for protocol in ("UDP", "TCP")}
    if not over["UDP"]:
        message = f"{group} cannot ask DNS: no rule allows UDP and TCP 53 to kube-dns"
        yield Problem(_EGRESS, message)
    elif not over["TCP"]:
        message = f"{group} can ask DNS over UDP only: long answers need TCP, allow TCP 53 too"
        yield Problem(_EGRESS, message, "udp-only", Severity.WARNING)
    local = subject.cluster.facts.node_local
    if over["UDP"] and local and not any(_open_to(rule, local) for rule in over["UDP"]):
        message = "NodeLocal DNSCache runs on the node, selectors miss it: allow its ipBlock on 53"
        yield Problem(_EGRESS, message, "nodelocal-missed")


def _reaching(subject: Subject, rules: Iterable[Rule], protocol: str) -> Iterator[Rule]:
    return (r for r in rules if reaches(subject.cluster, subject.policy, r, protocol))


def _open_to(rule: Rule, local: Iterable[tuple[Family, int]]) -> bool:
    blocks = [peer for peer in rule.peers if isinstance(peer, IPBlock)]
    return not rule.peers or any(holds(block, local) for block in blocks)
