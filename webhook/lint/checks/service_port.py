"""Rules with the port of a Service in place of the pods' own."""

from collections.abc import Iterator, Sequence

from webhook.lint.groups import opens
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import RuleAt, Subject
from webhook.lint.targets import are_known, targets
from webhook.netpol.model import Pod, PortRule, Service, ServicePort
from webhook.netpol.ports import by_protocol, port_range


@lint(
    "service-port",
    Severity.ERROR,
    Subject,
    "apache/apisix-ingress-controller#2812",
    "aws/amazon-vpc-cni-k8s#2717",
    "ahmetb/kubernetes-network-policy-recipes#33",
    needs=Needs.MANIFESTS,
)
def service_port(subject: Subject) -> Iterator[Problem]:
    """A port of a rule is a port of the pods, not of the Service before them.

    Why: policies are matched behind the Service's address translation, on the pod's own port. A
    rule with the Service's port opens nothing. Told only where a Service with that port leads to
    pods of the rule, all of them are known, none listens on the number, and the rule does not open
    the pods' own port as well.

    Fix: write the targetPort, or the port's name in the container.
    """
    for at in subject.rules:
        for path, port, _ in at.ports:
            message = _message(subject, at, port)
            if message:
                yield Problem((*path, "port"), message)


def _message(subject: Subject, at: RuleAt, port: PortRule) -> str:
    spans = [span for _, each in by_protocol(port.ports) for span in each]
    if len(spans) != 1 or spans[0][0] != spans[0][1]:
        return ""
    number, pods = spans[0][0], targets(subject, at)
    if not are_known(subject, at):
        return ""
    served = {(each.protocol, each.number) for pod in pods for each in pod.ports}
    if (port.protocol, number) in served:
        return ""
    leading = list(_leading(subject.cluster.world.services, pods, port.protocol))
    if any(number in found for _, _, found in leading):
        return ""
    for service, each, found in leading:
        if each.port == number and not _is_open(at, port.protocol, found):
            use = ", ".join(map(str, sorted(found)))
            return (
                f"{number} is the port of Service {service.key}, its pods listen on {use}: use that"
            )
    return ""


def _is_open(at: RuleAt, protocol: str, numbers: frozenset[int]) -> bool:
    """Tell whether the rule opens the pods' own ports as well."""
    wanted = (port_range(protocol, number, number) for number in numbers)
    return all(opens(at.rule, ports) for ports in wanted)


def _leading(
    services: Sequence[Service], pods: Sequence[Pod], protocol: str
) -> Iterator[tuple[Service, ServicePort, frozenset[int]]]:
    """Yield the Service ports that lead to the pods, with the numbers they have there."""
    for service in services:
        behind = [
            pod
            for pod in pods
            if pod.namespace == service.namespace
            and service.selector is not None
            and service.selector.matches(pod.labels)
        ]
        for port in service.ports if behind else ():
            found = _numbers(port, behind)
            if port.protocol == protocol and found:
                yield service, port, found


def _numbers(port: ServicePort, pods: Sequence[Pod]) -> frozenset[int]:
    if isinstance(port.target, int):
        return frozenset({port.target})
    return frozenset().union(*(pod.resolve(port.target, port.protocol) for pod in pods))
