"""Rules without peers."""

from collections.abc import Iterator

from webhook.lint.dns import is_dns_only
from webhook.lint.groups import ports_text
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import RuleAt, Subject
from webhook.lint.traits import Trait
from webhook.netpol.model import Direction


@lint(
    "rule-allows-all-peers",
    Severity.ERROR,
    Subject,
    "huggingface/chat-ui#2492",
    "huggingface/responses.js#52",
    "FerroEHR#2355",
    "Infisical/infisical#7454",
    "inspect_k8s_sandbox#228",
    needs=Needs.POLICY,
    by_rule=True,
    all_of={Trait.ANYBODY},
)
def rule_allows_all_peers(subject: Subject) -> Iterator[Problem]:
    """A rule says whom it allows.

    Why: a rule with no `from` or `to`, or an empty one, matches every peer, in and out of the
    cluster. Charts render an empty list of values into it. An egress rule of the DNS port alone is
    let pass: to ask any resolver is what it says.

    Fix: name the peers; `- {}` at least says plainly that all is meant, a `from` of
    `namespaceSelector: {}` means the pods of the cluster only.
    """
    for at in subject.rules:
        dns = at.direction is Direction.EGRESS and is_dns_only(at.rule)
        if not at.rule.peers and not dns:
            yield Problem(at.path, _message(at))


def _message(at: RuleAt) -> str:
    way = "from" if at.direction is Direction.INGRESS else "to"
    empty = f"an empty {at.list_name}" if at.list_name in at.raw else f"no {at.list_name}"
    ports = ports_text(at.rule) if at.rule.ports else "everything"
    return f"{empty} allows {ports} {way} everyone, in and out of the cluster: name the peers"
