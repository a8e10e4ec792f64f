"""docs/threat-model.md answers every threat, and what it names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
SECTIONS = dict(re.findall(r"^### (.+)\n((?:(?!^#).*\n)*)", PAGE, re.MULTILINE))
THREATS = [title for title in SECTIONS if title.startswith("Threat ID")]
PATHS = sorted(set(re.findall(r"`([\w.-]+(?:/[\w.-]+)+)`", PAGE)))


def test_all_eighteen_are_answered() -> None:
    """In the paper's order, none left out."""
    numbers = [re.match(r"Threat ID (\d+) - ", title) for title in THREATS]

    assert [int(it[1]) for it in numbers if it] == list(range(1, 19))


@pytest.mark.parametrize("title", THREATS)
def test_each_answer_has_its_four_parts(title: str) -> None:
    """What is done, where, what shows it, what is left."""
    parts = re.findall(r"^\*\*(.+?)\.\*\*", SECTIONS[title], re.MULTILINE)

    assert parts == ["Done", "Where", "Shown", "Left to you"]


@pytest.mark.parametrize("title", sorted(SECTIONS.keys() - set(THREATS)))
def test_each_threat_of_our_own_names_its_test(title: str) -> None:
    """An answer that nothing shows is a hope."""
    assert re.search(r"Shown: `(tests|bench)/", SECTIONS[title])


@pytest.mark.parametrize("path", PATHS)
def test_what_it_names_exists(path: str) -> None:
    """Code, chart and tests that were moved or renamed are found here."""
    assert (ROOT / path).exists()
