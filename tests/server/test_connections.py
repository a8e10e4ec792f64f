"""Who is slow keeps nobody waiting, and has only so long: TLS over loopback, short limits."""

import socket
import ssl
import threading
import time
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from tests.server.front import Scripted, ask, eventually, is_closed, read_answer, request, serving
from webhook import waiting
from webhook.server import reactor
from webhook.server.http1 import Answer
from webhook.server.limits import Limits

SHORT = 0.2
PATIENT = Limits()
CROWD = 40


@pytest.fixture
def front():
    """A worker of four threads with the limits of production."""
    with serving(replace(PATIENT, concurrent=4)) as started:
        yield started


def impatient(**seconds: float):
    """A worker that is impatient in some respect."""
    return serving(replace(PATIENT, **seconds))


def test_a_request_is_answered(front) -> None:
    """And the next one on the same connection."""
    stream = front.connect()

    assert [ask(stream, body=b"one")[2], ask(stream, body=b"two")[2]] == [b"one", b"two"]


def test_requests_sent_at_once_are_answered_in_order(front) -> None:
    """A client may send on before it has read (RFC 9112, section 9.3.2)."""
    stream = front.connect()
    stream.sendall(b"".join(request(body=b"%d" % number) for number in range(200)))

    assert [read_answer(stream)[2] for _ in range(200)] == [b"%d" % n for n in range(200)]


def test_a_large_request_and_its_answer_pass(front) -> None:
    """Megabytes come in many records and leave in many."""
    body = b"0123456789abcdef" * (1 << 17)

    assert ask(front.connect(), body=body)[2] == body


def test_a_request_that_comes_byte_by_byte_is_read(front) -> None:
    """As long as it is within its time."""
    stream = front.connect()
    for byte in request(body=b"abc"):
        stream.sendall(bytes([byte]))

    assert read_answer(stream)[2] == b"abc"


def test_leave_to_send_is_given(front) -> None:
    """To who expects it before the body."""
    stream = front.connect()
    whole = request(body=b"abc", headers="Expect: 100-continue\r\n")
    stream.sendall(whole[:-3])
    leave = stream.recv(1000)
    stream.sendall(whole[-3:])

    assert leave == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert read_answer(stream)[2] == b"abc"


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        pytest.param("head_seconds", b"POST / HT", id="amid-the-head"),
        pytest.param("request_seconds", request(body=b"abc")[:-1], id="amid-the-body"),
        pytest.param("silence_seconds", request(body=b"abc")[:-1], id="silent-amid-the-body"),
    ],
)
def test_a_slow_request_is_cut_off(limit, said) -> None:
    """It is told so by a 408, and the connection ends."""
    with impatient(**{limit: SHORT}) as front:
        stream = front.connect()
        stream.sendall(said)
        status, headers, _ = read_answer(stream)

        assert (status, headers["Connection"]) == (408, "close")
        assert is_closed(stream)


def test_a_trickling_request_is_cut_off() -> None:
    """Though bytes go on coming: what counts is the whole."""
    with impatient(head_seconds=SHORT) as front:
        stream = front.connect()
        stream.sendall(b"GET / HTTP/1.1\r\nX: ")
        with suppress(ConnectionError, ssl.SSLError):
            for _ in range(1000):
                stream.sendall(b"x")
                time.sleep(SHORT / 10)
        gone = eventually(lambda: not front.reactor.connections)

    assert gone
    assert front.site.refusals == [408]


def test_each_request_has_its_own_time() -> None:
    """What the last requests took is not counted against the next."""
    with impatient(request_seconds=5.0) as front:
        stream = front.connect()
        for _ in range(3):
            first, rest = request(body=b"abc")[:-1], b"c"
            stream.sendall(first)
            time.sleep(2.0)
            stream.sendall(rest)

            assert read_answer(stream)[2] == b"abc"


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01"], ids=["silent", "half-a-record"])
def test_a_slow_handshake_is_cut_off(said) -> None:
    """No byte, or not enough of them."""
    with impatient(handshake_seconds=SHORT) as front:
        raw = front.dial()
        raw.sendall(said)

        assert is_closed(raw)


