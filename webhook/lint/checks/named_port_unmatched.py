"""Port names that no container has."""

from collections.abc import Iterator, Sequence

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.lint.targets import are_known, coming, targets
from webhook.lint.traits import Trait
from webhook.netpol.model import Pod, PortRule


@lint(
    "named-port-unmatched",
    Severity.WARNING,
    Subject,
    "cilium/cilium#30003",
    "aws/amazon-network-policy-controller-k8s#52",
    "noironetworks/aci-containers#1707",
    "np-guard/netpol-analyzer#199",
    needs=Needs.CLUSTER,
    by_rule=True,
    all_of={Trait.NAMED_PORT},
)
def named_port_unmatched(subject: Subject) -> Iterator[Problem]:
    """A named port is the name of a container's port, with the same protocol.

    Why: names are looked up in the destination's containers (and init containers that keep
    running), never in the Service. One that nothing has opens nothing, while the policy isolates.
    Told only where all destination pods are known.

    Fix: name a port of the container, with its protocol, or give the number.
    """
    for at in subject.rules:
        for path, port, _ in at.ports:
            pods = targets(subject, at) if port.name and are_known(subject, at) else []
            there = [*pods, *(coming(subject, at) if pods else ())]
            if pods and not any(pod.resolve(port.name, port.protocol) for pod in there):
                message = (
                    f"no container of {pods[0].key} has a {port.protocol} port named {port.name}"
                )
                yield Problem((*path, "port"), f"{message}: {_hint(pods, port)}")


def _hint(pods: Sequence[Pod], port: PortRule) -> str:
    """Tell what is there: the name with another protocol, or other names."""
    there = {each.protocol for pod in pods for each in pod.ports if each.name == port.name}
    if there:
        return f"it is {', '.join(sorted(there))} there"
    names = sorted(
        {
            each.name
            for pod in pods
            for each in pod.ports
            if each.name and each.protocol == port.protocol
        }
    )
    return f"there is {', '.join(names[:4])}" if names else "this opens nothing"
