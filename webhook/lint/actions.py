"""What becomes of a finding in admission: settings by check and Namespace, and their defaults."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from webhook.lint.action import Action
from webhook.lint.catalogue import ALL_LINTS, BY_ID
from webhook.lint.registry import Finding, Needs, Severity
from webhook.netpol.labels import Selector

ANY = "*"
"""Every check that admission can judge."""

JUDGED = tuple(check for check in ALL_LINTS if check.needs is not Needs.MANIFESTS)
"""The checks that admission can judge."""

DEFAULT_WARNINGS = frozenset(
    {
        "types-vs-rules",
        "types-omitted-egress",
        "null-ns-beside-pod",
        "egress-without-dns",
        "rule-allows-all-peers",
        "and-or",
        "ns-selector-matches-none",
        "world-open",
        "metadata-reachable",
        "one-family",
        "except-covers-all",
        "named-port-unmatched",
        "named-port-ambiguous",
        "named-port-to-ip",
        "selector-unsatisfiable",
        "reopens-default-deny",
    }
)
"""Warned of where no setting says otherwise: hardly ever meant, and certain at that moment.

Not among them: what a policy made before its pods would raise (selects-no-pod, as Helm installs
policies first), what is often meant (broad-ns, spoofable-ns-label), what the change in words says
better (isolation-flip, ineffective-open), and remarks.
"""


@dataclass(frozen=True, slots=True)
class ActionRule:
    """An action for some checks in some namespaces.

    Args:
        checks: their ids.
        namespaces: selects by the Namespace's labels.
    """

    checks: frozenset[str]
    namespaces: Selector
    action: Action


def checks_named(names: Iterable[str]) -> frozenset[str]:
    """The ids that a setting names.

    Raises:
        ValueError: there is no such check, or admission cannot judge it.
    """
    judged = frozenset(check.id for check in JUDGED)
    found = frozenset(names)
    for name in sorted(found - judged - {ANY}):
        if name in BY_ID:
            raise ValueError(f"{name} needs manifests: only `portcullis lint` can judge it")
        raise ValueError(f"no check has the id {name!r}")
    return judged if ANY in found else found


@dataclass(frozen=True, slots=True)
class Actions:
    """The actions of an installation: the first rule that fits decides, then the defaults."""

    rules: tuple[ActionRule, ...] = ()

    def of(self, finding: Finding, labels: Mapping[str, str]) -> Action:
        """The action for a finding in a Namespace of these labels."""
        for rule in self.rules:
            if finding.check_id in rule.checks and rule.namespaces.matches(labels):
                return rule.action
        told = finding.check_id in DEFAULT_WARNINGS and finding.severity is not Severity.INFO
        return Action.WARN if told else Action.OFF

    def by_labels(self, check_id: str) -> bool:
        """Whether a Namespace's labels matter to a check."""
        return any(r.namespaces.requirements for r in self.rules if check_id in r.checks)

    def possible(self, check_id: str) -> frozenset[Action]:
        """What may become of a check's findings, in one Namespace or the other."""
        found = []
        for rule in self.rules:
            if check_id in rule.checks:
                found.append(rule.action)
                if not rule.namespaces.requirements:
                    return frozenset(found)
        default = Action.WARN if check_id in DEFAULT_WARNINGS else Action.OFF
        return frozenset((*found, default))