def test_an_idle_connection_is_closed_in_its_time() -> None:
    """With TLS's close_notify: the client can tell it from an attack."""
    # Long enough for the request to come after the handshake, on a machine that is busy.
    with impatient(idle_seconds=1.0) as front:
        stream = front.connect()
        ask(stream)

        assert stream.recv(1) == b""


def test_who_does_not_read_its_answer_is_cut_off() -> None:
    """What was not sent is given up with the connection."""
    site = Scripted({b"/large": lambda _: Answer(200, b"x" * (8 << 20))})
    with serving(replace(PATIENT, silence_seconds=SHORT), site) as front:
        stream = front.connect(receive_buffer=4096)
        stream.sendall(request("/large"))
        gone = eventually(lambda: not front.reactor.connections)

        assert gone


def test_who_reads_slowly_gets_its_answer(front) -> None:
    """As long as it goes on reading."""
    front.site.scripts[b"/large"] = lambda _: Answer(200, b"x" * (4 << 20))
    stream = front.connect(receive_buffer=4096)
    stream.sendall(request("/large"))
    time.sleep(SHORT)

    assert read_answer(stream)[2] == b"x" * (4 << 20)


def test_what_is_no_tls_is_dropped(front) -> None:
    """Plain HTTP on the TLS port gets an alert, and the next client its answer."""
    raw = front.dial()
    raw.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    raw.recv(100)

    assert is_closed(raw)
    assert ask(front.connect(), body=b"abc")[2] == b"abc"


def test_an_answer_reaches_who_still_sends(front) -> None:
    """A refusal is not overtaken by the reset of a connection with unread bytes."""
    stream = front.connect()
    stream.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
    stream.sendall(b"x" * (1 << 20))
    status, headers, _ = read_answer(stream)

    assert (status, headers["Connection"]) == (413, "close")


def test_a_client_that_ends_its_side_is_answered(front) -> None:
    """``printf … | openssl s_client`` says goodbye right after its request."""
    stream = front.connect()
    stream.sendall(request(body=b"abc"))
    raw = socket.socket(fileno=socket.dup(stream.fileno()))
    raw.shutdown(socket.SHUT_WR)
    raw.close()
    status, _, body = read_answer(stream)

    assert (status, body) == (200, b"abc")
    assert is_closed(stream)


def test_open_connections_take_no_threads(front) -> None:
    """More connections than threads, amid everything, keep nobody waiting."""
    said = [b"", b"POST", request(body=b"abc")[:-1]]
    kept = [front.connect() for _ in range(CROWD)]
    for number, stream in enumerate(kept):
        stream.sendall(said[number % 3])

    assert ask(front.connect(), body=b"abc")[2] == b"abc"


def test_who_waits_for_somebody_else_does_not_keep_the_lead(front) -> None:
    """All threads but one may be waiting for the API server; others are served meanwhile."""
    go_on = threading.Event()
    front.opened.callback(go_on.set)
    front.site.scripts[b"/wait"] = lambda _: Answer(200, str(go_on.wait(20)).encode())
    kept = [front.connect() for _ in range(3)]
    for stream in kept:
        stream.sendall(request("/wait"))
    served = [ask(front.connect(), body=b"abc")[2] for _ in range(10)]
    go_on.set()

    assert served == [b"abc"] * 10
    assert [read_answer(stream)[2] for stream in kept] == [b"True"] * 3


