"""List, watch, and what goes wrong in between."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from tests.fakes.apiserver import Answer, ApiServer, Close, Hang, Watch, event, listing, status
from webhook.backoff import Backoff
from webhook.cluster import informer as informers
from webhook.cluster.client import Api
from webhook.cluster.informer import Informer
from webhook.model.objects import ObjectMeta
from webhook.stop import Stop

PATH = "/api/v1/namespaces"


class Running:
    """An informer in its thread, and what it told."""

    def __init__(self, api: Api, **options: float) -> None:
        self.told: list[str] = []
        self.ended: list[str] = []
        self.stop = Stop()
        informer = Informer(
            api, PATH, self._note, chance=lambda: 0.0, ended=self.ended.append, **options
        )
        self.thread = threading.Thread(target=informer.run, args=(self.stop,), daemon=True)
        self.thread.start()

    def _note(self, kind: str, metadata: ObjectMeta) -> None:
        self.told.append(f"{kind} {metadata.name}")

    def until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait for a condition."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.told
            time.sleep(0.005)


@pytest.fixture
def start(api: Api) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def start(**options: float) -> Running:
        running.append(Running(api, **options))
        return running[-1]

    yield start
    for one in running:
        one.stop.set()
        one.thread.join(5)
        assert not one.thread.is_alive()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(informers, "BACKOFF", Backoff(0.02, 0.1))


def react(server: ApiServer, *reactions: object) -> None:
    """Answers of the path, lists and watches in the order they come."""
    server.on("GET", PATH, *reactions)  # type: ignore[arg-type]


def queries(server: ApiServer) -> list[str]:
    """``list`` or ``watch <version>``, in the order they came."""
    return [
        f"watch {s.query['resourceVersion']}" if "watch" in s.query else "list" for s in server.seen
    ]


def test_list_then_watch_from_its_version(server: ApiServer, start: Callable[..., Running]) -> None:
    """Pages first, then events; bookmarks and events move the version; nothing is asked twice."""
    react(
        server,
        Answer(200, listing(5, "a", token="t")),
        Answer(200, listing(5, "b")),
        Watch([event("ADDED", "c", 6), event("BOOKMARK", "", 9)], hold=0.05),
        Watch([event("MODIFIED", "c", 10), event("DELETED", "a", 11)], hold=30),
    )
    running = start()
    running.until(lambda: "DELETED a" in running.told)

    assert running.told == ["ADDED a", "ADDED b", "ADDED c", "MODIFIED c", "DELETED a"]
    assert queries(server) == ["list", "list", "watch 5", "watch 9"]
    assert server.seen[2].query["allowWatchBookmarks"] == "true"
    assert "as=PartialObjectMetadata;" in server.seen[2].headers["accept"]


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param(Answer(410, status("too old", 410)), id="as a status"),
        pytest.param(
            Watch([{"type": "ERROR", "object": status("too old", 410, "Expired")}]),
            id="as an event",
        ),
    ],
)
def test_gone_lists_anew(server: ApiServer, start: Callable[..., Running], gone: object) -> None:
    """410 Gone costs a list, and no event is lost."""
    react(
        server,
        Answer(200, listing(5, "a")),
        gone,
        Answer(200, listing(50, "a", "b")),
        Watch(hold=30),
    )
    running = start()
    running.until(lambda: len(server.seen) == 4)

    assert queries(server) == ["list", "watch 5", "list", "watch 50"]
    assert running.told == ["ADDED a", "ADDED a", "ADDED b"]


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(Answer(500, status("boom")), id="500"),
        pytest.param(Answer(429, status("busy", 429)), id="429"),
        pytest.param(Answer(403, status("rbac", 403)), id="403"),
        pytest.param(Answer(200, b"<html>"), id="an answer that is none"),
        pytest.param(Close(), id="closed at once"),
        pytest.param(Watch([event("ADDED", "b", 5)], cut=True), id="cut"),
        pytest.param(Watch([{"type": "ERROR", "object": status("etcd")}]), id="an error event"),
    ],
)
def test_a_watch_that_fails_goes_on_where_it_was(
    server: ApiServer, start: Callable[..., Running], failure: object
) -> None:
    """No other failure than 410 costs a list."""
    react(server, Answer(200, listing(5)), failure, failure, Watch([event("ADDED", "z", 6)], 30))
    running = start()
    running.until(lambda: "ADDED z" in running.told)

    assert set(queries(server)) == {"list", "watch 5"}
    assert queries(server).count("list") == 1


def test_failures_back_off(server: ApiServer, start: Callable[..., Running]) -> None:
    """A server that only fails is asked less and less often, up to the cap."""
    react(server, Answer(500, status("boom")))
    running = start()
    running.until(lambda: len(server.seen) >= 6)
    gaps = [after.at - before.at for before, after in pairwise(server.seen)]

    assert gaps[0] >= 0.009
    assert gaps[4] >= 0.045


def test_a_watch_that_ends_at_once_is_not_repeated_at_once(
    server: ApiServer, start: Callable[..., Running]
) -> None:
    """Even a polite end is backed off from, if it comes immediately."""
    react(server, Answer(200, listing(5)), Watch())
    start()
    time.sleep(0.5)

    assert len(server.seen) < 20


def test_a_silent_peer_is_given_up(
    server: ApiServer, start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half-open connections: neither a watch nor its beginning is waited for without end."""
    monkeypatch.setattr(informers, "WATCH_SECONDS", (0, 0))
    # Long enough for what is answered at once, on a machine that is busy.
    monkeypatch.setattr(informers, "GRACE_SECONDS", 1.0)
    monkeypatch.setattr(informers, "LIST_SECONDS", 1.0)
    react(
        server,
        Answer(200, listing(5)),
        Watch(hold=30),
        Hang(),
        Watch([event("ADDED", "z", 6)], hold=30),
    )
    running = start()
    running.until(lambda: "ADDED z" in running.told, seconds=20)

    assert queries(server) == ["list", "watch 5", "watch 5", "watch 5"]


