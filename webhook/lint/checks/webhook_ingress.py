"""Pods that the API server calls, and may not reach."""

from collections.abc import Iterator

from webhook.lint.cluster import Cluster
from webhook.lint.facts import Callback
from webhook.lint.groups import Group, groups, opens
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.netpol.model import Direction, IPBlock, Pod, Rule, Service
from webhook.netpol.ports import port_range


@lint(
    "webhook-ingress",
    Severity.ERROR,
    Subject,
    "kubernetes/ingress-nginx#8907",
    "bitnami/charts#23181",
    "stolostron/search-v2-operator#781",
    needs=Needs.MANIFESTS,
)
def webhook_ingress(subject: Subject) -> Iterator[Problem]:
    """Pods behind an admission webhook or an APIService let the API server in.

    Why: the API server is in its node's network, so no podSelector or namespaceSelector matches it.
    An isolated webhook without a rule for addresses times out, and with `failurePolicy: Fail` it
    stops what it judges. The rule needs the container's port, not the Service's 443.

    Fix: a rule with only `ports` (the container's port), or with an ipBlock of the control plane.
    """
    for callback in subject.cluster.facts.callbacks:
        service = _service(subject.cluster, callback)
        if service is not None and service.namespace == subject.policy.namespace:
            for group in groups(subject.cluster, subject.policy, Direction.INGRESS):
                yield from _group(subject, group, callback, service)


def _service(cluster: Cluster, callback: Callback) -> Service | None:
    key = f"{callback.namespace}/{callback.service}"
    return next((each for each in cluster.world.services if each.key == key), None)


def _group(
    subject: Subject, group: Group, callback: Callback, service: Service
) -> Iterator[Problem]:
    if not group.led_by(subject.policy) or service.selector is None:
        return
    for pod in group.pods:
        if service.selector.matches(pod.labels):
            closed = sorted(
                number
                for number in _targets(service, callback.port, pod)
                if not any(_lets_in(rule, pod, number) for rule in group.rules)
            )
            if closed:
                message = (
                    f"{callback.caller} calls {pod.key} on {closed[0]}, "
                    "no rule lets the API server in"
                )
                yield Problem(("spec", "ingress"), f"{message}: allow the port from any")
                return


def _targets(service: Service, number: int, pod: Pod) -> frozenset[int]:
    for port in service.ports:
        if port.port == number and port.protocol == "TCP":
            if isinstance(port.target, int):
                return frozenset({port.target})
            return pod.resolve(port.target, "TCP")
    return frozenset()


def _lets_in(rule: Rule, pod: Pod, number: int) -> bool:
    by_address = not rule.peers or any(isinstance(peer, IPBlock) for peer in rule.peers)
    by_name = any(number in pod.resolve(p.name, p.protocol) for p in rule.ports if p.name)
    return by_address and (by_name or opens(rule, port_range("TCP", number, number)))
