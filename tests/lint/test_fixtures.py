"""Every check over its fixtures: manifests that pass, and manifests with what is to be found."""

import re
from pathlib import Path

import pytest

from webhook.lint.catalogue import ALL_LINTS
from webhook.lint.cluster import build
from webhook.lint.runner import run
from webhook.manifests import read_manifests

ROOT = Path(__file__).parent / "fixtures"
FIXTURES = sorted(path for path in ROOT.rglob("*.yaml") if not path.match("*.before.yaml"))
EXPECTED = re.compile(r"^# expect: (.+)$", re.MULTILINE)
MAX_MESSAGE = 120


def cluster(path):
    return build([manifest.value for manifest in read_manifests([str(path)])])


def findings(path):
    before = path.with_suffix(".before.yaml")
    return run(cluster(path), cluster(before) if before.exists() else None)


def told(finding):
    return f"{finding.label} {finding.severity} {finding.object} {finding.field}"


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_fixture(path) -> None:
    """A check finds exactly what its fixture says, and nothing where it passes."""
    found = [told(each) for each in findings(path) if each.check_id == path.parent.name]

    assert sorted(EXPECTED.findall(path.read_text())) == sorted(found)
    assert path.stem.startswith("fail") == bool(found)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_messages_are_short_lines(path) -> None:
    """A message is one line that a terminal and a warning take."""
    messages = [finding.message for finding in findings(path)]

    assert [each for each in messages if len(each) > MAX_MESSAGE or not each.isprintable()] == []


@pytest.mark.parametrize("lint", ALL_LINTS, ids=lambda lint: lint.id)
def test_every_check_has_fixtures(lint) -> None:
    """No check lacks a fixture that passes and one that fails."""
    names = {path.name[:4] for path in (ROOT / lint.id).glob("*.yaml")}

    assert {"pass", "fail"} == names


def test_no_fixture_without_check() -> None:
    """Every folder of fixtures is the id of a check."""
    assert {lint.id for lint in ALL_LINTS} == {path.name for path in ROOT.iterdir()}
