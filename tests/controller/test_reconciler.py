"""From watch events to sealed namespaces, on a cluster in memory."""

from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from tests.fakes.cluster import FakeCluster
from webhook.controller.metrics import ControllerMetrics
from webhook.controller.plan import Rules
from webhook.controller.queue import WorkQueue
from webhook.controller.reconciler import Reconciler
from webhook.controller.sealer import Sealer
from webhook.errors import ClusterError, RefusedError, UnavailableError
from webhook.metrics import PrometheusRecorder
from webhook.model.namespace import Seal
from webhook.model.objects import ObjectMeta
from webhook.model.profiles import Profile

RULES = Rules(Profile.DENY_ALL, True, datetime(2026, 1, 1, tzinfo=UTC), frozenset(), ("ci-*",))


class World:
    """A reconciler and all that it touches, on a clock set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.cluster = FakeCluster()
        self.registry = CollectorRegistry()
        self.queue = WorkQueue(lambda: self.now, chance=lambda: 1.0)
        self.reconciler = Reconciler(
            Sealer(self.cluster, RULES),
            self.cluster,
            PrometheusRecorder(self.registry),
            ControllerMetrics(self.registry),
            self.queue,
            clock=lambda: self.now,
        )

    def observe(self, name: str, kind: str = "ADDED", **labels: str) -> None:
        """A watch event of a namespace of the cluster."""
        meta = ObjectMeta(
            name=name,
            uid=f"uid-{name}",
            labels={f"portcullis.dev/{key}": value for key, value in labels.items()},
            creation_timestamp="2026-02-01T00:00:00Z",
        )
        self.reconciler.observe(kind, meta)

    def work(self, after: float = 0.0) -> int:
        """Let time pass and work off what is due; how many reconciles that took."""
        self.now += after
        count = 0
        while self.reconciler.work_one(0):
            count += 1
        return count

    def value(self, name: str, **labels: str) -> float | None:
        """A metric."""
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def world() -> World:
    return World()


def test_a_new_namespace_is_sealed(world: World) -> None:
    """Policies, then the mark; once, and counted by its reason."""
    world.cluster.add_namespace("shop", seal="pending")
    world.observe("shop", seal="pending")
    world.work()
    world.observe("shop", "MODIFIED", seal="sealed")

    assert world.work() == 0
    assert world.cluster.policy_names("shop") == {"portcullis-deny-all", "portcullis-allow-dns"}
    assert world.cluster.marked == [("shop", Seal.SEALED)]
    assert world.value("portcullis_seals_total", by="controller", reason="Pending") == 1


def test_sealed_namespaces_cost_no_request(world: World) -> None:
    """The start on a cluster of 5,000 namespaces asks the API server nothing more."""
    for n in range(5000):
        world.observe(f"ns-{n}", seal="sealed")

    assert world.work() == 0
    assert not world.cluster.calls


def test_what_the_gate_sealed_meanwhile_is_not_touched(world: World) -> None:
    """The namespace is read anew; one that needs nothing any more is no seal of ours."""
    world.cluster.add_namespace("shop", seal="sealed")
    world.observe("shop", seal="pending")
    world.work()

    assert world.cluster.calls == {"namespace": 1}
    assert world.value("portcullis_seals_total", by="controller", reason="Sealed") is None


def test_an_event_that_says_sealed_takes_it_off_the_queue(world: World) -> None:
    """Nor does it need to be read."""
    world.observe("shop", seal="pending")
    world.observe("shop", "MODIFIED", seal="sealed")

    assert world.work() == 0
    assert world.value("portcullis_controller_queue_depth") == 0


@pytest.mark.parametrize(
    "then",
    [
        pytest.param(lambda c: c.namespaces.pop("shop"), id="gone"),
        pytest.param(lambda c: c.add_namespace("shop", terminating=True), id="terminating"),
    ],
)
def test_a_namespace_that_goes_is_left_in_peace(world: World, then: object) -> None:
    """Also if it goes between the reading and the policies; no retry, no Event, no error."""
    world.cluster.add_namespace("shop")
    world.cluster.before("apply_policy", lambda: then(world.cluster))  # type: ignore[operator]
    world.observe("shop")

    assert world.work() == 1
    assert world.work(after=10_000) == 0
    assert world.cluster.events == []
    assert world.cluster.marked == []


def test_a_deleted_namespace_is_forgotten(world: World) -> None:
    """Its retries end with it."""
    world.cluster.add_namespace("shop")
    world.cluster.fail("apply_policy", UnavailableError("away"))
    world.observe("shop")
    world.work()
    world.observe("shop", "DELETED")

    assert world.work(after=10_000) == 0


def test_an_api_server_that_is_away_is_tried_again_soon(world: World) -> None:
    """Sealed within a second after it came back; failures are counted, and no Event is made."""
    world.cluster.add_namespace("shop")
    world.cluster.fail("apply_policy", UnavailableError("away"), times=2)
    world.observe("shop")
    assert world.work() == 1
    assert world.work(after=0.25) == 1
    assert world.work(after=0.5) == 1

    errors = "portcullis_controller_reconcile_errors_total"
    assert world.cluster.marked == [("shop", Seal.SEALED)]
    assert world.cluster.events == []
    assert world.value(errors, error="UnavailableError") == 2
    assert world.value("portcullis_controller_reconcile_seconds_count") == 3


def test_a_refusal_is_told_and_tried_again_slowly(world: World) -> None:
    """An Event on the Namespace says what the API server said; the next attempt is a minute off."""
    world.cluster.add_namespace("shop")
    world.cluster.fail("apply_policy", RefusedError("exceeded quota"), times=1)
    world.observe("shop")
    assert world.work() == 1
    assert world.work(after=59) == 0
    assert world.work(after=1) == 1
    (event,) = world.cluster.events

    assert (event.about.kind, event.about.name, event.about.uid) == (
        "Namespace",
        "shop",
        "uid-shop",
    )
    assert (event.type, event.reason) == ("Warning", "SealRefused")
    assert "exceeded quota" in event.message
    assert world.cluster.marked == [("shop", Seal.SEALED)]


def test_one_namespace_that_fails_does_not_hold_up_others(world: World) -> None:
    """Each key has its own back-off."""
    error: ClusterError = UnavailableError("away")
    world.cluster.add_namespace("bad")
    world.cluster.add_namespace("good")
    world.cluster.fail("apply_policy", error, times=1)
    world.observe("bad")
    world.observe("good")

    assert world.work() == 2
    assert world.cluster.marked == [("good", Seal.SEALED)]


def test_a_fault_of_ours_does_not_end_the_worker(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with its traceback, and the namespace comes back later."""

    def fault() -> None:
        raise ZeroDivisionError

    world.cluster.add_namespace("shop")
    world.cluster.before("namespace", fault)
    world.observe("shop")

    assert world.work() == 1
    assert "ZeroDivisionError" in caplog.text
    assert len(world.queue) == 1


def test_an_exempt_namespace_is_marked_and_gets_nothing(world: World) -> None:
    """The mark keeps its pods away from the gate."""
    world.cluster.add_namespace("ci-1")
    world.observe("ci-1")
    world.work()

    assert world.cluster.marked == [("ci-1", Seal.EXEMPT)]
    assert not world.cluster.policies
