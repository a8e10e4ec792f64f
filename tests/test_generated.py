"""What is told of the code is as the code is: generated pages, and counts in those that are not."""

import re
from pathlib import Path

import pytest

from tools.generate import pages
from webhook.lint.actions import JUDGED
from webhook.lint.catalogue import ALL_LINTS

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_fresh(path) -> None:
    """A generated page says what the code says now; `make docs` renews it."""
    assert path.read_text(encoding="utf-8") == pages()[path]


@pytest.mark.parametrize(
    ("page", "pattern", "count"),
    [
        pytest.param("README.md", r"\[(\d+) checks\]", len(ALL_LINTS), id="readme"),
        pytest.param("CHANGELOG.md", r"lint` has (\d+) checks", len(ALL_LINTS), id="changelog"),
        pytest.param("CHANGELOG.md", r"(\d+) of the checks", len(JUDGED), id="in-admission"),
    ],
)
def test_checks_are_counted_right(page: str, pattern: str, count: int) -> None:
    """One number everywhere, and it moves with the catalogue."""
    found = re.search(pattern, (ROOT / page).read_text(encoding="utf-8"))

    assert found is not None
    assert int(found[1]) == count
