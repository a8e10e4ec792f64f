"""The Pod gate: no pod before the policies of its namespace."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.fakes.cluster import INSTALLED_AT
from tests.reviews import pod
from webhook.errors import DeadlineError, RefusedError, UnavailableError

POD = pod("first", "team-a")
POLICIES = {"portcullis-deny-all", "portcullis-allow-dns"}


@pytest.mark.parametrize(
    "seal", [pytest.param("pending", id="pending"), pytest.param(None, id="unmarked")]
)
def test_policies_stand_before_the_pod(validate, cluster, seal) -> None:
    """The gate itself applies them, marks the namespace, and then allows."""
    cluster.add_namespace("team-a", seal=seal)
    response = validate("CREATE", POD)

    assert response.allowed
    assert cluster.policy_names("team-a") == POLICIES
    assert cluster.marked == [("team-a", "sealed")]


@pytest.mark.parametrize(
    "space",
    [
        pytest.param({"seal": "sealed"}, id="sealed"),
        pytest.param({"seal": "exempt"}, id="exempt"),
        pytest.param({"created": INSTALLED_AT - timedelta(days=1)}, id="older-than-we"),
        pytest.param({"seal": "pending", "terminating": True}, id="terminating"),
    ],
)
def test_left_alone(validate, cluster, space) -> None:
    """Where nothing is due, the pod passes and nothing is written."""
    cluster.add_namespace("team-a", **space)

    assert validate("CREATE", POD).allowed
    assert cluster.policies == {}
    assert cluster.marked == []


def test_dry_run_changes_nothing(validate, cluster) -> None:
    """A dry run is answered without a look at the cluster."""
    cluster.add_namespace("team-a", seal="pending")

    assert validate("CREATE", POD, dry_run=True).allowed
    assert cluster.policies == {}
    assert cluster.marked == []


def test_system_namespaces_are_never_touched(validate, cluster) -> None:
    """Even a mark that somebody put there by force seals no system namespace."""
    cluster.add_namespace("kube-system", seal="pending")

    assert validate("CREATE", pod("dns", "kube-system")).allowed
    assert cluster.policies == {}


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(RefusedError("exceeded quota: count/networkpolicies"), id="quota"),
        pytest.param(UnavailableError("the API server is away"), id="away"),
        pytest.param(DeadlineError("no answer in the time that was left"), id="slow"),
    ],
)
def test_a_pod_waits_where_policies_cannot_be_applied(validate, cluster, error) -> None:
    """It is refused with the reason, and the namespace stays pending."""
    cluster.add_namespace("team-a", seal="pending")
    cluster.fail("apply_policy", error)
    response = validate("CREATE", POD)

    assert not response.allowed
    assert str(error) in response.message
    assert 'namespace "team-a"' in response.message
    assert cluster.marked == []


def test_the_mark_comes_last(validate, cluster) -> None:
    """A failure to mark leaves the namespace pending, so the next pod tries again."""
    cluster.add_namespace("team-a", seal="pending")
    cluster.fail("mark", UnavailableError("the API server is away"), times=1)

    assert not validate("CREATE", POD).allowed
    assert cluster.policy_names("team-a") == POLICIES
    assert validate("CREATE", POD).allowed
    assert cluster.marked == [("team-a", "sealed")]


def once(action):
    """A hook that does something at its first call."""
    left = [action]
    return lambda: left.pop()() if left else None


def test_a_namespace_made_anew_meanwhile(validate, cluster) -> None:
    """The namesake that came after is sealed for itself, before the pod may be in it."""
    cluster.add_namespace("team-a", seal="pending", uid="old")

    def replaced() -> None:
        cluster.add_namespace("team-a", seal="pending", uid="new")
        cluster.policies.clear()

    cluster.before("mark", once(replaced))

    assert validate("CREATE", POD).allowed
    assert cluster.policy_names("team-a") == POLICIES
    assert (cluster.namespaces["team-a"].uid, cluster.namespaces["team-a"].seal) == (
        "new",
        "sealed",
    )


def test_a_namespace_that_never_stays_as_it_was_read(validate, cluster) -> None:
    """After some attempts the pod is refused; nothing was marked that might not be so."""
    cluster.add_namespace("team-a", seal="pending", uid="old")
    cluster.before("mark", lambda: cluster.add_namespace("team-a", seal="pending", uid="new"))
    response = validate("CREATE", POD)

    assert (response.allowed, response.code) == (False, 503)
    assert cluster.namespaces["team-a"].seal == "pending"


def test_other_changes_meanwhile_cost_no_more_than_a_look(validate, cluster) -> None:
    """Somebody's annotation is no other plan: the policies are not gone through again."""
    cluster.add_namespace("team-a", seal="pending")
    cluster.before("mark", once(lambda: cluster.add_namespace("team-a", seal="pending")))

    assert validate("CREATE", POD).allowed
    assert cluster.marked == [("team-a", "sealed")]
    assert cluster.calls["standing"] == 1


def test_a_wish_meanwhile_is_no_ones_loss(validate, cluster) -> None:
    """The marks are bound to the Namespace as it was read: a wish that came after it counts."""
    cluster.add_namespace("team-a", seal="pending", profile="deny-all", setting="deny-all")
    wished = {"seal": "pending", "profile": "deny-ingress", "setting": "deny-all"}
    cluster.before("mark", once(lambda: cluster.add_namespace("team-a", **wished)))

    assert validate("CREATE", POD).allowed
    assert cluster.profiles["team-a"] == "deny-ingress"
    assert "portcullis-deny-ingress" in cluster.policy_names("team-a")


def test_no_pod_outlives_its_namespace(validate, cluster) -> None:
    """It would stand in the next one of that name before the policies of that do."""
    cluster.add_namespace("team-a", seal="pending")
    cluster.before("mark", once(cluster.namespaces.clear))
    response = validate("CREATE", POD)

    assert (response.allowed, response.code) == (False, 404)
    assert response.message == 'namespace "team-a" is gone, or going'


def test_replicas_that_race_let_every_pod_pass(validate, cluster) -> None:
    """Eight reviews at once of pods in the same namespaces: none is refused, none comes early."""
    names = [f"team-{number}" for number in range(20)]
    for name in names:
        cluster.add_namespace(name, seal="pending")
    for method in ("standing", "apply_policy", "mark"):
        cluster.before(method, lambda: time.sleep(0.0005))

    def admit(name: str) -> tuple[bool, bool]:
        response = validate("CREATE", pod("first", name))
        return response.allowed, cluster.policy_names(name) == POLICIES

    with ThreadPoolExecutor(8) as replicas:
        answers = set(replicas.map(admit, sorted(names * 8)))

    assert answers == {(True, True)}
    assert {cluster.namespaces[name].seal for name in names} == {"sealed"}
