"""Reports are written where something differs, and nowhere else."""

import json
from dataclasses import dataclass, field

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from webhook.controller.metrics import ControllerMetrics
from webhook.controller.reporter import Reporter
from webhook.errors import NotFoundError, RefusedError, UnavailableError
from webhook.lint.policyreport import KINDS, digest_of
from webhook.model.objects import NetworkPolicy, ObjectMeta

LONELY = {
    "podSelector": {},
    "policyTypes": ["Egress"],
    "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 80}]}],
}
CALM = {"podSelector": {}, "policyTypes": ["Ingress"]}


@dataclass(frozen=True)
class Standing:
    """A report as it stands."""

    digest: str
    generation: int


@dataclass
class Cluster:
    """Reports in memory; what fails is said beforehand."""

    api: object = KINDS[0]
    stand: dict = field(default_factory=dict)
    written: list = field(default_factory=list)
    looks: int = 0
    failures: list = field(default_factory=list)

    def kind(self, deadline):
        self.looks += 1
        if isinstance(self.api, Exception):
            raise self.api
        return self.api

    def standing(self, kind, deadline):
        return dict(self.stand)

    def write(self, kind, manifest, deadline):
        if self.failures:
            raise self.failures.pop(0)
        name = manifest["metadata"]["namespace"]
        before = self.stand.get(name)
        generation = before.generation + 1 if before else 1
        self.stand[name] = Standing(digest_of(manifest), generation)
        self.written.append((name, manifest["summary"]["fail"]))
        return self.stand[name]

    def edit(self, name):
        """Somebody changes what is in a report."""
        standing = self.stand[name]
        self.stand[name] = Standing(standing.digest, standing.generation + 1)


