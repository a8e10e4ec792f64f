"""Policies that open SCTP alone."""

from collections.abc import Iterator

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.netpol.model import Direction


@lint(
    "sctp-icmp",
    Severity.INFO,
    Subject,
    "kubernetes e2e: SCTP is not taken as TCP",
    needs=Needs.POLICY,
)
def sctp_icmp(subject: Subject) -> Iterator[Problem]:
    """A policy that opens only SCTP is meant to close TCP and UDP.

    Why: isolation is of all protocols, whichever the rules name. ICMP cannot be named at all: it is
    open only where a rule names no ports, and even then it depends on the CNI.

    Fix: add the TCP and UDP ports that are needed; leave `ports` out where ping is.
    """
    for direction in Direction:
        rules = [at.rule for at in subject.rules if at.direction is direction]
        protocols = {port.protocol for rule in rules for port in rule.ports}
        if rules and all(rule.ports for rule in rules) and protocols == {"SCTP"}:
            message = (
                "only SCTP is open: TCP, UDP and ICMP of these pods are denied; add what is needed"
            )
            yield Problem(("spec", direction.lower()), message)
