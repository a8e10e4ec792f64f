"""Check that the default deny of a sealed namespace is not undone by an allow for everybody."""

from collections.abc import Iterator

from webhook.checks.registry import Violation, check
from webhook.checks.subjects import IsolationChange
from webhook.protection import reopenings


@check("networkpolicy-default-deny-reopened", IsolationChange)
def networkpolicy_default_deny_reopened(change: IsolationChange) -> Iterator[Violation]:
    """A NetworkPolicy must not open a sealed namespace to everybody, alone or with others.

    Why: policies add up. One more that lets everything through leaves the default deny standing
    there without effect, and pods that nobody has thought of yet are open from their start.

    Reopened is a direction, Ingress or Egress, if after the change, and not before, there are
    pods that no podSelector names by a value (in each label that the namespace's policies name
    they have another value, or none), which are selected by a policy of that direction, and to
    whom all policies that select them together open all ports of a protocol (fewer than 1,024
    left out) for all of one of these: pods of other namespaces that no value names; IPv4; IPv6
    (fewer addresses than a /16 or a /48 left out of those that hosts can have). So `NotIn`,
    `Exists` and `DoesNotExist` name nobody, nor do the marks that Portcullis gives to Namespaces,
    and CIDRs and port ranges that are split over rules or policies count as the whole that they
    make.

    Allowed: policies that name whom they open by the value of a label; that open single ports; or
    to peers named by a label's value or by a CIDR. What was open before. Every removal.

    Fix: select the pods that need it, `podSelector: {matchLabels: {app: web}}`, or name the ports
    or the peers.
    """
    for found in reopenings(change.others, change.old, change.new):
        preposition = "from" if found.direction == "Ingress" else "to"
        yield Violation.forbidden(
            f"spec.{found.direction.lower()}",
            f"{found.pods} of namespace {change.namespace} would be open {preposition} "
            f"{' and '.join(found.openings)} on all ports, together with what other policies "
            "allow: that undoes the default deny; select single apps by label, or name ports or "
            "peers",
        )
