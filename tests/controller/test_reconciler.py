"""From watch events to sealed namespaces, on a cluster in memory."""

from datetime import UTC, datetime

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from tests.fakes.cluster import FakeCluster
from webhook.controller.metrics import ControllerMetrics
from webhook.controller.plan import Rules
from webhook.controller.queue import WorkQueue
from webhook.controller.reconciler import Reconciler
from webhook.controller.sealer import Sealer
from webhook.deadline import Deadline
from webhook.errors import ClusterError, RefusedError, UnavailableError
from webhook.metrics import PrometheusRecorder
from webhook.model.namespace import Seal
from webhook.model.objects import ObjectMeta
from webhook.model.policies import StandingPolicy
from webhook.model.profiles import Manifest, Profile

RULES = Rules(Profile.DENY_ALL, True, datetime(2026, 1, 1, tzinfo=UTC), frozenset(), ("ci-*",))


DENY = "portcullis-deny-all"


class World:
    """A reconciler and all that it touches, on a clock set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.cluster = FakeCluster()
        self.registry = CollectorRegistry()
        self.metrics = ControllerMetrics(self.registry)
        self.queue = WorkQueue(lambda: self.now, chance=lambda: 1.0)
        self.reconciler = Reconciler(
            Sealer(self.cluster, RULES),
            self.cluster,
            PrometheusRecorder(self.registry),
            self.metrics,
            self.queue,
            clock=lambda: self.now,
        )

    def observe(self, name: str, kind: str = "ADDED", **labels: str) -> None:
        """A watch event of a namespace of the cluster; a sealed one is as we would mark it."""
        if labels.get("seal") == "sealed":
            labels = {"profile": "deny-all", "setting": "deny-all"} | labels
        keys = {key: labels.pop(key, None) for key in ("setting", "retry")}
        annotations = {f"portcullis.dev/{key}": it for key, it in keys.items() if it}
        meta = ObjectMeta(
            name=name,
            uid=f"uid-{name}",
            labels={f"portcullis.dev/{key}": value for key, value in labels.items()},
            annotations=annotations,
            creation_timestamp="2026-02-01T00:00:00Z",
        )
        self.reconciler.observe(kind, meta)

    def sealed(self, name: str, *, profile: str = "deny-all", setting: str = "deny-all") -> None:
        """A namespace with its policies, as both watches tell of it."""
        self.cluster.add_namespace(name, seal="sealed", profile=profile, setting=setting)
        for policy in RULES.policies(profile):
            self.cluster.apply_policy(name, policy, Deadline.after(1))
        self.cluster.calls.clear()
        self.observe(name, seal="sealed", profile=profile, setting=setting)
        for standing in self.standing(name):
            self.reconciler.observe_policy("ADDED", standing)

    def standing(self, name: str) -> list[StandingPolicy]:
        """The policies of a namespace, without counting it as a request."""
        found = sorted(it for it in self.cluster.policies.items() if it[0][0] == name)
        return [policy_of(name, manifest) for _, manifest in found]

    def take(self, name: str, policy: str) -> None:
        """Somebody deletes a policy, and the watch tells."""
        manifest = self.cluster.policies.pop((name, policy))
        self.reconciler.observe_policy("DELETED", policy_of(name, manifest))

    def edit(self, name: str, policy: str, **spec: object) -> None:
        """Somebody edits a policy, and the watch tells."""
        manifest = self.cluster.policies[name, policy]
        manifest = {**manifest, "spec": {**manifest["spec"], **spec}}
        self.cluster.policies[name, policy] = manifest
        self.reconciler.observe_policy("MODIFIED", policy_of(name, manifest))

    def settle(self) -> None:
        """The first lists are complete."""
        for listed in (self.reconciler.end_namespaces, self.reconciler.end_policies):
            listed()

    def pace(self) -> int:
        """Let `pace` hand on all that waits for it."""
        count = 0
        while self.reconciler.pace_one(0):
            count += 1
        return count

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


def policy_of(namespace: str, manifest: Manifest) -> StandingPolicy:
    metadata = {**manifest["metadata"], "namespace": namespace}
    return msgspec.convert({**manifest, "metadata": metadata}, StandingPolicy)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def listed(world: World) -> World:
    """With the sealed namespace `shop`, after the first lists."""
    world.reconciler.begin_namespaces()
    world.reconciler.begin_policies()
    world.sealed("shop")
    world.settle()
    return world


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
    world.sealed("shop")
    world.observe("shop", seal="pending")
    world.work()

    assert world.cluster.calls == {"namespace": 1, "standing": 1}
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
    assert world.cluster.marked == [("shop", None), ("shop", Seal.SEALED)]
    assert world.cluster.namespaces["shop"].reason is None


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


def test_quiet_where_all_stands(listed: World) -> None:
    """Neither the first lists nor a later one lead to a request."""
    listed.reconciler.begin_policies()
    for standing in listed.standing("shop"):
        listed.reconciler.observe_policy("ADDED", standing)
    listed.reconciler.end_policies()
    listed.observe("shop", seal="sealed")

    assert (listed.pace(), listed.work()) == (0, 0)
    assert not listed.cluster.calls


def test_a_deleted_policy_is_put_back(listed: World) -> None:
    """At once, with an Event, and without touching the marks."""
    listed.take("shop", "portcullis-deny-all")
    assert listed.work() == 1
    (event,) = listed.cluster.events

    assert listed.cluster.policy_names("shop") == {"portcullis-deny-all", "portcullis-allow-dns"}
    assert listed.cluster.marked == []
    assert event.message == "default-deny policies put right: missing portcullis-deny-all"
    assert listed.value("portcullis_controller_repairs_total", found="missing") == 1


def test_an_edited_policy_is_put_back(listed: World) -> None:
    """Whatever was written into its spec."""
    listed.edit("shop", "portcullis-deny-all", ingress=[{}])
    assert listed.work() == 1

    assert listed.cluster.policies["shop", "portcullis-deny-all"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    assert listed.value("portcullis_controller_repairs_total", found="edited") == 1


def test_what_was_deleted_while_nobody_watched_is_found_by_the_list(listed: World) -> None:
    """It goes through the slow queue, and nobody is told of each namespace."""
    del listed.cluster.policies["shop", "portcullis-allow-dns"]
    listed.reconciler.begin_policies()
    for standing in listed.standing("shop"):
        listed.reconciler.observe_policy("ADDED", standing)
    assert listed.work() == 0
    listed.reconciler.end_policies()

    assert (listed.work(), listed.pace(), listed.work()) == (0, 1, 1)
    assert "portcullis-allow-dns" in listed.cluster.policy_names("shop")
    assert listed.cluster.events == []


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param({"managedFields": [{"manager": "vandal"}]}, id="manager"),
        pytest.param({"ownerReferences": [{"kind": "Job", "name": "owner"}]}, id="owner"),
    ],
)
def test_a_policy_that_would_go_or_stay_by_itself_is_put_back(
    listed: World, spoilt: dict[str, object]
) -> None:
    """Without our manager nobody could delete it later, and with an owner it goes with that."""
    manifest = listed.cluster.policies["shop", DENY]
    manifest = {**manifest, "metadata": {**manifest["metadata"], **spoilt}}
    listed.cluster.policies["shop", DENY] = manifest
    listed.reconciler.observe_policy("MODIFIED", policy_of("shop", manifest))

    assert listed.work() == 1
    metadata = listed.cluster.policies["shop", DENY]["metadata"]
    assert metadata["managedFields"] == [{"manager": "portcullis"}]
    assert "ownerReferences" not in metadata


def test_an_exemption_that_ends_is_followed_at_the_bounded_rate(world: World) -> None:
    """A namespace that was born exempt is sealed once the settings say so; its pods run already."""
    world.reconciler.begin_namespaces()
    world.reconciler.begin_policies()
    world.cluster.add_namespace("shop", seal="exempt")
    world.observe("shop", seal="exempt")
    world.settle()

    assert (world.work(), world.pace(), world.work()) == (0, 1, 1)
    assert world.cluster.namespaces["shop"].seal == "sealed"
    assert DENY in world.cluster.policy_names("shop")


def test_a_change_of_the_setting_is_applied_and_leaves_no_orphan(world: World) -> None:
    """New policies first, then those of the former profile go, then the marks follow."""
    world.reconciler.begin_namespaces()
    world.reconciler.begin_policies()
    world.sealed("shop", profile="same-namespace", setting="same-namespace")
    world.cluster.policies["shop", "mine"] = {"metadata": {"name": "mine"}, "spec": {}}
    world.settle()

    assert (world.work(), world.pace(), world.work()) == (0, 1, 1)
    assert world.cluster.policy_names("shop") == {
        "portcullis-deny-all",
        "portcullis-allow-dns",
        "mine",
    }
    assert world.cluster.profiles["shop"] == "deny-all"
    assert world.cluster.calls["delete_policy"] == 1


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"labels": {}}, id="no label of ours"),
        pytest.param({"managedFields": []}, id="not our manager"),
        pytest.param({"name": "other"}, id="not our name"),
    ],
)
def test_what_is_not_certainly_ours_is_never_deleted(
    listed: World, metadata: dict[str, object]
) -> None:
    """Label, name and field manager must all be ours."""
    ours = listed.cluster.policies["shop", "portcullis-deny-all"]
    manifest = {**ours, "metadata": {**ours["metadata"], "name": "portcullis-old", **metadata}}
    name = manifest["metadata"]["name"]
    listed.cluster.policies["shop", name] = manifest
    listed.take("shop", "portcullis-deny-all")
    listed.work()

    assert name in listed.cluster.policy_names("shop")
    assert listed.cluster.calls["delete_policy"] == 0


def test_somebody_elses_policy_of_our_name_is_left_and_told(world: World) -> None:
    """The namespace says so, and the other policies are applied all the same."""
    world.cluster.add_namespace("shop", seal="pending")
    foreign = {"metadata": {"name": "portcullis-deny-all"}, "spec": {"podSelector": {}}}
    world.cluster.policies["shop", "portcullis-deny-all"] = foreign
    world.observe("shop", seal="pending")
    world.work()

    assert world.cluster.policies["shop", "portcullis-deny-all"] == foreign
    assert "portcullis-allow-dns" in world.cluster.policy_names("shop")
    assert "in its way: portcullis-deny-all" in (world.cluster.namespaces["shop"].reason or "")
    assert world.cluster.namespaces["shop"].seal == "pending"


def test_a_repair_that_is_refused_is_drift(listed: World) -> None:
    """The namespace stays sealed and shows the reason, until the repair succeeds."""
    listed.cluster.fail("apply_policy", RefusedError("exceeded quota"), times=1)
    listed.take("shop", "portcullis-deny-all")
    listed.work()
    told = listed.cluster.namespaces["shop"]
    assert (told.seal, told.reason) == ("sealed", "exceeded quota")
    assert listed.work(after=60) == 1

    assert listed.cluster.namespaces["shop"].reason is None
    assert listed.cluster.marked == [("shop", "sealed"), ("shop", "sealed")]


def test_a_refusal_is_tried_at_once_on_request(listed: World) -> None:
    """By a change of the annotation portcullis.dev/retry, whoever may write it."""
    listed.cluster.fail("apply_policy", RefusedError("exceeded quota"), times=1)
    listed.take("shop", "portcullis-deny-all")
    listed.work()
    listed.observe("shop", "MODIFIED", seal="sealed")
    assert listed.work() == 0
    listed.observe("shop", "MODIFIED", seal="sealed", retry="1")

    assert listed.work() == 1
    assert "portcullis-deny-all" in listed.cluster.policy_names("shop")


def test_a_terminating_namespace_loses_its_policies_in_peace(listed: World) -> None:
    """Nothing is put back while the namespace controller empties it."""
    listed.cluster.add_namespace("shop", seal="sealed", terminating=True)
    listed.take("shop", "portcullis-deny-all")
    listed.take("shop", "portcullis-allow-dns")
    listed.work()

    assert listed.cluster.policy_names("shop") == set()
    assert listed.cluster.events == []


def test_a_fight_is_slowed_down(listed: World) -> None:
    """Who takes a policy away again and again gets it back every few seconds, not at once."""
    for _ in range(10):
        listed.take("shop", "portcullis-deny-all")
        assert listed.work(after=0.1) == 1
        for standing in listed.standing("shop"):
            listed.reconciler.observe_policy("ADDED", standing)
    listed.take("shop", "portcullis-deny-all")

    assert listed.work(after=0.1) == 0
    assert listed.work(after=5) == 1


def test_a_released_namespace_loses_ours_and_keeps_its_own(listed: World) -> None:
    """The profile `none`, which somebody wished who may."""
    listed.cluster.policies["shop", "mine"] = {"metadata": {"name": "mine"}, "spec": {}}
    listed.cluster.add_namespace("shop", seal="sealed", profile="none", setting="deny-all")
    listed.observe("shop", "MODIFIED", seal="sealed", profile="none")
    listed.work()

    assert listed.cluster.policy_names("shop") == {"mine"}
    assert listed.cluster.marked == [("shop", Seal.EXEMPT)]


def states(world: World) -> dict[str, float | None]:
    """Namespaces by state, as the metrics have them."""
    name = "portcullis_controller_namespaces"
    return {it: world.value(name, state=it) for it in ("sealed", "unsealed", "drifted")}


def test_the_leader_shows_what_stands_and_what_waits(listed: World) -> None:
    """In order, waiting for the first policies, or drifted, and for how long; until repaired."""
    listed.metrics.lead(leads=True)
    listed.cluster.add_namespace("new", seal="pending")
    listed.observe("new", seal="pending")
    listed.take("shop", "portcullis-deny-all")
    listed.now += 30
    waiting = states(listed)
    age = listed.value("portcullis_controller_queue_oldest_seconds")
    before = listed.value("portcullis_controller_last_success_timestamp_seconds")
    listed.work()
    listed.observe("new", "MODIFIED", seal="sealed")
    for name in ("new", "shop"):
        for standing in listed.standing(name):
            listed.reconciler.observe_policy("ADDED", standing)

    assert waiting == {"sealed": 0, "unsealed": 1, "drifted": 1}
    assert age == 30
    assert states(listed) == {"sealed": 2, "unsealed": 0, "drifted": 0}
    assert before == 0
    assert listed.value("portcullis_controller_last_success_timestamp_seconds") > 0


def test_who_does_not_lead_shows_nothing_of_the_cluster(listed: World) -> None:
    """What was true when it led is not told as if it were true now."""
    listed.metrics.lead(leads=True)
    listed.take("shop", "portcullis-deny-all")
    listed.metrics.lead(leads=False)
    listed.now += 30

    assert states(listed) == {"sealed": 0, "unsealed": 0, "drifted": 0}
    assert listed.value("portcullis_controller_queue_depth") == 0
    assert listed.value("portcullis_controller_queue_oldest_seconds") == 0