def test_who_tells_that_it_will_wait_passes_the_lead_on_at_once() -> None:
    """A call of the API server does; no supervisor has to notice."""
    go_on = threading.Event()

    def call(_) -> Answer:
        waiting.begins()
        return Answer(200, str(go_on.wait(20)).encode())

    with serving(PATIENT, Scripted({b"/call": call}), supervised=False) as front:
        front.opened.callback(go_on.set)
        calling = front.connect()
        calling.sendall(request("/call"))
        served = ask(front.connect(), body=b"abc")[2]
        go_on.set()

        assert served == b"abc"
        assert read_answer(calling)[2] == b"True"


def test_an_answer_does_not_wait_for_a_request_that_waits(monkeypatch) -> None:
    """Answers are sent together where that is a matter of a millisecond, and of no more."""
    monkeypatch.setattr(reactor, "SWEEP_SECONDS", 3600.0)  # which would end the wait
    gate, go_on = threading.Event(), threading.Event()

    def call(_) -> Answer:
        waiting.begins()
        return Answer(200, str(go_on.wait(20)).encode())

    scripts = {b"/call": call, b"/gate": lambda _: Answer(200, str(gate.wait(20)).encode())}
    with serving(PATIENT, Scripted(scripts), supervised=False) as front:
        front.opened.callback(go_on.set)
        front.opened.callback(gate.set)
        first, quick, calling = [front.connect() for _ in range(3)]
        first.sendall(request("/gate"))
        assert eventually(lambda: front.site.served == [b"/gate"])
        # Both are there when the leader looks up again.
        quick.sendall(request(body=b"abc") + request(body=b"def"))
        calling.sendall(request("/call"))
        gate.set()

        assert read_answer(first)[2] == b"True"
        assert [read_answer(quick)[2] for _ in range(2)] == [b"abc", b"def"]
        go_on.set()
        assert read_answer(calling)[2] == b"True"


def test_whoever_keeps_the_sockets_busy_keeps_nobody_from_his_turn() -> None:
    """Half handshakes, byte by byte, may cost each look at the sockets all of a request's time."""

    def costs(_mask: int, _now: float) -> None:
        time.sleep(1.5 * reactor.POLL_SECONDS)

    with serving(PATIENT) as front, closing(socket.socket(type=socket.SOCK_DGRAM)) as busy:
        honest = front.connect()
        # For every look has something there: a datagram socket can always be written to.
        front.reactor._selector.register(busy, reactor.WRITE, costs)

        assert ask(honest, "/review", b"abc")[2] == b"abc"


def test_with_all_threads_waiting_sockets_are_looked_after() -> None:
    """Nobody is served then, but who is slow is cut off, and who comes is let in."""
    go_on = threading.Event()
    site = Scripted({b"/wait": lambda _: Answer(200, str(go_on.wait(20)).encode())})
    with serving(replace(PATIENT, concurrent=2, head_seconds=SHORT), site) as front:
        front.opened.callback(go_on.set)
        kept = [front.connect() for _ in range(3)]
        for stream in kept:
            stream.sendall(request("/wait"))
        slow = front.connect()
        slow.sendall(b"GET")
        status = read_answer(slow)[0]
        begun = len(site.served)
        go_on.set()

        assert status == 408
        assert begun == 2
        assert [read_answer(stream)[2] for stream in kept] == [b"True"] * 3


def test_a_departing_worker_answers_what_is_under_way(front) -> None:
    """It ends only then, and closes who is idle."""
    go_on = threading.Event()
    front.opened.callback(go_on.set)
    front.site.scripts[b"/wait"] = lambda _: Answer(200, str(go_on.wait(20)).encode())
    busy, idle = front.connect(), front.connect()
    ask(idle)
    busy.sendall(request("/wait"))
    eventually(lambda: b"/wait" in front.site.served)
    front.site.keeps = False
    front.reactor.retire()
    closed = is_closed(idle)
    over_early = front.crew.over.is_set()
    go_on.set()
    status, headers, _ = read_answer(busy)

    assert closed
    assert not over_early
    assert (status, headers["Connection"]) == (200, "close")
    assert front.crew.over.wait(10)
