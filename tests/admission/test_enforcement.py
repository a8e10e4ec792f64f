"""Whether NetworkPolicies are enforced: asked now and then, told to their authors."""

import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from tests.admission.conftest import OURS
from tests.enforcement.manifests import CANAL, FLANNEL, KUBE_PROXY
from tests.reviews import network_policy
from webhook import waiting
from webhook.admission.enforcement import FAILED_SECONDS, FRESH_SECONDS, Enforcement
from webhook.deadline import Deadline
from webhook.errors import UnavailableError
from webhook.settings import Environment, decode_settings

WARNING = (
    "flannel alone does not enforce NetworkPolicy: this policy has no effect; "
    "install calico or canal"
)
POLICY = network_policy("mine")


@pytest.fixture
def environment(environment: Environment) -> Environment:
    """Nothing else is told of a change."""
    quiet = decode_settings("networkPolicies: {diff: {enabled: false}}")
    return msgspec.structs.replace(environment, settings=quiet)


@pytest.mark.parametrize(
    ("daemon_sets", "warnings"),
    [
        pytest.param([FLANNEL], (WARNING,), id="flannel-alone"),
        pytest.param([CANAL], (), id="canal"),
        pytest.param([KUBE_PROXY], (), id="unknown"),
    ],
)
def test_a_new_policy(validate, cluster, daemon_sets, warnings) -> None:
    """Its author is told where it has no effect."""
    cluster.daemon_set_list = daemon_sets
    response = validate("CREATE", POLICY)

    assert (response.allowed, response.warnings) == (True, warnings)


@pytest.mark.parametrize(
    ("operation", "new", "old", "user"),
    [
        pytest.param("UPDATE", POLICY, POLICY, "jane", id="update"),
        pytest.param("DELETE", None, POLICY, "jane", id="delete"),
        pytest.param("CREATE", POLICY, None, OURS, id="ours"),
    ],
)
def test_nobody_else_is_told(validate, cluster, operation, new, old, user) -> None:
    """One warning a policy, and none to ourselves."""
    cluster.add_namespace("dev")
    cluster.daemon_set_list = [FLANNEL]

    assert validate(operation, new, old, user=user).warnings == ()
    assert cluster.calls["daemon_sets"] == 0


def test_a_cluster_that_does_not_answer_is_no_reason_to_refuse(validate, cluster) -> None:
    """It is but a warning."""
    cluster.fail("daemon_sets", UnavailableError("the API server is away"))
    response = validate("CREATE", POLICY)

    assert (response.allowed, response.warnings) == (True, ())


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_verdict_is_kept_for_a_while(cluster) -> None:
    """A burst of policies asks once; a change shows after some minutes."""
    clock = Clock()
    enforcement = Enforcement(cluster, clock)
    cluster.daemon_set_list = [FLANNEL]
    told = [enforcement.warning(Deadline.after(2)) for _ in range(3)]
    cluster.daemon_set_list = [CANAL]
    clock.now = FRESH_SECONDS - 1
    kept = enforcement.warning(Deadline.after(2))
    clock.now = FRESH_SECONDS

    assert [*told, kept] == [WARNING] * 4
    assert enforcement.warning(Deadline.after(2)) is None
    assert cluster.calls["daemon_sets"] == 2


def test_a_failure_is_kept_for_a_shorter_while(cluster) -> None:
    """A cluster in distress is not asked by every review; the last verdict stands."""
    clock = Clock()
    enforcement = Enforcement(cluster, clock)
    cluster.daemon_set_list = [FLANNEL]
    enforcement.warning(Deadline.after(2))
    clock.now = FRESH_SECONDS
    cluster.fail("daemon_sets", UnavailableError("away"), times=1)
    during = [enforcement.warning(Deadline.after(2)) for _ in range(3)]
    calls = cluster.calls["daemon_sets"]
    clock.now += FAILED_SECONDS
    after = enforcement.warning(Deadline.after(2))

    assert during == [WARNING] * 3
    assert calls == 2
    assert (after, cluster.calls["daemon_sets"]) == (WARNING, 3)


def test_a_review_that_waits_for_the_verdict_tells_so(cluster, monkeypatch) -> None:
    """Another asks already: the thread may be the one that all sockets wait for meanwhile."""
    asked, gate, told = threading.Event(), threading.Event(), threading.Event()
    monkeypatch.setattr(waiting, "_listeners", [told.set])
    cluster.daemon_set_list = [FLANNEL]
    cluster.before("daemon_sets", lambda: (asked.set(), gate.wait(10)))
    enforcement = Enforcement(cluster)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(enforcement.warning, Deadline.after(20))
        assert asked.wait(10)
        second = pool.submit(enforcement.warning, Deadline.after(20))
        waits = told.wait(10)
        gate.set()

    assert waits
    assert [first.result(), second.result()] == [WARNING] * 2
