"""ipBlocks that hold addresses of pods or Services."""

from collections.abc import Iterator

from webhook.lint.cluster import Cluster
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.lint.traits import Trait
from webhook.netpol.intervals import EMPTY, contains, intersection
from webhook.netpol.model import IPBlock


@lint(
    "ipblock-covers-pods",
    Severity.WARNING,
    Subject,
    "projectcalico/calico#6634",
    "cilium/cilium#9209",
    "cilium/cilium#14497",
    "cilium/cilium#19601",
    needs=Needs.CLUSTER,
    all_of={Trait.BLOCK},
)
def ipblock_covers_pods(subject: Subject) -> Iterator[Problem]:
    """An ipBlock is for addresses outside of the cluster.

    Why: Calico matches pods by their addresses, Cilium never does, so that the same policy opens
    different things; and a Service's address is translated before a policy sees it. Told where
    addresses of pods, of Services or their ranges (Node.spec.podCIDRs, ServiceCIDR) are known.

    Fix: select pods by label, and put the cluster's ranges into `except`.
    """
    for at in subject.rules:
        for path, block in at.blocks:
            what = _covered(subject.cluster, block)
            if what:
                message = (
                    f"this block holds {what}: whether it matches depends on the CNI; "
                    "select by label"
                )
                yield Problem((*path, "cidr"), message)


def _covered(cluster: Cluster, block: IPBlock) -> str:
    pods = cluster.pods_of(cluster.world.table.addressed(block.family, block.ranges))
    pods = [pod for pod in pods if not pod.host_network]
    if pods:
        more = f" and of {len(pods) - 1} more pods" if len(pods) > 1 else ""
        return f"the address of {pods[0].key}{more}"
    for service in cluster.world.services:
        for family, address in service.addresses:
            if family == block.family and contains(block.ranges, address):
                return f"an address of Service {service.key}"
    facts = cluster.facts
    for name, known in (("pods", facts.pod_blocks), ("Services", facts.service_blocks)):
        if intersection(block.ranges, known.get(block.family, EMPTY)):
            return f"addresses of {name}"
    return ""
