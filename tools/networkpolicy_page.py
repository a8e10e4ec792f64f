"""docs/networkpolicy-checks.md from the documentation of the lint checks."""

from pathlib import Path
from typing import Any

from webhook.lint.actions import DEFAULT_WARNINGS, JUDGED
from webhook.lint.catalogue import ALL_LINTS, NUMBERS
from webhook.lint.registry import Lint, Needs

PATH = Path(__file__).resolve().parent.parent / "docs" / "networkpolicy-checks.md"

_HEAD = """# Mistakes in NetworkPolicies

Generated from the code by `make docs`; do not edit. `portcullis checks ID` prints the same.

Each is valid: the API server takes it, and it does something else than it seems to. They stand in
the order in which they were met in users' threads, weighed by harm. `portcullis lint PATH...` finds
them in manifests, `portcullis lint --live [PATH...]` in a cluster, or in what manifests would
change there; `--check ID=off|info|warning|error` switches one off, or lowers or raises it.
An *error* is likely a hole or an outage, a *warning* a doubt, an *info* a remark.

| No. | Check | Severity | In admission | What holds where it is silent |
|---|---|---|---|---|
"""

_ADMISSION = """
## In admission

The checks for which the table has more than a dash are run on every NetworkPolicy that is made,
changed or deleted. They judge the policy, and those marked ¹ pods, Namespaces and other policies
too, as the cluster was a moment ago (with `networkPolicies.diff.enabled`, within `budgetMillis`);
those marked ² the manifest as its author wrote it, which `kubectl apply` keeps in an annotation.
Told is what a change brings, not what was so before. *warn* and *off* are the defaults:
```
Warning: spec.ingress[0].from[0]: two items mean OR: every pod of those namespaces, or own pods; \
for AND drop the second dash [and-or]
```
`networkPolicies.checks` of the settings changes that; the first rule that fits a finding decides:
```yaml
networkPolicies:
  checks:
    - {checks: ["*"], namespaceSelector: {matchLabels: {tier: lab}}, action: "off"}
    - {checks: [and-or, types-vs-rules], action: deny}
```
A rule with `warn` tells remarks (*info*) too, the defaults do not. A refusal names the field and
the check; `portcullis.dev/override: "<reason>"` and the verb `override` on
`guards.portcullis.dev/<check id>` let it through. In sealed and protected namespaces `deny` holds;
elsewhere the webhook's entry is `Ignore`, so that nobody waits while Portcullis is away, and `deny`
is best effort. Where the cluster cannot be seen in time, a check marked ¹ refuses nothing, and the
answer says that it was not run. `portcullis_check_findings_total{check,outcome}` counts.

A dash: the check needs all manifests as they were written, or objects that admission does not read
(Services, DaemonSets, webhooks, policies of other APIs). `not-enforced` is told of every new policy
by `warnings.notEnforced`.
"""


def render() -> str:
    """The text of the page."""
    rows = "".join(map(_row, ALL_LINTS))
    return "\n".join([_HEAD + rows + _ADMISSION, *map(_section, ALL_LINTS)])


def _row(check: Lint[Any]) -> str:
    number, link = NUMBERS[check.id], f"[{check.id}](#{check.id})"
    cells = (number, link, check.severity, _admission(check), _cell(check))
    return f"| {' | '.join(map(str, cells))} |\n"


def _admission(check: Lint[Any]) -> str:
    if check not in JUDGED:
        return "-"
    action = "warn" if check.id in DEFAULT_WARNINGS else "off"
    marks = {Needs.CLUSTER: "¹", Needs.AUTHOR: "²"}
    return f"{action}{marks.get(check.needs, '')}"


def _cell(check: Lint[Any]) -> str:
    return check.summary.replace("|", "\\|")


def _section(check: Lint[Any]) -> str:
    seen = f"\nSeen in: {', '.join(check.links)}.\n" if check.evidence else ""
    return f"## {check.id}\n\n*{check.severity}* · {check.docs}\n{seen}"
