"""Events: queued, written once, counted, dropped, never in the way."""

import json
import time
from collections.abc import Callable

import pytest

from tests.fakes.apiserver import Answer, ApiServer, Hang, Seen, status
from webhook.cluster.event_limits import OBJECT_BURST
from webhook.cluster.events import WINDOW, EventWriter
from webhook.interfaces import Event, ObjectReference


class Clock:
    """Monotonic seconds, set by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Tell them."""
        return self.now


def about(name: str, namespace: str = "shop") -> ObjectReference:
    return ObjectReference("v1", "ConfigMap", namespace, name)


def warning(name: str = "c", message: str = "no", namespace: str = "shop") -> Event:
    return Event(about(name, namespace), "Warning", "Refused", message)


class Always(ApiServer):
    """Says yes to every write."""

    def next_reaction(self, seen: Seen) -> Answer:  # type: ignore[override] # narrower
        """Note and accept."""
        self.seen.append(seen)
        return Answer(201)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_the_same_event_is_counted_within_the_window() -> None:
    """Same object, reason and message: one name, a growing count; after the window a new one."""
    clock = Clock()
    with Always() as server:
        writer = EventWriter(server.api(), clock=clock, interval=0.0)
        writer.record(warning())
        writer.record(warning())
        writer.record(warning(message="other"))
        until(lambda: len(server.seen) == 3)
        clock.now = WINDOW
        writer.record(warning())
        writer.close()
        bodies = [json.loads(seen.body) for seen in server.seen]

    names = [body["metadata"]["name"] for body in bodies]
    assert [body["count"] for body in bodies] == [1, 2, 1, 1]
    assert names[0] == names[1]
    assert len({names[0], names[2], names[3]}) == 3
    assert bodies[0]["metadata"]["namespace"] == "shop"


def test_a_cluster_scoped_object_has_its_events_in_default() -> None:
    """That is where the API server's validation wants them."""
    with Always() as server:
        writer = EventWriter(server.api(), interval=0.0)
        writer.record(warning(namespace=""))
        writer.close()
        (seen,) = server.seen

    assert seen.path.startswith("/api/v1/namespaces/default/events/c.")
    assert "namespace" not in json.loads(seen.body)["involvedObject"]


class Hanging(ApiServer):
    """Never answers."""

    def next_reaction(self, seen: Seen) -> Hang:  # type: ignore[override] # narrower
        """Keep silent."""
        return Hang()


class RefusingOnce(Always):
    """Says no to the first write."""

    def next_reaction(self, seen: Seen) -> Answer:  # type: ignore[override] # narrower
        """Note, and refuse the first."""
        accepted = super().next_reaction(seen)
        return Answer(403, status("no", 403)) if len(self.seen) == 1 else accepted


def test_a_full_queue_drops_and_counts() -> None:
    """With the API server hanging, recording stays immediate and what is too much is counted."""
    outcomes: list[str] = []
    with Hanging() as server:
        writer = EventWriter(server.api(), capacity=2, interval=0.0, count=outcomes.append)
        began = time.thread_time()
        for n in range(10):
            writer.record(warning(str(n)))
        took = time.thread_time() - began
        meanwhile = set(outcomes)

    assert took < 0.5
    assert meanwhile == {"full"}, "no write was waited for"
    assert writer.dropped >= 7


def test_a_refused_event_is_dropped_and_the_next_is_written() -> None:
    """The writer outlives every failure."""
    outcomes: list[str] = []
    with RefusingOnce() as server:
        writer = EventWriter(server.api(), interval=0.0, count=outcomes.append)
        writer.record(warning("first"))
        writer.record(warning("second"))
        writer.close(20)

    assert outcomes == ["failed", "written"]
    assert writer.dropped == 1


def test_only_so_many_series_are_remembered() -> None:
    """Memory is bounded, whatever happens in the cluster."""
    with Always() as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr("webhook.cluster.events.REMEMBERED", 20)
        writer = EventWriter(server.api(), interval=0.0)
        for n in range(30):
            writer.record(warning(str(n)))
        writer.close(20)

    assert len(writer._series) == 20


def test_closing_writes_what_waits() -> None:
    """An Event recorded just before the end still gets there."""
    with Always() as server:
        writer = EventWriter(server.api(), interval=0.0)
        writer.record(warning())
        writer.close()

        assert len(server.seen) == 1


def test_what_became_of_each_event_is_counted() -> None:
    """Who hammers one object gets his burst; the rest is counted, and never sent."""
    outcomes: list[str] = []
    with Always() as server:
        writer = EventWriter(server.api(), clock=Clock(), interval=0.0, count=outcomes.append)
        for n in range(100):
            writer.record(warning(message=str(n)))
        writer.close(10)

    assert len(server.seen) == OBJECT_BURST
    assert outcomes.count("limited") == 100 - OBJECT_BURST
    assert outcomes.count("written") == OBJECT_BURST
