"""Clusters in which nothing enforces NetworkPolicies."""

from collections.abc import Iterator

from webhook.enforcement import Enforced
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject


@lint(
    "not-enforced",
    Severity.ERROR,
    Subject,
    "flannel-io/flannel#2183",
    "flannel-io/flannel#1293",
    "flannel-io/flannel#2004",
    "flannel-io/flannel#2503",
    "easzlab/kubeasz#722",
    "SREGym#765",
    needs=Needs.MANIFESTS,
)
def not_enforced(subject: Subject) -> Iterator[Problem]:
    """An agent of the cluster enforces NetworkPolicies.

    Why: the API server stores policies whoever enforces them; with flannel alone nobody does, and
    every pod stays open. Spoken once, and only where the DaemonSets or Nodes of the input show the
    network plugin.

    Fix: install an enforcing agent: Calico (as canal beside flannel), Cilium, Antrea, kube-router
    or kube-network-policies.
    """
    verdict = subject.cluster.facts.enforcement
    first = subject.cluster.stored[0].index == subject.stored.index
    if first and verdict is not None and verdict.enforced is Enforced.NO:
        message = f"no policy has an effect here: {verdict.cni} does not enforce NetworkPolicy"
        yield Problem(("spec",), f"{message}; add Calico (canal) or another enforcing agent")
