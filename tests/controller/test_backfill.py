"""Namespaces older than Portcullis, on a cluster in memory: reported on, or adopted."""

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from tests.fakes.cluster import FakeCluster
from webhook.controller.backfill import WORKERS, Backfiller, Course
from webhook.controller.metrics import ControllerMetrics
from webhook.controller.plan import Rules
from webhook.controller.sealer import Sealer
from webhook.deadline import Deadline
from webhook.errors import ClusterError, RefusedError, UnavailableError
from webhook.metrics import PrometheusRecorder
from webhook.model.backfill import Backfill
from webhook.model.namespace import Marks
from webhook.model.objects import ObjectMeta
from webhook.model.pods import PodObject
from webhook.model.profiles import Profile
from webhook.stop import Stop

INSTALLED = datetime(2026, 1, 1, tzinfo=UTC)
BEFORE = datetime(2025, 1, 1, tzinfo=UTC)
RULES = Rules(Profile.DENY_ALL, True, INSTALLED, frozenset({"kube-system"}), ("ci-*",))
PERIOD = 3600.0
INJECTED = {"portcullis-deny-all", "portcullis-allow-dns"}
WEB = "deny-all: ingress 1/1 (Pod/web), egress 1/1 (Pod/web)"
FOREIGN = {"metadata": {"name": "portcullis-deny-all"}, "spec": {"podSelector": {}}}


class World:
    """A backfiller and all that it touches, on a clock set by hand."""

    def __init__(self, mode: Backfill, cluster: FakeCluster | None = None) -> None:
        self.now = 0.0
        self.cluster = cluster or FakeCluster()
        self.registry = CollectorRegistry()
        self.backfiller = Backfiller(
            self.cluster,
            RULES,
            Course(mode, 1000.0, PERIOD),
            self.cluster,
            PrometheusRecorder(self.registry),
            ControllerMetrics(self.registry),
            clock=lambda: self.now,
        )

    def older(self, name: str) -> None:
        """A namespace that was there before, with one pod."""
        self.cluster.add_namespace(name, created=BEFORE)
        metadata = {"name": "web", "namespace": name}
        self.cluster.pod_list.append(msgspec.convert({"metadata": metadata}, PodObject))
        self.observe(name)

    def observe(self, name: str, kind: str = "ADDED", retry: str = "") -> None:
        """A watch event of a namespace as the cluster has it."""
        found = self.cluster.namespaces[name]
        meta = ObjectMeta(
            name=name,
            uid=found.uid,
            labels=found.marks.labels,
            annotations=found.marks.annotations
            | ({"portcullis.dev/retry": retry} if retry else {}),
            creation_timestamp=found.created.isoformat() if found.created else None,
            deletion_timestamp="2026-02-02T00:00:00Z" if found.terminating else None,
        )
        self.backfiller.observe(kind, meta)

    def work(self, after: float = 0.0) -> int:
        """Let time pass and work off what is due; how many namespaces that took."""
        self.now += after
        self.backfiller.renew()
        count = 0
        while self.backfiller.work_one(0):
            count += 1
        return count

    def marks(self, name: str) -> Marks:
        return self.cluster.namespaces[name].marks

    def told(self) -> list[tuple[str, str]]:
        """The Events: what about, and why."""
        return [(event.about.name, event.reason) for event in self.cluster.events]

    def outcomes(self, outcome: str) -> float:
        name = "portcullis_controller_backfilled_total"
        return self.registry.get_sample_value(name, {"outcome": outcome}) or 0


@pytest.mark.parametrize("mode", list(Backfill))
def test_each_mode_does_its_own(mode: Backfill) -> None:
    """Nothing, a report, or the policies and then the mark."""
    world = World(mode)
    world.older("shop")
    world.work()

    expected = {
        Backfill.OFF: (Marks(), set()),
        Backfill.REPORT: (Marks(report=WEB), set()),
        Backfill.ENFORCE: (Marks("sealed", "deny-all", "deny-all"), INJECTED),
    }
    assert (world.marks("shop"), world.cluster.policy_names("shop")) == expected[mode]


