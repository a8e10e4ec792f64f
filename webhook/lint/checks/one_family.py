"""Blocks of one IP family in a cluster of two."""

from collections.abc import Iterator

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.lint.traits import Trait
from webhook.netpol.model import Direction


@lint(
    "one-family",
    Severity.WARNING,
    Subject,
    "kubermatic/kubermatic#9546",
    "vibeD#60",
    "cilium/cilium#22610",
    "aws/aws-network-policy-agent#55",
    "k3k#1143",
    needs=Needs.CLUSTER,
    all_of={Trait.BLOCK},
)
def one_family(subject: Subject) -> Iterator[Problem]:
    """In a dual-stack cluster, ipBlocks are of both families.

    Why: an isolated pod is isolated in both families. Blocks of only one leave the other denied
    (or, with some agents, open), and clients that try IPv6 first wait for a timeout. Told only
    where some pod has addresses of both families.

    Fix: give the IPv6 (IPv4) networks too; beside `0.0.0.0/0` that is `::/0`.
    """
    if not subject.cluster.dual_stack:
        return
    for direction in Direction:
        rules = [at for at in subject.rules if at.direction is direction]
        found = [each for at in rules for each in at.blocks]
        families = {block.family for _, block in found}
        if len(families) == 1 and all(at.rule.peers for at in rules):
            (family,) = families
            other = 10 - family
            message = (
                f"only IPv{family} blocks in a dual-stack cluster: IPv{other} stays denied; "
                "add its blocks"
            )
            yield Problem((*found[0][0], "cidr"), message)
