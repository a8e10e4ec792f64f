"""The plan of default deny, as a table and as properties."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.controller.plan import Choice, Plan, Reason, Rules, effective, is_exempt, seal_plan
from webhook.model.namespace import Namespace, Seal
from webhook.model.profiles import STRENGTH, Profile
from webhook.netpol.labels import Operator, Requirement, Selector

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
    profile: str | None = None,
    setting: str | None = None,
) -> Namespace:
    return Namespace(name, "u1", seal, created, terminating, profile, setting)


def marked(name: str = "shop", profile: str = "deny-all", setting: str = "deny-all") -> Namespace:
    return namespace(name, "sealed", profile=profile, setting=setting)


@pytest.mark.parametrize(
    ("given_namespace", "reason", "mark", "policies"),
    [
        pytest.param(namespace(seal="pending"), Reason.PENDING, Seal.SEALED, 2, id="pending"),
        pytest.param(namespace(), Reason.UNMARKED, Seal.SEALED, 2, id="born while we were away"),
        pytest.param(namespace(created=None), Reason.UNMARKED, Seal.SEALED, 2, id="age unknown"),
        pytest.param(namespace(created=SINCE), Reason.UNMARKED, Seal.SEALED, 2, id="same second"),
        pytest.param(namespace(created=BEFORE), Reason.OLDER, None, 0, id="older"),
        pytest.param(
            namespace(created=BEFORE, profile="deny-all"),
            Reason.ADOPTED,
            Seal.SEALED,
            2,
            id="older, adopted by a wish",
        ),
        pytest.param(
            namespace(created=BEFORE, profile="none"),
            Reason.EXEMPT,
            Seal.EXEMPT,
            0,
            id="older, and somebody wished for nothing",
        ),
        pytest.param(namespace("ci-7", created=BEFORE), Reason.OLDER, None, 0, id="older, exempt"),
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
        pytest.param(marked(), Reason.SEALED, None, 2, id="sealed"),
        pytest.param(
            namespace(seal="sealed"), Reason.SEALED, Seal.SEALED, 2, id="sealed, no profile"
        ),
        pytest.param(
            marked(profile="deny-ingress", setting="deny-ingress"),
            Reason.SEALED,
            Seal.SEALED,
            2,
            id="sealed under another setting",
        ),
        pytest.param(
            marked(profile="same-namespace", setting="deny-ingress"),
            Reason.SEALED,
            Seal.SEALED,
            2,
            id="a wish that is too weak by now",
        ),
        pytest.param(
            marked(profile="deny-ingress"), Reason.SEALED, None, 1, id="a weaker wish, permitted"
        ),
        pytest.param(marked("ci-8"), Reason.EXEMPT, Seal.EXEMPT, 0, id="sealed, exempt by now"),
        pytest.param(
            namespace(seal="exempt", profile="deny-all", setting="none"),
            Reason.PENDING,
            Seal.SEALED,
            2,
            id="out of exemption by a wish",
        ),
        pytest.param(
            namespace(seal="sealed", profile="none", setting="deny-all"),
            Reason.EXEMPT,
            Seal.EXEMPT,
            0,
            id="released",
        ),
        pytest.param(
            namespace(seal="exempt"),
            Reason.PENDING,
            Seal.SEALED,
            2,
            id="exempt by settings of once",
        ),
        pytest.param(
            namespace(seal="exempt", created=BEFORE),
            Reason.EXEMPT,
            None,
            0,
            id="older, exempt by hand",
        ),
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


@pytest.mark.parametrize(
    ("given_namespace", "reason", "mark"),
    [
        pytest.param(namespace(created=BEFORE), Reason.ADOPTED, Seal.SEALED, id="older"),
        pytest.param(namespace("ci-7", created=BEFORE), Reason.OLDER, None, id="exempt"),
        pytest.param(namespace("kube-system", created=BEFORE), Reason.SYSTEM, None, id="system"),
        pytest.param(
            namespace(created=BEFORE, terminating=True), Reason.TERMINATING, None, id="going"
        ),
        pytest.param(namespace(), Reason.UNMARKED, Seal.SEALED, id="younger"),
        pytest.param(namespace(seal="exempt", created=BEFORE), Reason.EXEMPT, None, id="released"),
    ],
)
def test_enforced_adoption_takes_what_is_older_and_nothing_else(
    given_namespace: Namespace, reason: Reason, mark: Seal | None
) -> None:
    """Never what is exempt, of the system, or going."""
    plan = seal_plan(given_namespace, replace(RULES, adopts=True))

    assert (plan.reason, plan.mark) == (reason, mark)


def test_where_pods_run_allows_come_first() -> None:
    """The denial of an adopted namespace is the last policy that is applied."""
    born = names(seal_plan(namespace(created=AFTER), RULES))
    adopted = names(seal_plan(namespace(created=BEFORE), replace(RULES, adopts=True)))

    assert born == ["portcullis-deny-all", "portcullis-allow-dns"]
    assert adopted == born[::-1]


namespaces = st.builds(
    Namespace,
    name=st.sampled_from(["shop", "ci-1", "kube-system"]),
    uid=st.just("u"),
    seal=st.sampled_from([None, "pending", "sealed", "exempt", "odd"]),
    created=st.sampled_from([None, BEFORE, SINCE, AFTER]),
    terminating=st.booleans(),
    profile=st.sampled_from([None, *STRENGTH]),
    setting=st.sampled_from([None, *STRENGTH]),
)


def names(plan: Plan) -> list[str]:
    return [it["metadata"]["name"] for it in plan.policies]


@given(namespaces)
def test_carrying_a_plan_out_leaves_nothing_to_do(before: Namespace) -> None:
    """With its mark written, a namespace's plan is idle: the controller comes to rest."""
    marks = seal_plan(before, RULES).marks
    if marks is None:
        return
    after = replace(before, seal=marks.seal, profile=marks.profile, setting=marks.setting)

    assert seal_plan(after, RULES).idle
    assert {*names(seal_plan(after, RULES))} == {*names(seal_plan(before, RULES))}


