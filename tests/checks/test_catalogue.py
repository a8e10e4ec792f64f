"""What holds for every check."""

import pkgutil

import pytest

import webhook.checks
from webhook.checks import CHECKS
from webhook.checks.registry import Check, check, evaluate

SHARED = {"calico_subjects", "ratings", "registry", "subjects"}


def test_every_module_is_registered() -> None:
    """One module a check, named by its id, and none forgotten."""
    modules = {m.name for m in pkgutil.iter_modules(webhook.checks.__path__)} - SHARED

    assert {c.id.replace("-", "_") for c in CHECKS} == modules


def test_the_table_is_in_order() -> None:
    """Checks are listed by id, each once."""
    ids = [c.id for c in CHECKS]

    assert ids == sorted(set(ids))


@pytest.mark.parametrize("each", CHECKS, ids=lambda c: c.id)
def test_every_check_has_its_test(each: Check, request) -> None:
    """A check without a table of cases is not done."""
    name = f"test_{each.id.replace('-', '_')}.py"

    assert (request.path.parent / name).exists()


@pytest.mark.parametrize("each", CHECKS, ids=lambda c: c.id)
def test_every_check_explains_itself(each: Check) -> None:
    """The documentation is one sentence, then why, and how to do it right."""
    assert each.summary.endswith(".")
    assert "Why:" in each.docs
    assert "Fix:" in each.docs


@pytest.mark.parametrize("bad", ["Netconf", "netconf", "net_conf-x", "net--conf", ""])
def test_ids_are_kebab_case(bad: str) -> None:
    """An id that could not be a file, an anchor and a label is refused."""
    with pytest.raises(ValueError, match="kebab-case"):
        check(bad, str)


def test_a_check_without_its_docs_is_refused() -> None:
    """Why and how to fix are part of a check."""
    with pytest.raises(ValueError, match="Why:, Fix:"):

        @check("a-check", str)
        def undocumented(_subject):
            """Say nothing."""
            yield


def test_only_fitting_checks_are_run() -> None:
    """A check sees subjects of its own type only."""
    assert evaluate(CHECKS, "not a subject of any check") == ()
