"""`portcullis adopt` in words, on a cluster in memory; on a real API server: tests/e2e."""

import argparse
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tests.fakes.cluster import FakeCluster
from webhook import cli_adopt
from webhook.controller.plan import Rules
from webhook.controller.sealer import Sealer
from webhook.deadline import Deadline
from webhook.errors import NotFoundError, RefusedError
from webhook.model.namespace import Namespace
from webhook.model.pods import PodObject
from webhook.model.policies import StandingPolicy

BEFORE = datetime(2025, 1, 1, tzinfo=UTC)
INSTALLED = datetime(2026, 1, 1, tzinfo=UTC)
RULES = Rules("deny-all", True, INSTALLED, frozenset({"kube-system"}), ("ci-*",))
DENY = "portcullis-deny-all"
FOREIGN = {"metadata": {"name": DENY}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}


class Adopter:
    """What the command asks of a cluster, and a controller that follows at once."""

    def __init__(self) -> None:
        self.live = FakeCluster()
        self.given: list[str] = []
        self.follows = True

    def add(self, name: str, **more: Any) -> None:
        """A namespace that was there before, with two pods."""
        self.live.add_namespace(name, **{"created": BEFORE, **more})
        for number in range(2):
            value = {
                "metadata": {"name": f"web-{number}", "namespace": name},
                "status": {"podIPs": [{"ip": f"10.0.0.{number + 1}"}]},
            }
            self.live.pod_list.append(msgspec.convert(value, PodObject))

    def namespace(self, name: str, deadline: Deadline) -> Namespace | None:
        return self.live.namespace(name, deadline)

    def namespaces(self, deadline: Deadline) -> list[Namespace]:
        return list(self.live.namespaces.values())

    def give(self, namespace: str, policy: StandingPolicy, deadline: Deadline) -> None:
        key = namespace, policy.name
        manifest = self.live.policies[key]
        noted = {"annotations": {"portcullis.dev/take-over": "true"}}
        self.live.policies[key] = {**manifest, "metadata": {**manifest["metadata"], **noted}}
        self.given.append(policy.name)

    def wish_again(self, namespace: str, profile: str, token: str, deadline: Deadline) -> None:
        present = self.live.namespaces[namespace]
        self.live.namespaces[namespace] = replace(present, profile=profile)
        if not self.follows:
            return
        sealer = Sealer(self.live, RULES)
        try:
            sealer.tend(namespace, deadline)
        except RefusedError as error:
            sealer.complain(namespace, str(error), deadline)


@pytest.fixture
def adopter(monkeypatch: pytest.MonkeyPatch) -> Adopter:
    made = Adopter()
    monkeypatch.setattr(cli_adopt, "_connected", lambda _: (made, RULES))
    monkeypatch.setattr(cli_adopt, "WAIT_SECONDS", 0.2)
    return made


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    cli_adopt.add_parsers(parser.add_subparsers())
    parsed = parser.parse_args(["adopt", *arguments])
    return int(parsed.run(parsed))


def test_the_difference_comes_first(adopter: Adopter, capsys: pytest.CaptureFixture[str]) -> None:
    """What is created, what is cut off, what is opened and closed; nothing is done."""
    adopter.add("shop")
    adopter.add("other")
    code = run("--namespace", "shop", "--dry-run")

    assert code == 0
    assert capsys.readouterr().out == (
        "namespace shop: profile deny-all\n"
        "NetworkPolicy shop/portcullis-deny-all: created\n"
        "NetworkPolicy shop/portcullis-allow-dns: created\n"
        "ingress: cuts off 2 of 2 pods: Pod/web-0, Pod/web-1\n"
        "egress: cuts off 2 of 2 pods: Pod/web-0, Pod/web-1\n"
        "closes: everything to shop/* from every pod in the cluster (4 pods) and every IPv4 "
        "address outside\n"
        "closes: everything to other/* and every IPv4 address outside from shop/*\n"
        "0 connections opened, 14 closed; --output json lists them\n"
        "nothing was changed: dry run\n"
    )
    assert adopter.live.marked == []


def test_without_a_dry_run_it_is_done(adopter: Adopter, capsys: pytest.CaptureFixture[str]) -> None:
    """By the controller, after the wish; a second time there is nothing to do."""
    adopter.add("shop")
    codes = [run("--namespace", "shop", "--output", "json") for _ in range(2)]
    first, second = _documents(capsys)

    assert codes == [0, 0]
    assert (first["state"], second["state"]) == ("adopted", "unchanged")
    assert adopter.live.namespaces["shop"].seal == "sealed"
    assert second["diff"] == {"opened": [], "closed": []}


