"""docs/networkpolicy-protection.md says what the code says."""

from pathlib import Path

import pytest

from tests.protection.specs import policy, spec
from webhook.admission.answer import judged
from webhook.admission.override import NONE
from webhook.admission.policy_advice import PolicyAdviser
from webhook.checks import CHECKS
from webhook.checks.registry import evaluate
from webhook.checks.subjects import IsolationChange
from webhook.lint.catalogue import ALL_LINTS
from webhook.protection.coverage import ADDRESS_SLACK, PORT_SLACK
from webhook.settings_policies import DiffSettings

PAGE = Path(__file__).parents[1] / "docs" / "networkpolicy-protection.md"
TEXT = " ".join(PAGE.read_text(encoding="utf-8").split())
DENY = policy(spec(types=["Ingress", "Egress"]), "deny", "shop")
ALLOW_ALL = policy(spec(ingress=[{}]), "allow-all", "shop")
EGRESS = policy(spec(types=["Egress"]), "egress", "shop")


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        pytest.param(IsolationChange("shop", (DENY,), None, ALLOW_ALL), 2, id="reopened"),
        pytest.param(IsolationChange("shop", (), EGRESS, None), 1, id="lost"),
    ],
)
def test_refusals_read_as_on_the_page(change, lines):
    """Word for word, as kubectl prints them behind the webhook's name."""
    message = judged(evaluate(CHECKS, change), NONE, ()).message
    shown = " ".join(message.splitlines()[:lines])

    assert f"denied the request: {shown}" in TEXT


def test_numbers_are_those_of_the_code():
    """What counts as a hole, and the budgets by default."""
    budget = DiffSettings()
    adviser = PolicyAdviser(None, None, budget.budget_millis / 1000, budget.max_pods)
    too_large, _, _ = adviser._too_large().partition(" `")

    assert f"fewer than {PORT_SLACK:,} ports" in TEXT
    assert {4: 1 << (32 - 16), 6: 1 << (128 - 48)} == ADDRESS_SLACK
    assert f"budgetMillis` ({budget.budget_millis})" in TEXT
    assert f"`{too_large}`" in TEXT


def test_checks_that_are_named_exist():
    """Ids on the page are ids of checks."""
    known = {each.id for each in (*CHECKS, *ALL_LINTS)}
    named = {
        word.strip("*`(),.:")
        for word in TEXT.split()
        if word.strip("*`(),.:").startswith(("networkpolicy-", "ipblock-"))
    }

    assert named <= known
    assert len(named) >= 4


def test_it_is_short():
    """A page that is read: at most a hundred lines."""
    assert PAGE.read_text(encoding="utf-8").count("\n") <= 100
