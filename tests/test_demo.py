"""The demo's story, told to a control plane that says yes to everything."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from demo.__main__ import Story

README = Path(__file__).parents[1] / "README.md"


class Agreeing:
    """What the story needs of a control plane; two pods are there when it asks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def kubeconfig(self, user: str, _groups: list[str]) -> Path:
        return self.folder / user

    def kubectl(self, *arguments: str, **_options: Any) -> subprocess.CompletedProcess[str]:
        names = "pod/one pod/two" if arguments[-2:] == ("-o", "name") else ""
        return subprocess.CompletedProcess(arguments, 0, names, "")


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The steps of the story and its commands."""
    Story(Agreeing(tmp_path)).tell()
    return steps(capsys.readouterr().out)


def steps(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("# ", "$ "))]


def test_the_readme_records_the_story(told: list[str]) -> None:
    """Step by step, to the letter: who follows it sees what he read."""
    recorded = README.read_text(encoding="utf-8").partition("## A recorded run of `make demo`")[2]

    assert steps(recorded.partition("```text")[2].partition("```")[0]) == told


def test_no_override_stays_behind(told: list[str]) -> None:
    """What a newcomer tries next is judged, not let through."""
    used = [number for number, line in enumerate(told) if "override.yaml" in line]
    taken = [number for number, line in enumerate(told) if "portcullis.dev/override-" in line]

    assert used
    assert max(used) < max(taken, default=0)
