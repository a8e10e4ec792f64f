"""Blocks of one IP family in a cluster of two."""

from collections.abc import Iterator

from webhook.lint.groups import Group, groups, opened
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.lint.traits import Trait
from webhook.netpol.addresses import IPV4, IPV6, Family, parse_cidr
from webhook.netpol.intervals import Ranges, intersection, union
from webhook.netpol.model import Direction, IPBlock, Rule
from webhook.netpol.verdict import opened_ports

_LINK_LOCAL = parse_cidr("169.254.0.0/16")


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
    where some pod has addresses of both families, and no rule of the policies on the same pods
    opens the other on these ports. Link-local listeners such as NodeLocal DNSCache have one family.

    Fix: give the IPv6 (IPv4) networks too; beside `0.0.0.0/0` that is `::/0`.
    """
    if not subject.cluster.dual_stack:
        return
    for direction in Direction:
        rules = [at for at in subject.rules if at.direction is direction]
        found = [
            (at.rule, path, block)
            for at in rules
            for path, block in at.blocks
            if not _is_link_local(block)
        ]
        families = {block.family for _, _, block in found}
        if len(families) != 1:
            continue
        (family,) = families
        (other,) = {IPV4, IPV6} - families
        together = groups(subject.cluster, subject.policy, direction)
        denied = (path for rule, path, _ in found if not _is_open(rule, other, together))
        if path := next(denied, None):
            message = (
                f"only IPv{family} blocks in a dual-stack cluster: IPv{other} stays denied; "
                "add its blocks"
            )
            yield Problem((*path, "cidr"), message)


def _is_link_local(block: IPBlock) -> bool:
    family, (low, high) = _LINK_LOCAL
    return block.family == family and low <= block.cidr[0] and block.cidr[1] <= high


def _is_open(rule: Rule, family: Family, together: list[Group]) -> bool:
    """Tell whether addresses of a family are let in for all pods, on ports of a rule."""
    return all(
        any(_lets_in(each, family) and _meet(each, rule, group) for each in group.rules)
        for group in together
    )


def _lets_in(rule: Rule, family: Family) -> bool:
    """Tell whether a rule lets in addresses of a family, and not just a single one."""
    blocks = (peer for peer in rule.peers if isinstance(peer, IPBlock))
    return not rule.peers or any(
        block.family == family and block.cidr[0] != block.cidr[1] for block in blocks
    )


def _meet(one: Rule, other: Rule, group: Group) -> bool:
    """Tell whether two rules have ports in common, by name or by number."""
    if not one.ports or not other.ports:
        return True
    names = ({(port.protocol, port.name) for port in it.ports if port.name} for it in (one, other))
    return bool(
        set.intersection(*names) or intersection(*(_opened(it, group) for it in (one, other)))
    )


def _opened(rule: Rule, group: Group) -> Ranges:
    """The ports that a rule opens, by name too where the pods are the target."""
    found = opened(rule)
    for pod in group.pods if group.direction is Direction.INGRESS else ():
        found = union(found, opened_ports(rule.ports, pod))
    return found
