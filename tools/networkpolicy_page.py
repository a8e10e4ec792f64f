"""docs/networkpolicy-checks.md from the documentation of the lint checks."""

from pathlib import Path
from typing import Any

from webhook.lint.catalogue import ALL_LINTS
from webhook.lint.registry import Lint

PATH = Path(__file__).resolve().parent.parent / "docs" / "networkpolicy-checks.md"

_HEAD = """# Mistakes in NetworkPolicies

Generated from the code by `make docs`; do not edit. `portcullis checks ID` prints the same.

Each is valid: the API server takes it, and it does something else than it seems to. They stand in
the order in which they were met in users' threads, weighed by harm. `portcullis lint PATH...` finds
them in manifests; `--check ID=off|info|warning|error` switches one off, or lowers or raises it.
An *error* is likely a hole or an outage, a *warning* a doubt, an *info* a remark.

| Check | Severity | What holds where it is silent |
|---|---|---|
"""


def render() -> str:
    """The text of the page."""
    rows = "".join(
        f"| [{each.id}](#{each.id}) | {each.severity} | {_cell(each)} |\n" for each in ALL_LINTS
    )
    return "\n".join([_HEAD + rows, *map(_section, ALL_LINTS)])


def _cell(check: Lint[Any]) -> str:
    return check.summary.replace("|", "\\|")


def _section(check: Lint[Any]) -> str:
    seen = f"\nSeen in: {', '.join(check.links)}.\n" if check.evidence else ""
    return f"## {check.id}\n\n*{check.severity}* · {check.docs}\n{seen}"
