"""Pods that call the API server, and may not."""

from collections.abc import Iterator

from webhook.lint.facts_pods import identity
from webhook.lint.groups import Group, addresses, groups, opened, pods_text
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.netpol.addresses import FAMILIES
from webhook.netpol.intervals import contains, difference
from webhook.netpol.model import Direction
from webhook.netpol.ports import port_range


@lint(
    "apiserver-egress",
    Severity.WARNING,
    Subject,
    "cilium/cilium#20550",
    "cilium/cilium#33525",
    "cilium/cilium#39573",
    "cert-manager/cert-manager#8285",
    "hcloud-k8s#285",
    needs=Needs.MANIFESTS,
)
def apiserver_egress(subject: Subject) -> Iterator[Problem]:
    """A pod that calls the API server is allowed to reach its endpoints.

    Why: the API server is in its node's network, where no selector matches it, and the ClusterIP of
    `kubernetes` in an ipBlock is not enough: policies see the endpoint's own address and port.
    Every pod has a token, so only pods count that ask for one (`automountServiceAccountToken:
    true`) or whose ServiceAccount a RoleBinding of the input names. Where the endpoints are not
    known, only rules with nothing but selectors are told.

    Fix: allow the addresses of `kubectl get endpointslices kubernetes` on their port, mostly 6443;
    on Cilium an ipBlock never matches nodes unless `policyCIDRMatchMode: nodes`.
    """
    for group in groups(subject.cluster, subject.policy, Direction.EGRESS):
        clients = [p for p in group.pods if identity(p) in subject.cluster.facts.api_clients]
        if clients and group.led_by(subject.policy) and not _reaches(subject, group):
            message = (
                f"{pods_text(clients)} calls the API server, no rule reaches it: "
                "allow its endpoints"
            )
            yield Problem(("spec", "egress"), f"{message} by ipBlock")


def _reaches(subject: Subject, group: Group) -> bool:
    known = subject.cluster.facts.api_endpoints
    if not known:
        return any(
            not rule.peers or any(addresses([rule], family) for family in FAMILIES)
            for rule in group.rules
        )
    return any(
        not difference(port_range("TCP", port, port), opened(rule))
        and (not rule.peers or contains(addresses([rule], family), address))
        for rule in group.rules
        for family, address, port in known
    )