@pytest.mark.parametrize("mode", [Backfill.REPORT, Backfill.ENFORCE])
@pytest.mark.parametrize(
    ("name", "more"),
    [
        pytest.param("kube-system", {}, id="system"),
        pytest.param("ci-7", {}, id="exempt-by-name"),
        pytest.param("shop", {"seal": "exempt"}, id="exempt-by-mark"),
        pytest.param("shop", {"terminating": True}, id="terminating"),
        pytest.param("shop", {"created": datetime(2026, 2, 1, tzinfo=UTC)}, id="younger"),
        pytest.param("shop", {"profile": "deny-all"}, id="wished-for"),
    ],
)
def test_others_are_never_touched(mode: Backfill, name: str, more: dict) -> None:
    """Exempt, system and Terminating namespaces cost no request; a wish is the reconciler's."""
    world = World(mode)
    world.cluster.add_namespace(name, **{"created": BEFORE, **more})
    world.observe(name)

    assert world.work() == 0
    assert not world.cluster.calls


def test_one_that_begins_to_go_is_left_in_peace() -> None:
    """What it has become since it was queued decides."""
    world = World(Backfill.ENFORCE)
    world.older("shop")
    world.cluster.add_namespace("shop", created=BEFORE, terminating=True)
    world.work()

    assert world.cluster.policy_names("shop") == set()
    assert world.cluster.marked == []


def test_reports_are_made_anew_once_a_period() -> None:
    """Nothing is asked in between, and nothing written where nothing has changed."""
    world = World(Backfill.REPORT)
    world.older("shop")
    world.work()
    world.observe("shop", "MODIFIED")
    assert world.work(after=PERIOD - 1) == 0
    assert world.work(after=1) == 1
    assert len(world.cluster.marked) == 1
    world.cluster.pod_list.clear()
    world.work(after=PERIOD)

    assert world.marks("shop").report == "deny-all: ingress 0/0, egress 0/0"


@pytest.mark.parametrize("left", [{"report": WEB}, {"reason": "exceeded quota"}])
def test_switched_off_what_was_told_goes(left: dict[str, str]) -> None:
    """Reports, and why a wish that was withdrawn since was refused: they would be wrong soon."""
    world = World(Backfill.OFF)
    world.cluster.namespaces["shop"] = replace(
        world.cluster.add_namespace("shop", created=BEFORE), **left
    )
    world.observe("shop")
    world.work()

    assert world.marks("shop") == Marks()


def test_an_adoption_is_told_by_an_event() -> None:
    """With what it cut off; counted, too."""
    world = World(Backfill.ENFORCE)
    world.older("shop")
    world.work()

    (event,) = world.cluster.events
    assert (event.type, event.reason, event.about.uid) == ("Normal", "Adopted", "uid-shop")
    assert WEB in event.message
    assert world.outcomes("adopted") == 1


@pytest.mark.parametrize("lost_at", ["standing", "apply_policy", "mark"])
def test_another_leader_goes_on_where_the_first_was_lost(lost_at: str) -> None:
    """The marks are all it needs: none is left out, none is adopted twice."""
    cluster = FakeCluster()
    first = World(Backfill.ENFORCE, cluster)
    for name in ("a", "b", "c", "d"):
        first.older(name)
    assert first.backfiller.work_one(0)
    cluster.fail(lost_at, UnavailableError("gone"), times=-1)
    assert first.backfiller.work_one(0)
    cluster.fail(lost_at, UnavailableError("gone"), times=0)
    second = World(Backfill.ENFORCE, cluster)
    for name in ("a", "b", "c", "d"):
        second.observe(name)

    assert second.work() == 3
    assert sorted(name for name, seal in cluster.marked) == ["a", "b", "c", "d"]
    assert {it.seal for it in cluster.namespaces.values()} == {"sealed"}
    assert all(cluster.policy_names(name) == INJECTED for name in "abcd")


def test_somebody_elses_policy_of_our_name_stops_the_adoption_before_it_begins() -> None:
    """A conflict is reported on the namespace; nothing in it was changed."""
    world = World(Backfill.ENFORCE)
    world.cluster.policies["shop", "portcullis-deny-all"] = FOREIGN
    world.older("shop")
    world.work()

    assert world.cluster.policies == {("shop", "portcullis-deny-all"): FOREIGN}
    assert "in its way: portcullis-deny-all" in (world.marks("shop").reason or "")
    assert "--take-over" in (world.marks("shop").reason or "")
    assert world.marks("shop").seal is None
    assert world.told() == [("shop", "AdoptionRefused")]


