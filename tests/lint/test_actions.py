"""What becomes of a finding in admission: the first rule that fits, then the defaults."""

import pytest

from webhook.lint.actions import (
    ANY,
    DEFAULT_WARNINGS,
    JUDGED,
    Action,
    ActionRule,
    Actions,
    checks_named,
)
from webhook.lint.catalogue import ALL_LINTS, BY_ID
from webhook.lint.registry import Finding, Needs, ObjectRef, Severity
from webhook.lint.selectors import equal
from webhook.netpol.labels import EVERYTHING, Selector

PROD = Selector((equal("env", "prod"),))
POLICY = ObjectRef("NetworkPolicy", "shop", "mine")


def finding(check_id, severity=Severity.WARNING):
    """A finding of a check."""
    return Finding(check_id, "", severity, POLICY, 0, (), "told")


def rule(action, *checks, where=EVERYTHING):
    """An action for checks in some namespaces."""
    return ActionRule(checks_named(checks), where, Action(action))


@pytest.mark.parametrize(
    ("rules", "check_id", "labels", "expected"),
    [
        pytest.param([], "and-or", {}, "warn", id="by-default"),
        pytest.param([], "broad-ns", {}, "off", id="off-by-default"),
        pytest.param([rule("deny", "broad-ns")], "broad-ns", {}, "deny", id="named"),
        pytest.param([rule("deny", "broad-ns")], "and-or", {}, "warn", id="another-is-named"),
        pytest.param([rule("off", ANY)], "and-or", {}, "off", id="all-are-named"),
        pytest.param(
            [rule("deny", "and-or", where=PROD), rule("off", ANY)],
            "and-or", {"env": "prod"}, "deny", id="first-that-fits",
        ),
        pytest.param(
            [rule("deny", "and-or", where=PROD), rule("off", ANY)],
            "and-or", {"env": "lab"}, "off", id="another-namespace",
        ),
        pytest.param(
            [rule("deny", "and-or", where=PROD)], "and-or", {}, "warn", id="falls-back-to-default"
        ),
    ],
)  # fmt: skip
def test_first_rule_that_fits_decides(rules, check_id, labels, expected) -> None:
    """Rules are tried in their order, by check and by the Namespace's labels."""
    assert Actions(tuple(rules)).of(finding(check_id), labels) == expected


def test_remarks_are_told_only_where_a_rule_names_the_check() -> None:
    """A default warning is of something that is hardly ever meant; a remark is not."""
    remark = finding("named-port-ambiguous", Severity.INFO)

    assert Actions().of(remark, {}) is Action.OFF
    assert Actions((rule("warn", "named-port-ambiguous"),)).of(remark, {}) is Action.WARN


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param([], {"warn"}, id="default"),
        pytest.param([rule("off", "and-or")], {"off"}, id="decided"),
        pytest.param([rule("deny", "and-or", where=PROD)], {"deny", "warn"}, id="here-or-there"),
        pytest.param(
            [rule("off", "and-or", where=PROD), rule("deny", ANY), rule("warn", ANY)],
            {"off", "deny"}, id="nothing-behind-a-rule-for-all",
        ),
    ],
)  # fmt: skip
def test_what_is_possible(rules, expected) -> None:
    """A check of which nothing can become is never run."""
    assert Actions(tuple(rules)).possible("and-or") == expected


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param("andor", "no check has the id 'andor'", id="unknown"),
        pytest.param("service-port", "service-port needs manifests", id="not-in-admission"),
    ],
)
def test_names_that_are_none(name, told) -> None:
    """A misspelt setting is not silence."""
    with pytest.raises(ValueError, match=told):
        checks_named([name])


def test_defaults_are_checks_that_admission_judges() -> None:
    """No default is of a check that needs what a review does not have, or of a remark."""
    judged = {check.id for check in JUDGED}

    assert DEFAULT_WARNINGS <= judged
    assert not {i for i in DEFAULT_WARNINGS if BY_ID[i].severity is Severity.INFO}
    assert checks_named([ANY]) == judged


def test_what_its_author_wrote_is_said_to_be_looked_at() -> None:
    """Documentation that says so, and what a check declares, are one."""
    said = {check.id for check in ALL_LINTS if "Seen in manifests" in " ".join(check.docs.split())}

    assert said == {check.id for check in ALL_LINTS if check.needs is Needs.AUTHOR}
