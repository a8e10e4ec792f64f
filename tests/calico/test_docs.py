"""docs/calico.md tells what the code's table tells."""

from pathlib import Path

from webhook.calico import TABLE

PAGE = (Path(__file__).parents[2] / "docs" / "calico.md").read_text(encoding="utf-8")


def test_the_table_is_the_codes() -> None:
    """Row for row, in the same order, and no other."""
    rows = PAGE.partition("|---|---|---|---|---|\n")[2].partition("\n\n")[0].splitlines()

    assert rows == [
        f"| {row.change} | {row.rating.value} | {row.reason} | {row.source} | {row.remedy} |"
        for row in TABLE.values()
    ]


def test_every_check_is_told_of() -> None:
    """The page names each check of Calico."""
    from webhook.checks import CHECKS  # noqa: PLC0415 - the others need no check

    ids = [c.id for c in CHECKS if c.id.split("-")[0] in {"ippool", "felix", "calico"}]

    assert len(ids) == 9
    assert [i for i in ids if f"`{i}`" not in PAGE] == []
