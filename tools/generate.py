"""Renews what is generated from the code: ``make docs``. A test fails while something is stale."""

from pathlib import Path

from tools import chart_readme, dashboard, flannel_page, networkpolicy_page, observability_page
from webhook.checks import CHECKS
from webhook.checks.registry import Check

ROOT = Path(__file__).resolve().parent.parent

_HEAD = """# Checks

Generated from the code by `make docs`; do not edit. `portcullis checks ID` prints the same.

Each refusal names its check. To let one through all the same, annotate the object with
`portcullis.dev/override: "<reason>"`; the caller needs the verb `override` on
`guards.portcullis.dev` under the check's id. For a DELETE the object annotated is the one deleted.
"""


def checks_page() -> str:
    """The text of CHECKS.md."""
    return "\n".join([_HEAD, *(_section(check) for check in CHECKS)])


def _section(check: Check) -> str:
    return f"## {check.id}\n\n{check.docs}\n"


def pages() -> dict[Path, str]:
    """Every generated file and the text it should have."""
    return {
        ROOT / "CHECKS.md": checks_page(),
        ROOT / "docs" / "flannel.md": flannel_page.render(),
        dashboard.PATH: dashboard.render(),
        observability_page.PATH: observability_page.render(),
        networkpolicy_page.PATH: networkpolicy_page.render(),
        chart_readme.README: chart_readme.render(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