def _documents(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    decoder, text, found = json.JSONDecoder(), capsys.readouterr().out.strip(), []
    while text:
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:].lstrip()
    return found


def test_a_conflict_changes_nothing(adopter: Adopter, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 1, and the way out."""
    adopter.add("shop")
    adopter.live.policies["shop", DENY] = FOREIGN
    code = run("--namespace", "shop")
    text = capsys.readouterr().out

    assert code == 1
    assert f"NetworkPolicy shop/{DENY}: in the way" in text
    assert text.endswith("rename them, or add --take-over\n")
    assert adopter.live.policies == {("shop", DENY): FOREIGN}


def test_on_request_it_is_taken_over(adopter: Adopter) -> None:
    """The caller gives it away, then wishes."""
    adopter.add("shop")
    adopter.live.policies["shop", DENY] = FOREIGN

    assert run("--namespace", "shop", "--take-over") == 0
    assert adopter.given == [DENY]
    assert adopter.live.policies["shop", DENY]["spec"]["policyTypes"] == ["Ingress", "Egress"]


@pytest.mark.parametrize(
    ("name", "more", "arguments", "error", "told"),
    [
        pytest.param(
            "kube-system", {}, (), cli_adopt.AdoptError, "the cluster itself lives", id="system"
        ),
        pytest.param(
            "shop", {"terminating": True}, (), cli_adopt.AdoptError, "being deleted", id="going"
        ),
        pytest.param("ci-1", {}, (), cli_adopt.AdoptError, "gets the profile none", id="exempt"),
        pytest.param(
            "shop",
            {},
            ("--profile", "own-x"),
            cli_adopt.AdoptError,
            'no profile "own-x"',
            id="unknown-profile",
        ),
        pytest.param("other", {}, ("-n", "shop"), NotFoundError, "not found", id="missing"),
    ],
)
def test_what_cannot_be_adopted(
    adopter: Adopter,
    name: str,
    more: dict[str, Any],
    arguments: tuple[str, ...],
    error: type[Exception],
    told: str,
) -> None:
    """Told with the reason, before anything is asked for."""
    adopter.add(name, **more)

    with pytest.raises(error, match=told):
        run("--namespace", name, *arguments)
    assert adopter.live.marked == []


def test_what_the_controller_says_is_passed_on(adopter: Adopter) -> None:
    """A quota: the reason that it writes on the namespace."""
    adopter.add("shop")
    adopter.live.fail("apply_policy", RefusedError("exceeded quota"))

    with pytest.raises(cli_adopt.AdoptError, match="shop is not adopted: exceeded quota"):
        run("--namespace", "shop")


def test_without_a_controller_it_gives_up(adopter: Adopter) -> None:
    """After its time, and says what may be wrong."""
    adopter.add("shop")
    adopter.follows = False

    with pytest.raises(cli_adopt.AdoptError, match="does Portcullis's controller run"):
        run("--namespace", "shop")


def test_all_only_reports(adopter: Adopter, capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each older namespace; 1 where something would be cut off."""
    adopter.add("shop")
    adopter.add("ci-1")
    adopter.add("done", seal="sealed", profile="deny-all", setting="deny-all")
    adopter.live.add_namespace("empty", created=BEFORE)
    code = run("--all")

    assert code == 1
    assert capsys.readouterr().out == (
        "NAMESPACE  PROFILE   PODS  INGRESS  EGRESS  WORKLOADS             IN THE WAY\n"
        "empty      deny-all  0     0        0       -                     -\n"
        "shop       deny-all  2     2        2       Pod/web-0, Pod/web-1  -\n"
    )
    with pytest.raises(cli_adopt.AdoptError, match="--all only reports"):
        run("--all", "--dry-run")


def test_all_as_json(adopter: Adopter, capsys: pytest.CaptureFixture[str]) -> None:
    """Each pod by name, for the profile that is asked about."""
    adopter.add("shop")
    run("--all", "--profile", "deny-ingress", "-o", "json")
    pods = [{"pod": f"web-{n}", "workload": f"Pod/web-{n}"} for n in range(2)]

    assert json.loads(capsys.readouterr().out) == [
        {
            "namespace": "shop",
            "profile": "deny-ingress",
            "pods": 2,
            "cutOff": {"ingress": pods, "egress": []},
            "conflicts": [],
        }
    ]
