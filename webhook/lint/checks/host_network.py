"""Pods in their node's network."""

from collections.abc import Iterator

from webhook.lint.groups import pods_text
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.netpol.labels import EVERYTHING


@lint(
    "host-network",
    Severity.WARNING,
    Subject,
    "flannel-io/flannel#1293",
    "stolostron/search-v2-operator#781",
    "netobserv/network-observability-operator#2491",
    needs=Needs.CLUSTER,
)
def host_network(subject: Subject) -> Iterator[Problem]:
    """Policies are for pods with a network of their own.

    Why: a pod with hostNetwork has its node's address. The API leaves undefined what a policy does
    to it, mostly nothing; and a peer that is one is never matched by its labels (ingress
    controllers, node-exporter, the API server). Beside other pods under `podSelector: {}` it is a
    remark.

    Fix: allow nodes by ipBlock; protect what is in the node's network by the node's firewall.
    """
    selected = subject.cluster.subjects(subject.policy)
    hosts = [pod for pod in selected if pod.host_network]
    if hosts:
        beside = subject.policy.pods == EVERYTHING and len(hosts) < len(selected)
        message = (
            f"{pods_text(hosts)} is in its node's network: policies mostly have no effect on it"
        )
        yield Problem(("spec", "podSelector"), message, severity=Severity.INFO if beside else None)
    for at in subject.rules:
        for path, peer in at.selectors:
            found = subject.cluster.select(peer, subject.policy.namespace)
            if found and all(pod.host_network for pod in found):
                message = (
                    f"peer {pods_text(found)} is in its node's network: no label matches it; "
                    "use ipBlock"
                )
                yield Problem(path, message)
