"""The plan of default deny, as a table and as properties."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.controller.plan import Reason, Rules, is_exempt, seal_plan
from webhook.model.namespace import Namespace, Seal
from webhook.model.profiles import Profile

BEFORE, SINCE, AFTER = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3))
RULES = Rules(
    profile=Profile.DENY_ALL,
    dns=True,
    since=SINCE,
    system=frozenset({"kube-system"}),
    exempt=("ci-*", "legacy"),
)


def namespace(
    name: str = "shop",
    seal: str | None = None,
    created: datetime | None = AFTER,
    *,
    terminating: bool = False,
) -> Namespace:
    return Namespace(name, "u1", seal, created, terminating)


@pytest.mark.parametrize(
    ("given_namespace", "reason", "mark", "policies"),
    [
        pytest.param(namespace(seal="pending"), Reason.PENDING, Seal.SEALED, 2, id="pending"),
        pytest.param(namespace(), Reason.UNMARKED, Seal.SEALED, 2, id="born while we were away"),
        pytest.param(namespace(created=None), Reason.UNMARKED, Seal.SEALED, 2, id="age unknown"),
        pytest.param(namespace(created=SINCE), Reason.UNMARKED, Seal.SEALED, 2, id="same second"),
        pytest.param(namespace(created=BEFORE), Reason.OLDER, None, 0, id="older"),
        pytest.param(
            namespace(seal="pending", created=BEFORE),
            Reason.PENDING,
            Seal.SEALED,
            2,
            id="older, yet marked",
        ),
        pytest.param(
            namespace(seal="whatever"), Reason.PENDING, Seal.SEALED, 2, id="an unknown mark"
        ),
        pytest.param(namespace(seal="sealed"), Reason.SEALED, None, 0, id="sealed"),
        pytest.param(namespace(seal="exempt"), Reason.EXEMPT, None, 0, id="marked exempt"),
        pytest.param(namespace("ci-7"), Reason.EXEMPT, Seal.EXEMPT, 0, id="exempt by pattern"),
        pytest.param(
            namespace("legacy", "pending"), Reason.EXEMPT, Seal.EXEMPT, 0, id="exempt by name"
        ),
        pytest.param(namespace("kube-system"), Reason.SYSTEM, None, 0, id="system"),
        pytest.param(
            namespace("kube-system", "pending"), Reason.SYSTEM, None, 0, id="system, marked"
        ),
        pytest.param(
            namespace(seal="pending", terminating=True), Reason.TERMINATING, None, 0, id="going"
        ),
    ],
)
def test_each_namespace_has_its_plan(
    given_namespace: Namespace, reason: Reason, mark: Seal | None, policies: int
) -> None:
    """The first reason that applies decides mark and policies."""
    plan = seal_plan(given_namespace, RULES)

    assert (plan.reason, plan.mark, len(plan.policies)) == (reason, mark, policies)
    assert plan.idle is (mark is None)


namespaces = st.builds(
    Namespace,
    name=st.sampled_from(["shop", "ci-1", "kube-system"]),
    uid=st.just("u"),
    seal=st.sampled_from([None, "pending", "sealed", "exempt", "odd"]),
    created=st.sampled_from([None, BEFORE, SINCE, AFTER]),
    terminating=st.booleans(),
)


@given(namespaces)
def test_carrying_a_plan_out_leaves_nothing_to_do(before: Namespace) -> None:
    """With its mark written, a namespace's plan is idle: the controller comes to rest."""
    plan = seal_plan(before, RULES)
    mark = plan.mark or before.seal
    after = Namespace(before.name, before.uid, mark, before.created, before.terminating)

    assert seal_plan(after, RULES).idle


@given(namespaces)
def test_what_is_sealed_has_policies(before: Namespace) -> None:
    """The mark `sealed` is never written without policies, nor `exempt` with any."""
    plan = seal_plan(before, RULES)

    assert bool(plan.policies) is (plan.mark is Seal.SEALED)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("ci-1", True, id="pattern"),
        pytest.param("CI-1", False, id="case counts"),
        pytest.param("my-ci-1", False, id="the whole name"),
        pytest.param("legacy", True, id="name"),
        pytest.param("legacy-2", False, id="a name is no prefix"),
    ],
)
def test_exempt_patterns(name: str, expected: bool) -> None:
    """Shell patterns over the whole name."""
    assert is_exempt(name, RULES.exempt) is expected
