"""No pod of a sealed namespace, made or not yet made, loses its last isolating policy."""

import pytest

from tests.protection.specs import ALL, APP, DENY, DENY_INGRESS, named, policy, spec
from webhook.checks.networkpolicy_isolation_lost import networkpolicy_isolation_lost
from webhook.checks.subjects import IsolationChange

WEB = spec(APP, types=["Ingress"])
OTHER = spec({"matchLabels": {"app": "db"}}, types=["Ingress"])
LABELLED = spec(named("app", "Exists"), types=["Ingress"])
UNLABELLED = spec(named("app", "DoesNotExist"), types=["Ingress"])
ALL_BUT_WEB = spec(named("app", "NotIn", "web"), types=["Ingress"])


def found(old, new, *others) -> list[tuple[str, str]]:
    """Field and subject of each violation."""
    standing = tuple(policy(given, f"o{number}") for number, given in enumerate(others))
    change = IsolationChange("dev", standing, old and policy(old), new and policy(new))
    violations = networkpolicy_isolation_lost.run(change)
    return [(v.field, v.message.removeprefix("Forbidden: ").split(" of ")[0]) for v in violations]


EVERY = "every pod"


@pytest.mark.parametrize(
    ("old", "new", "others", "expected"),
    [
        pytest.param(DENY_INGRESS, None, (), [("metadata.name", EVERY)], id="the-last"),
        pytest.param(
            DENY, None, (), [("metadata.name", EVERY)] * 2, id="the-last-of-both-directions"
        ),
        pytest.param(DENY_INGRESS, None, (DENY,), [], id="another-stays"),
        pytest.param(DENY, None, (DENY_INGRESS,), [("metadata.name", EVERY)], id="egress-alone"),
        pytest.param(WEB, None, (), [("metadata.name", "pods with app=web")], id="of-one-app"),
        pytest.param(WEB, None, (DENY,), [], id="of-one-app-beside-the-default"),
        pytest.param(
            DENY_INGRESS, None, (WEB,), [("metadata.name", "pods not app=web")], id="all-but-one"
        ),
        pytest.param(DENY_INGRESS, None, (LABELLED, UNLABELLED), [], id="covered-by-two"),
        pytest.param(DENY_INGRESS, None, (WEB, ALL_BUT_WEB), [], id="covered-by-in-and-not-in"),
        pytest.param(
            DENY_INGRESS, None, (LABELLED,), [("metadata.name", "pods without label app")],
            id="pods-without-the-label",
        ),
        pytest.param(WEB, OTHER, (), [("spec.podSelector", "pods with app=web")], id="retargeted"),
        pytest.param(WEB, DENY_INGRESS, (), [], id="widened"),
        pytest.param(
            DENY, DENY_INGRESS, (), [("spec.policyTypes", EVERY)], id="a-direction-dropped"
        ),
        pytest.param(WEB, spec(APP, ingress=[{}]), (), [], id="rules-are-not-isolation"),
        pytest.param(None, DENY, (), [], id="created"),
        pytest.param(spec(APP, types=["Egress"]), None, (WEB,),
                     [("metadata.name", "pods with app=web")], id="of-the-other-direction"),
    ],
)  # fmt: skip
def test_table(old, new, others, expected) -> None:
    """Lost is what was isolated before and is not after; by label, not by pod."""
    assert found(old, new, *others) == expected


def test_the_message_tells_who_and_how() -> None:
    """As apimachinery prints field errors."""
    change = IsolationChange("dev", (), policy(spec(ALL, types=["Ingress"])), None)
    (violation,) = networkpolicy_isolation_lost.run(change)

    assert str(violation) == (
        "metadata.name: Forbidden: every pod of namespace dev would be isolated for ingress by no "
        "NetworkPolicy any more, so open to everything; first create a policy with policyTypes "
        "[Ingress] that selects them"
    )
