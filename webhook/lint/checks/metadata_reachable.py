"""Metadata services that one rule excepts and another opens again."""

from collections.abc import Iterator

from webhook.lint.groups import Group, groups, opens
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import RuleAt, Subject
from webhook.netpol.addresses import Family, address_text, parse_address
from webhook.netpol.intervals import contains
from webhook.netpol.model import Direction, IPBlock, Rule
from webhook.netpol.ports import port_range

_SERVICES = (parse_address("169.254.169.254"), parse_address("fd00:ec2::254"))
_HTTP = port_range("TCP", 80, 80)


@lint(
    "metadata-reachable",
    Severity.ERROR,
    Subject,
    "onyx#12229",
    "vibeD#60",
    needs=Needs.CLUSTER,
    side=Direction.EGRESS,
)
def metadata_reachable(subject: Subject) -> Iterator[Problem]:
    """What an `except` takes out for the cloud's metadata service, no other rule opens.

    Why: `except` is of its own item alone. Any other item, rule or policy on the same pods that
    covers 169.254.169.254 (AWS's IPv6: fd00:ec2::254) opens it again, and with it the node's
    credentials. Only rules that open TCP 80 count.

    Fix: put the same `except` into every block that covers the address.
    """
    told: set[tuple[int, Family]] = set()
    for group in groups(subject.cluster, subject.policy, Direction.EGRESS):
        for family, address in _SERVICES:
            if _is_excepted(group, family, address):
                for at in subject.rules:
                    if _reopens(at, family, address) and (at.index, family) not in told:
                        told.add((at.index, family))
                        name = address_text(family, address)
                        message = (
                            f"this opens the metadata service {name}, which an except takes out"
                        )
                        yield Problem(at.path, f"{message}: except it here too")


def _is_excepted(group: Group, family: Family, address: int) -> bool:
    return any(
        low <= address <= high
        for rule in group.rules
        for peer in rule.peers
        if isinstance(peer, IPBlock) and peer.family == family
        for low, high in peer.excepts
    )


def _reopens(at: RuleAt, family: Family, address: int) -> bool:
    if at.direction is not Direction.EGRESS or not opens(at.rule, _HTTP):
        return False
    return not at.rule.peers or _covers(at.rule, family, address)


def _covers(rule: Rule, family: Family, address: int) -> bool:
    blocks = (peer for peer in rule.peers if isinstance(peer, IPBlock))
    return any(block.family == family and contains(block.ranges, address) for block in blocks)
