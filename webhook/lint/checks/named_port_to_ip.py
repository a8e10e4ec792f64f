"""Port names towards addresses."""

from collections.abc import Iterator

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.lint.traits import Trait
from webhook.netpol.model import Direction, IPBlock


@lint(
    "named-port-to-ip",
    Severity.WARNING,
    Subject,
    "np-guard/netpol-analyzer#199",
    needs=Needs.POLICY,
    by_rule=True,
    all_of={Trait.NAMED_PORT},
)
def named_port_to_ip(subject: Subject) -> Iterator[Problem]:
    """An egress rule to addresses gives its ports by number.

    Why: a name is looked up in the destination's containers. An address outside of the cluster has
    none, so that the rule opens nothing there; ClusterNetworkPolicy forbids the combination.

    Fix: write the number.
    """
    for at in subject.rules:
        blocks = any(isinstance(peer, IPBlock) for peer in at.rule.peers)
        if at.direction is Direction.EGRESS and (blocks or not at.rule.peers):
            for path, port, _ in at.ports:
                if port.name:
                    message = f"port name {port.name} never matches an address: write the number"
                    yield Problem((*path, "port"), message)