class World:
    """A reporter, on a clock set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.cluster = Cluster()
        self.policies: dict[str, dict[str, dict]] = {}
        self.registry = CollectorRegistry()
        self.reporter = Reporter(
            self.cluster,
            self.recent,
            ControllerMetrics(self.registry),
            limit=10,
            rate=2.0,
            resync=600.0,
            clock=lambda: self.now,
        )

    def recent(self, namespace):
        found = self.policies.get(namespace, {})
        return [
            NetworkPolicy(ObjectMeta(name=name, namespace=namespace), msgspec.Raw(json.dumps(spec)))
            for name, spec in found.items()
        ]

    def put(self, namespace, **policies):
        """Policies are what they are now, and the watch tells."""
        self.policies[namespace] = {name.replace("_", "-"): it for name, it in policies.items()}
        self.reporter.changed(namespace)

    def work(self, after=0.0):
        """Let time pass and work off what is due; the pauses."""
        self.now += after
        pauses = []
        while pause := self.reporter.step(0):
            pauses.append(pause)
        return pauses

    def count(self, outcome):
        return self.registry.get_sample_value(
            "portcullis_controller_reports_total", {"outcome": outcome}
        )


@pytest.fixture
def world() -> World:
    return World()


def test_a_namespace_with_policies_gets_a_report(world: World) -> None:
    """Once; and again when what is found differs."""
    world.put("shop", lonely=LONELY)
    world.work()
    world.reporter.changed("shop")
    world.work()
    world.put("shop", calm=CALM)
    world.work()

    assert world.cluster.written == [("shop", 1), ("shop", 0)]
    assert (world.count("written"), world.count("unchanged")) == (2, 1)


@pytest.mark.parametrize(
    "policies",
    [
        pytest.param({}, id="without-policies"),
        pytest.param({"portcullis_deny_all": CALM}, id="with-ours-alone"),
    ],
)
def test_a_namespace_without_policies_of_its_team_gets_none(world: World, policies) -> None:
    """Five thousand sealed namespaces are no reason for five thousand reports."""
    world.put("shop", **policies)
    world.work()

    assert world.cluster.written == []


def test_a_report_of_policies_that_are_gone_is_emptied(world: World) -> None:
    """We delete no reports, so the right to is not needed."""
    world.put("shop", lonely=LONELY)
    world.work()
    world.put("shop")
    world.work()

    assert world.cluster.written == [("shop", 1), ("shop", 0)]


def test_nothing_is_asked_while_nothing_happens(world: World) -> None:
    """One look at what stands in a resync period."""
    world.put("shop", lonely=LONELY)
    world.work()
    for _ in range(100):
        world.work(after=5)

    assert world.cluster.looks == 1
    assert len(world.cluster.written) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda cluster: cluster.edit("shop"), id="edited"),
        pytest.param(lambda cluster: cluster.stand.clear(), id="deleted"),
    ],
)
def test_what_others_did_to_a_report_is_put_right(world: World, spoil) -> None:
    """At the next survey, and once."""
    world.put("shop", lonely=LONELY)
    world.work()
    spoil(world.cluster)
    world.work(after=601)
    world.work(after=601)

    assert world.cluster.written == [("shop", 1)] * 2


def test_a_new_leader_writes_only_what_differs(world: World) -> None:
    """What stands is known by its digest, whoever wrote it; a report of nothing is emptied."""
    other = World()
    other.put("shop", lonely=LONELY)
    other.put("gone", lonely=LONELY)
    other.work()
    world.cluster.stand = dict(other.cluster.stand)
    world.put("shop", lonely=LONELY)
    world.work()

    assert world.cluster.written == [("gone", 0)]


def test_what_another_leader_wrote_meanwhile_is_not_written_again(world: World) -> None:
    """Its digest is what ours would be."""
    world.put("shop", lonely=LONELY)
    world.work()
    other = World()
    other.put("shop", calm=CALM)
    other.work()
    world.cluster.stand = {"shop": Standing(other.cluster.stand["shop"].digest, 5)}
    world.policies["shop"] = {"calm": CALM}
    world.work(after=601)

    assert len(world.cluster.written) == 1
    assert world.count("unchanged") == 1


def test_without_an_api_of_reports_nothing_is_written_until_there_is_one(world: World) -> None:
    """The CRD may come later; then all that waited is reported."""
    world.cluster.api = None
    world.put("shop", lonely=LONELY)
    world.work()
    before = list(world.cluster.written)
    world.cluster.api = KINDS[1]
    world.work(after=601)

    assert before == []
    assert world.cluster.written == [("shop", 1)]


def test_an_api_server_that_is_away_is_asked_again(world: World) -> None:
    """In half a minute, not at every turn."""
    world.cluster.api = UnavailableError("away")
    world.put("shop", lonely=LONELY)
    world.work()
    world.work(after=10)
    looks = world.cluster.looks
    world.cluster.api = KINDS[0]
    world.work(after=21)

    assert looks == 1
    assert world.cluster.written == [("shop", 1)]


def test_what_is_refused_is_tried_again_later(world: World) -> None:
    """After its back-off; the other namespaces do not wait for it."""
    world.cluster.failures = [RefusedError("quota")]
    world.put("shop", lonely=LONELY)
    world.put("web", calm=CALM)
    world.work()
    first = list(world.cluster.written)
    world.work(after=5)

    assert first == [("web", 0)]
    assert world.cluster.written == [("web", 0), ("shop", 1)]
    assert world.count("failed") == 1


def test_a_namespace_that_is_gone_is_forgotten(world: World) -> None:
    """No back-off waits for it."""
    world.cluster.failures = [NotFoundError("gone")]
    world.put("shop", lonely=LONELY)
    world.work()
    world.work(after=599)

    assert world.cluster.written == []
    assert world.count("failed") is None


def test_writes_keep_to_their_rate(world: World) -> None:
    """Two a second; judging without writing takes a breath alone."""
    for n in range(5):
        world.put(f"team-{n}", calm=CALM)
    written = world.work()
    for n in range(5):
        world.reporter.changed(f"team-{n}")

    assert written == [0.5] * 5
    assert max(world.work()) < 0.1
