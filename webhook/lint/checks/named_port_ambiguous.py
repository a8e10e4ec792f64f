"""Port names that are several ports."""

from collections.abc import Iterator

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.lint.targets import targets
from webhook.lint.traits import Trait


@lint(
    "named-port-ambiguous",
    Severity.WARNING,
    Subject,
    "aws/amazon-network-policy-controller-k8s#81",
    "aws/aws-network-policy-agent#149",
    "aws/aws-network-policy-agent#193",
    "np-guard/netpol-analyzer#405",
    needs=Needs.CLUSTER,
    by_rule=True,
    all_of={Trait.NAMED_PORT},
)
def named_port_ambiguous(subject: Subject) -> Iterator[Problem]:
    """A port name is one port in each pod.

    Why: two containers of a pod may both have a port `http`. The name then opens both, or with
    some agents only the first. That a name is another number in another pod is what names are for,
    but some agents take one pod's number for all: a remark (`differs`).

    Fix: give the ports of a pod different names, or write the numbers.
    """
    for at in subject.rules:
        for path, port, _ in at.ports:
            found = [
                (pod.key, sorted(pod.resolve(port.name, port.protocol)))
                for pod in (targets(subject, at) if port.name else ())
            ]
            twice = next((each for each in found if len(each[1]) > 1), None)
            numbers = sorted({number for _, each in found for number in each})
            listed = ", ".join(map(str, numbers))
            if twice is not None:
                both = ", ".join(map(str, twice[1]))
                message = (
                    f"{port.name} is {both} in {twice[0]}: some CNIs open one of them; use numbers"
                )
                yield Problem((*path, "port"), message)
            elif len(numbers) > 1:
                message = f"{port.name} is {listed} in different pods: some CNIs take one for all"
                yield Problem((*path, "port"), message, "differs", Severity.INFO)
