"""What is installed anywhere is pinned, and known by its hash."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PINNED = sorted(path.name for path in ROOT.glob("requirements*.txt"))
WITH_HASHES = re.compile(r"[\w.-]+==\S+( ; .+)?( --hash=sha256:[0-9a-f]{64})+")


def lines(name: str) -> list[str]:
    """The requirements of a file, one a line, without comments."""
    text = re.sub(r"\s*#.*", "", (ROOT / name).read_text()).replace("\\\n", " ")
    return [re.sub(r"\s+", " ", line).strip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("name", PINNED)
def test_every_requirement_has_a_version_and_hashes(name: str) -> None:
    """No line of any file lets pip take what it finds."""
    found = lines(name)

    assert found
    assert [it for it in found if not WITH_HASHES.fullmatch(it)] == []


@pytest.mark.parametrize("path", ["Makefile", "Dockerfile", ".ci/run"])
def test_every_installation_asks_for_the_hashes(path: str) -> None:
    """From a file with --require-hashes; else nothing is fetched, as of our own package."""
    text = (ROOT / path).read_text().replace("\\\n", " ")
    installs = re.findall(r"(?:pip\S*|PIP\)).* -r .*|pip-audit .*", text)

    assert [it for it in installs if "--require-hashes" not in it] == []


def test_each_list_of_wishes_is_pinned() -> None:
    """A requirements*.in without its .txt would be installed unpinned, or not at all."""
    wishes = {path.stem for path in ROOT.glob("requirements*.in")}

    assert {Path(name).stem for name in PINNED} == wishes
