"""Which control plane `python -m tests.controlplane env` joins, with folders in place of planes."""

import re
from pathlib import Path

import pytest

from tests.controlplane import ControlPlaneError
from tests.controlplane.__main__ import joined


def plane(folder: Path, name: str) -> Path:
    """The env file of a plane that runs."""
    made = folder / f"portcullis-plane-{name}" / "env"
    made.parent.mkdir()
    made.write_text(f"export KUBECONFIG={name}\n")
    return made


def test_the_only_plane_need_not_be_named(tmp_path: Path) -> None:
    """There is nothing to mistake it for."""
    mine = plane(tmp_path, "mine")

    assert joined(tmp_path, None) == mine


def test_of_several_planes_none_is_guessed(tmp_path: Path) -> None:
    """The newest may be somebody else's: all are listed, and one is to be named."""
    mine, theirs = plane(tmp_path, "mine"), plane(tmp_path, "theirs")

    with pytest.raises(ControlPlaneError, match="2 run; name one of them") as refused:
        joined(tmp_path, None)

    assert str(refused.value).splitlines()[1:] == [f"  {mine.parent}", f"  {theirs.parent}"]


@pytest.mark.parametrize("whole", [pytest.param(True, id="folder"), pytest.param(False, id="name")])
def test_a_plane_is_named_by_its_folder(tmp_path: Path, *, whole: bool) -> None:
    """Its path or its last part, whatever else runs and whatever is newer."""
    mine = plane(tmp_path, "mine")
    plane(tmp_path, "theirs")

    assert joined(tmp_path, str(mine.parent) if whole else mine.parent.name) == mine


@pytest.mark.parametrize(
    ("named", "told"),
    [
        pytest.param(None, "none runs; start one with `python -m tests.controlplane up`", id="any"),
        pytest.param("gone", "no control plane has the folder {}/gone", id="that-one"),
    ],
)
def test_where_none_runs_that_is_told(tmp_path: Path, named: str | None, told: str) -> None:
    """One line, and nothing is printed that a shell would take for exports."""
    with pytest.raises(ControlPlaneError, match=f"^{re.escape(told.format(tmp_path))}$"):
        joined(tmp_path, named)