@given(namespaces)
def test_what_is_sealed_has_policies(before: Namespace) -> None:
    """The mark `sealed` is never written without policies, nor `exempt` with any."""
    plan = seal_plan(before, RULES)

    seal = None if plan.marks is None else plan.marks.seal
    assert bool(plan.policies) is (seal is Seal.SEALED)


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


@pytest.mark.parametrize(
    ("wished", "before", "setting", "expected"),
    [
        pytest.param(None, None, "deny-all", "deny-all", id="no label"),
        pytest.param("deny-all", "deny-all", "deny-ingress", "deny-ingress", id="follows"),
        pytest.param("deny-ingress", "deny-ingress", "deny-all", "deny-all", id="follows, up"),
        pytest.param("deny-all", "deny-ingress", "deny-ingress", "deny-all", id="stronger wish"),
        pytest.param("none", "deny-all", "deny-all", "none", id="weaker wish"),
        pytest.param("none", "deny-all", "same-namespace", "none", id="weaker wish stays"),
        pytest.param(
            "same-namespace", "deny-ingress", "deny-all", "deny-all", id="free wish, too weak now"
        ),
        pytest.param("none", None, "deny-all", "none", id="wished at creation"),
    ],
)
def test_a_wish_beside_the_setting(
    wished: str | None, before: str | None, setting: str, expected: str
) -> None:
    """Followed is what the settings wrote; kept is what was permitted, or is strong enough."""
    assert effective(wished, before, setting) == expected


def test_the_first_choice_that_fits_decides() -> None:
    """Exemption by name first, then the rows in order, then the default."""
    lab = Selector((Requirement("tier", Operator.IN, ("lab",)),))
    everything = Selector()
    rules = replace(RULES, choices=(Choice(lab, "none"), Choice(everything, "same-namespace")))

    assert rules.setting("shop", {"tier": "lab"}) == "none"
    assert rules.setting("shop", {"tier": "web"}) == "same-namespace"
    assert rules.setting("legacy", {"tier": "web"}) == "none"
    assert RULES.setting("shop", {}) == "deny-all"


def test_a_profile_that_nobody_knows_is_a_fault() -> None:
    """Nothing is applied or deleted for it, and the mark is not written."""
    plan = seal_plan(marked(profile="own-gone"), RULES)

    assert plan.fault == 'there is no profile "own-gone"'
    assert plan.policies == ()