def test_everything_is_told_again_after_the_resync_period(
    server: ApiServer, start: Callable[..., Running]
) -> None:
    """When the period is over, the end of a watch is followed by a list."""
    react(
        server,
        Answer(200, listing(5, "a")),
        Watch(hold=0.1),
        Answer(200, listing(7, "a")),
        Watch(hold=30),
    )
    running = start(resync=0.05)
    running.until(lambda: len(server.seen) >= 4)

    assert queries(server) == ["list", "watch 5", "list", "watch 7"]


def test_it_stops_at_once(server: ApiServer, start: Callable[..., Running]) -> None:
    """A stop reaches a thread that waits in a socket."""
    react(server, Answer(200, listing(5)), Watch(hold=30))
    running = start()
    running.until(lambda: len(server.seen) == 2)
    time.sleep(0.1)
    began = time.monotonic()
    running.stop.set()
    running.thread.join(5)

    assert time.monotonic() - began < 2.0  # the peer is silent for thirty


def test_it_waits_for_a_server_that_is_not_there_yet(start: Callable[..., Running]) -> None:
    """Started first, it works as soon as the API server does."""
    with ApiServer() as probe:
        port = probe.port
    api = probe.api()
    running = Running(api)
    time.sleep(0.1)
    with ApiServer(port) as server:
        react(server, Answer(200, listing(5, "a")), Watch(hold=30))
        running.until(lambda: running.told == ["ADDED a"])
        running.stop.set()
        running.thread.join(5)

        assert not running.thread.is_alive()


def test_why_each_watch_ended_is_told(server: ApiServer, start: Callable[..., Running]) -> None:
    """In due time, by a failure, or because its history was gone; not when we stop."""
    react(
        server,
        Answer(200, listing(5)),
        Watch([event("ADDED", "a", 6)]),
        Close(),
        Answer(410, status("too old", 410)),
        Answer(200, listing(50)),
        Watch(hold=30),
    )
    running = start()
    running.until(lambda: len(server.seen) == 6)
    running.stop.set()
    running.thread.join(5)

    assert running.ended == ["expired", "failed", "gone"]