def test_once_it_was_given_to_us_it_is_taken_over() -> None:
    """By the annotation that whoever may edit it puts there."""
    world = World(Backfill.ENFORCE)
    metadata = {**FOREIGN["metadata"], "annotations": {"portcullis.dev/take-over": "true"}}
    world.cluster.policies["shop", "portcullis-deny-all"] = {**FOREIGN, "metadata": metadata}
    world.older("shop")
    world.work()

    (denial,) = (p for p in RULES.policies("deny-all") if "deny" in p["metadata"]["name"])
    assert world.cluster.policies["shop", "portcullis-deny-all"]["spec"] == denial["spec"]
    assert world.marks("shop").seal == "sealed"


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        pytest.param(RefusedError("exceeded quota"), 60, id="refused"),
        pytest.param(UnavailableError("etcd is away"), 0.25, id="away"),
    ],
)
def test_what_fails_is_tried_again(error: ClusterError, pause: float) -> None:
    """A refusal late, for somebody must lift it first; the rest soon."""
    world = World(Backfill.ENFORCE)
    world.cluster.fail("apply_policy", error, times=1)
    world.older("shop")
    assert world.work() == 1
    assert world.work(after=pause / 3) == 0
    assert world.work(after=pause) == 1

    assert world.marks("shop") == Marks("sealed", "deny-all", "deny-all")


def test_a_refusal_is_tried_at_once_on_request() -> None:
    """Whoever lifted what stood in the way need not wait for the back-off."""
    world = World(Backfill.ENFORCE)
    world.cluster.fail("apply_policy", RefusedError("exceeded quota"), times=1)
    world.older("shop")
    world.work()
    world.observe("shop", "MODIFIED", retry="now")

    assert world.work() == 1
    assert world.marks("shop").seal == "sealed"


def test_too_many_pods_are_told_and_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report says so; adoption goes on."""
    monkeypatch.setattr("webhook.controller.backfill.MAX_PODS", 0)
    world = World(Backfill.REPORT)
    world.older("shop")
    world.work()

    assert world.marks("shop").report == "deny-all: more than 0 pods, not looked into"


def test_the_rate_is_bounded() -> None:
    """After each namespace a worker pauses, so that all of them together keep to the rate."""
    world = World(Backfill.ENFORCE)
    for name in ("a", "b", "c"):
        world.older(name)
    stop = Stop()
    pauses: list[float | None] = []

    def wait(seconds: float | None = None) -> bool:
        pauses.append(seconds)
        if len(pauses) == 3:
            stop.set()
        return stop.is_set()

    stop.wait = wait  # type: ignore[method-assign] # no real pause in a unit test
    world.backfiller.run(stop)

    assert pauses == [WORKERS / 1000] * 3
    assert len(world.cluster.marked) == 3


def test_orphans_of_a_former_installation_go() -> None:
    """Ours that the profile does not have are removed, and nobody else's."""
    world = World(Backfill.ENFORCE)
    for policy in RULES.policies("same-namespace"):
        world.cluster.add_namespace("shop", created=BEFORE)
        world.cluster.apply_policy("shop", policy, Deadline.after(1))
    world.cluster.policies["shop", "mine"] = {"metadata": {"name": "mine"}, "spec": {}}
    world.older("shop")
    world.work()

    assert world.cluster.policy_names("shop") == INJECTED | {"mine"}


def test_the_gate_leaves_adoption_to_the_leader() -> None:
    """A pod of an older namespace is never held up by what stands in the way of adopting it."""
    cluster = FakeCluster()
    cluster.policies["shop", "portcullis-deny-all"] = FOREIGN
    cluster.add_namespace("shop", created=BEFORE, profile="deny-all")
    plan = Sealer(cluster, RULES).seal("shop", Deadline.after(1))

    assert plan is not None
    assert plan.idle
    assert cluster.marked == []
