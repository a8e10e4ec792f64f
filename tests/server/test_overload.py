"""More than can be served: nothing grows without bound, and who is sent away knows what to do."""

import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.server.front import Scripted, ask, eventually, is_closed, read_answer, request, serving
from webhook.server.census import Census
from webhook.server.http1 import Answer
from webhook.server.limits import Limits

KIB = 1 << 10


@contextmanager
def stuck(limits: Limits, patience_seconds: float = 10.0):
    """A worker whose one thread waits for what does not come before the end."""
    go_on = threading.Event()
    scripts = {b"/wait": lambda _: Answer(200, str(go_on.wait(20)).encode())}
    site = Scripted(scripts, patience_seconds=patience_seconds)
    with serving(replace(limits, concurrent=1), site) as front:
        front.go_on = go_on
        front.opened.callback(go_on.set)
        busy = front.connect()
        busy.sendall(request("/wait"))
        assert eventually(lambda: b"/wait" in site.served)
        yield front


def test_a_full_queue_sends_reviews_elsewhere() -> None:
    """503, Retry-After and close: the API server asks again, of another replica."""
    with stuck(replace(Limits(), queued=2)) as front:
        queued = [front.connect() for _ in range(2)]
        for stream in queued:
            stream.sendall(request("/review"))
        stream = front.connect()
        status, headers, _ = ask(stream, "/review")

        assert (status, headers["Retry-After"], headers["Connection"]) == (503, "1", "close")
        assert is_closed(stream)
        assert front.site.refusals == [503]


def test_one_address_does_not_fill_the_queue_for_all() -> None:
    """Its newest request gives way to another address's first, and addresses take turns."""
    with stuck(replace(Limits(), queued=3)) as front:
        flood = [front.connect("127.0.0.2") for _ in range(3)]
        for number, stream in enumerate(flood):
            stream.sendall(request(f"/review{number}"))
            assert eventually(lambda: front.reactor.waiting == number + 1)  # noqa: B023 - now
        other = front.connect("127.0.0.3")
        other.sendall(request("/review-of-another"))
        displaced = read_answer(flood[2])[0]
        front.go_on.set()
        answered = [read_answer(stream)[0] for stream in (other, *flood[:2])]

    assert displaced == 503
    assert answered == [200, 200, 200]
    assert front.site.served == [b"/wait", b"/review0", b"/review-of-another", b"/review1"]


def test_a_full_queue_still_takes_probes() -> None:
    """A replica that is not ready would leave its load to the others."""
    with stuck(replace(Limits(), queued=0)) as front:
        refused = ask(front.connect(), "/review")[0]
        probe = front.connect()
        probe.sendall(request("/readyz", method="GET"))
        probe.settimeout(0.3)
        with pytest.raises(TimeoutError):
            probe.recv(1)

    assert refused == 503


def test_a_review_whose_time_passed_in_the_queue_is_not_decided() -> None:
    """Its client has gone; the answer says so, in the review's own time."""
    with stuck(Limits(), patience_seconds=0.2) as front:
        stream = front.connect()
        status, headers, body = ask(stream, "/review")

        assert (status, headers["Connection"]) == (503, "close")
        assert b"time passed" in body
        assert b"/review" not in front.site.served


def test_the_connections_of_one_address_are_limited() -> None:
    """Its own least useful one makes room, nobody else's."""
    with serving(replace(Limits(), connections_per_peer=2)) as front:
        other = front.connect("127.0.0.3")
        first = front.connect("127.0.0.2")
        ask(first, "/review")
        second, third = front.connect("127.0.0.2"), front.connect("127.0.0.2")

        assert is_closed(second)
        assert [ask(stream, body=b"x")[2] for stream in (first, third, other)] == [b"x"] * 3


def test_connections_that_never_brought_a_review_make_room_first() -> None:
    """However many come, the API server's stay, idle or not."""
    with serving(replace(Limits(), connections=4)) as front:
        proven = front.connect()
        ask(proven, "/review")
        for _ in range(20):
            front.connect()

        assert ask(proven, "/review")[0] == 200
        assert front.reactor.connections == 4


def test_where_all_are_busy_nobody_is_let_in() -> None:
    """A request under way is not given up for a new one."""
    with stuck(replace(Limits(), connections=1)) as front:
        raw = front.dial()

        assert is_closed(raw)


def test_bodies_that_arrive_are_limited_together() -> None:
    """The one that has been arriving longest is given up."""
    limits = replace(Limits(), buffered_bytes=100 * KIB)
    with serving(limits) as front:
        slow, fast = front.connect(), front.connect()
        slow.sendall(request(body=b"x" * (60 * KIB))[:-1])
        # All of it, for of two that come at once either may have come first.
        assert eventually(lambda: front.reactor._guests._bytes == 60 * KIB - 1)
        fast.sendall(request(body=b"x" * (60 * KIB)))
        given_up = read_answer(slow)[0]

        assert read_answer(fast)[0] == 200
        assert given_up == 503


@pytest.mark.parametrize(
    ("counts", "waits"),
    [
        pytest.param([0, 0], False, id="nobody-has-any"),
        pytest.param([1, 0], True, id="one-more"),
        pytest.param([0, 1], False, id="one-less"),
        pytest.param([100, 90], False, id="about-equal"),
        pytest.param([100, 80], True, id="many-more"),
        pytest.param([5], False, id="alone"),
    ],
)
def test_workers_accept_in_turn(counts, waits) -> None:
    """Few connections are spread exactly, for each may carry half of the load."""
    census = Census(4)
    for count in counts:
        census.report(census.enter(), count)

    assert census.has_more_than_others(0) is waits


def test_a_worker_that_is_gone_is_not_waited_for() -> None:
    """Its place is free for the next."""
    census = Census(2)
    places = [census.enter(), census.enter()]
    census.report(places[0], 5)
    census.leave(places[1])
    census.report(places[1], 0)

    assert not census.has_more_than_others(places[0])
    assert census.enter() == places[1]
