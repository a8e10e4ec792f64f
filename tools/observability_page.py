"""Renews the table of metrics in docs/observability.md; the rest is written by hand."""

from pathlib import Path

from webhook.metric_table import FAMILIES, Family, Values

PATH = Path(__file__).resolve().parent.parent / "docs" / "observability.md"
BEGIN = "<!-- metrics: made by `make docs` from webhook/metric_table.py -->\n"
END = "<!-- /metrics -->\n"
_HEAD = "| metric | kind | shown by | what it is | labels |\n| --- | --- | --- | --- | --- |\n"


def render() -> str:
    """The page as it ought to be.

    Raises:
        ValueError: the page lacks one of the two marks.
    """
    before, rest = PATH.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + _HEAD + "".join(map(_row, FAMILIES)) + END + after


def _row(family: Family) -> str:
    labels = "; ".join(f"`{label}`: {_values(it)}" for label, it in family.labels.items())
    cells = (f"`{family.name}`", family.kind, family.process, family.help, labels or "")
    return f"| {' | '.join(cells)} |\n"


def _values(values: Values) -> str:
    return values if isinstance(values, str) else ", ".join(f"`{value}`" for value in values)
