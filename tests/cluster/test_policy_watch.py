"""NetworkPolicies as a watch tells them: what is known, and from when on."""

import threading
import time

import pytest

from tests.fakes.apiserver import Answer, Watch, event, listing, status
from webhook.backoff import Backoff
from webhook.cluster import informer as informers
from webhook.cluster.policy_watch import PATH, PolicyWatch
from webhook.stop import Stop


@pytest.fixture
def watch(api, monkeypatch):
    """A watch in its thread; it begins with the test's first look."""
    monkeypatch.setattr(informers, "BACKOFF", Backoff(0.02, 0.1))
    watch, stop = PolicyWatch(api), Stop()
    thread = threading.Thread(target=watch.run, args=[stop], daemon=True)
    watch.begin = thread.start
    yield watch
    stop.set()
    thread.join(5)


def policy(name, kind="ADDED", namespace="team", **spec):
    """An event."""
    made = event(kind, name, 7, namespace=namespace)
    return {**made, "object": {**made["object"], "spec": spec}}


def listed(*names):
    """A list of policies that select everything, of namespace ``team``."""
    made = listing(5, *names)
    for item in made["items"]:
        item["metadata"]["namespace"] = "team"
        item["spec"] = {"podSelector": {}}
    return made


def known(watch, namespace="team"):
    """Names with their specs."""
    found = watch.recent(namespace)
    return None if found is None else {each.metadata.name: each.spec for each in found}


def until(watch, expected, namespace="team"):
    """Wait until that is known."""
    end = time.monotonic() + 5
    while known(watch, namespace) != expected:
        assert time.monotonic() < end, known(watch, namespace)
        time.sleep(0.005)


def test_nothing_is_known_before_the_first_list(server, watch) -> None:
    """An empty answer would say that nobody is isolated."""
    assert watch.recent("team") is None
    server.on("GET", PATH, Answer(503, status("away", 503)), Answer(200, listed("a")), Watch())
    watch.begin()

    until(watch, {"a": {"podSelector": {}}})


def test_events_change_what_is_known(server, watch) -> None:
    """Made, changed, deleted; the last of a namespace takes the namespace along."""
    changed = {"podSelector": {}, "policyTypes": ["Egress"]}
    events = [
        policy("b", podSelector={}),
        policy("a", "MODIFIED", **changed),
        policy("c", namespace="other"),
        policy("c", "DELETED", namespace="other"),
    ]
    server.on("GET", PATH, Answer(200, listed("a")), Watch(events, hold=30))
    watch.begin()

    until(watch, {"a": changed, "b": {"podSelector": {}}})
    until(watch, {}, "other")
    assert [each.metadata.namespace for each in watch.recent(None)] == ["team", "team"]


def test_a_new_list_replaces_the_old_one(server, watch) -> None:
    """What was deleted while nobody watched is gone; a list that broke off leaves nothing."""
    gate = Answer(200, {**listed("b"), "metadata": {"resourceVersion": "9", "continue": "t"}})
    server.on(
        "GET",
        PATH,
        Answer(200, listed("a")),
        Watch(hold=0.5),  # long enough for the first list to be seen
        Answer(410, status("too old", 410)),
        gate,
        Answer(503, status("away", 503)),
        Answer(200, listed("b", "c")),
        Watch(hold=30),
    )
    watch.begin()

    until(watch, {"a": {"podSelector": {}}})
    until(watch, {"b": {"podSelector": {}}, "c": {"podSelector": {}}})


def test_equal_specs_are_kept_once(server, watch) -> None:
    """Thousands of namespaces with the same default deny are one text in memory."""
    same = {"podSelector": {}, "policyTypes": ["Ingress"]}
    events = [policy("b", **same), policy("c", **same)]
    server.on("GET", PATH, Answer(200, listed("a")), Watch(events, hold=30))
    watch.begin()
    until(watch, {"a": {"podSelector": {}}, "b": same, "c": same})
    kept = watch._kept["team"]

    assert kept["b"] is kept["c"]


def test_who_asks_is_told_which_namespaces_changed(server, api, monkeypatch) -> None:
    """By an event, or by a list that differs from what was known; by nothing else."""
    monkeypatch.setattr(informers, "BACKOFF", Backoff(0.02, 0.1))
    told, stop = [], Stop()
    other = listed("a", "b")
    other["items"][1]["metadata"]["namespace"] = "web"
    same, new = policy("a", "MODIFIED", podSelector={}), policy("c", podSelector={})
    gone = Watch([{"type": "ERROR", "object": status("too old", 410, "Expired")}])
    server.on(
        "GET",
        PATH,
        Answer(200, other),
        Watch([same, new]),
        gone,
        Answer(200, listed("a")),
        Watch(hold=30),
    )
    watch = PolicyWatch(api, changed=told.append)
    thread = threading.Thread(target=watch.run, args=[stop], daemon=True)
    thread.start()
    end = time.monotonic() + 5
    while len(server.seen) < 5 or len(told) < 5:
        assert time.monotonic() < end, told
        time.sleep(0.005)
    stop.set()
    thread.join(5)

    assert sorted(told[:2]) == ["team", "web"]
    assert told[2] == "team"
    assert sorted(told[3:]) == ["team", "web"]
