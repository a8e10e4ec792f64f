"""Checks are made in one shape, with ids and documentation to rely on."""

import importlib
import re
from pathlib import Path

import pytest

from webhook.checks import CHECKS
from webhook.lint.catalogue import ALL_LINTS, BY_ID, CATALOGUE, NUMBERS
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject, Written

FIXTURES = Path(__file__).parent / "fixtures"
PAGE = Path(__file__).parents[2] / "docs" / "networkpolicy-checks.md"
MAX_LINE = 100


@pytest.mark.parametrize("check", ALL_LINTS, ids=lambda check: check.id)
def test_one_id_everywhere(check) -> None:
    """A check's id names its module, and its function in it."""
    name = check.id.replace("-", "_")
    module = importlib.import_module(f"webhook.lint.checks.{name}")

    assert getattr(module, name) is check


@pytest.mark.parametrize("check", ALL_LINTS, ids=lambda check: check.id)
def test_documentation(check) -> None:
    """Documentation states what holds in one sentence, and says why and how to fix."""
    summary, why, fix = (check.docs.find(each) for each in (check.summary, "Why:", "Fix:"))

    assert (0, True) == (summary, 0 < why < fix)
    assert check.summary.endswith(".")
    assert max(map(len, check.docs.splitlines())) <= MAX_LINE


def test_every_check_has_an_anchor() -> None:
    """The page has a section of every check's id, in their order, behind the one on admission."""
    sections = re.findall(r"^## (.+)$", PAGE.read_text(), re.MULTILINE)

    assert sections == ["In admission", *(check.id for check in ALL_LINTS)]


def test_variants_are_documented() -> None:
    """Every variant that a fixture shows is explained by its check."""
    shown = {
        each
        for path in FIXTURES.rglob("*.yaml")
        for each in re.findall(r"^# expect: (\S+)/(\S+)", path.read_text(), re.MULTILINE)
    }

    assert {(id_, sub) for id_, sub in shown if f"`{sub}`" not in BY_ID[id_].docs} == set()


def test_every_mistake_of_the_catalogue_has_a_check() -> None:
    """34 of them, numbered as they stand; none without a check, and none twice."""
    assert len(CATALOGUE) == max(NUMBERS.values()) == 34
    assert all(CATALOGUE)
    assert [NUMBERS[each.id] for each in ALL_LINTS] == sorted(NUMBERS.values())


def test_ids_are_unique() -> None:
    """No two checks share an id, those of admission counted in."""
    assert len(ALL_LINTS) == len(BY_ID)
    assert not set(BY_ID) & {check.id for check in CHECKS}


def test_subjects_are_known() -> None:
    """The runner has something to give to every check."""
    assert {Subject, Written} == {check.subject for check in ALL_LINTS}


@pytest.mark.parametrize(
    ("check_id", "docs", "told"),
    [
        pytest.param("Bad_Id", "S.\n\nWhy: w\n\nFix: f", "is not kebab-case", id="id"),
        pytest.param("good", "S.\n\nWhy: w", "docstring lacks Fix:", id="no-fix"),
        pytest.param("good", None, "docstring lacks Why:, Fix:", id="no-docs"),
    ],
)
def test_bad_checks_are_refused(check_id, docs, told) -> None:
    """A check without a proper id or documentation cannot be made."""

    def run(subject):
        yield Problem((), "never")

    run.__doc__ = docs
    with pytest.raises(ValueError, match=told):
        lint(check_id, Severity.INFO, Subject, needs=Needs.POLICY)(run)
