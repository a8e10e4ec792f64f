"""A worker's threads go to those who send requests, not to those who only connect."""

import socket
import ssl
import threading
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from certs.authority import issue_serving_certificate, new_authority
from webhook.server import worker
from webhook.server.tls import build_context
from webhook.server.worker import DrainingWorker, ImpatientSocket

NOW = datetime.now(UTC)
AUTHORITY = new_authority("portcullis-ca", NOW)
CONTEXT = build_context(issue_serving_certificate(AUTHORITY, ["localhost"], [], NOW))


@pytest.fixture
def pair():
    """Both ends of a TLS connection: ours, and the client's."""
    ends = socket.socketpair()
    CONTEXT.sslsocket_class = ImpatientSocket
    trust = ssl.create_default_context(cadata=AUTHORITY.certificate_pem.decode())
    made = []

    def shake_hands():
        made.append(trust.wrap_socket(ends[1], server_hostname="localhost"))

    client = threading.Thread(target=shake_hands)
    client.start()
    server = CONTEXT.wrap_socket(ends[0], server_side=True)
    client.join()
    with server, made[0]:
        yield server, made[0]


def test_a_request_is_read(pair) -> None:
    """Bytes that come are given, whatever the limits."""
    server, client = pair
    server.setblocking(True)
    client.sendall(b"POST")

    assert server.recv(100) == b"POST"


def test_a_silent_client_is_gone(pair, monkeypatch) -> None:
    """A read ends after the time of silence, as a departure that gunicorn does not log."""
    server, _ = pair
    monkeypatch.setattr(worker, "SILENCE_SECONDS", 0.01)
    server.setblocking(True)

    with pytest.raises(ConnectionResetError, match="silent"):
        server.recv(100)


def test_a_trickling_client_is_gone(pair, monkeypatch) -> None:
    """A request that does not end counts as gone, though bytes go on coming."""
    server, client = pair
    monkeypatch.setattr(worker, "REQUEST_SECONDS", -1.0)
    server.setblocking(True)
    client.sendall(b"P")

    with pytest.raises(ConnectionResetError, match="too long"):
        server.recv(100)


def test_each_request_has_its_own_time(pair, monkeypatch) -> None:
    """What the last request took is not counted against the next."""
    server, client = pair
    monkeypatch.setattr(worker, "REQUEST_SECONDS", -1.0)
    server.setblocking(True)
    monkeypatch.undo()
    server.setblocking(True)
    client.sendall(b"P")

    assert server.recv(100) == b"P"


def test_an_answer_is_sent_as_a_whole(pair) -> None:
    """What is sent in pieces while it is held leaves at once, when it is released."""
    server, client = pair
    client.settimeout(0.05)

    server.hold()
    server.sendall(b"HTTP/1.1 200 OK")
    server.sendall(b" and so on")
    with pytest.raises(TimeoutError):
        client.recv(100)
    server.release()

    assert client.recv(100) == b"HTTP/1.1 200 OK and so on"


def test_nothing_is_held_after_the_release(pair) -> None:
    """Who sends without holding, such as the farewell of TLS, is not kept waiting."""
    server, client = pair
    server.hold()
    server.release()

    server.sendall(b"now")

    assert client.recv(100) == b"now"


def test_a_poller_is_never_kept_waiting(pair) -> None:
    """Left to the poller, a socket without bytes says so at once."""
    server, _ = pair
    server.setblocking(False)

    with pytest.raises(ssl.SSLWantReadError):
        server.recv(100)


def test_a_closed_socket_may_be_closed_again(pair) -> None:
    """Preparing it must not raise: gthread would count the connection as closed twice."""
    server, _ = pair
    server.close()
    server.setblocking(True)

    assert server.fileno() == worker.CLOSED


@pytest.mark.parametrize(
    ("alive", "connections", "kept", "pending", "lingers"),
    [
        pytest.param(True, 1, 0, 0, True, id="alone"),
        pytest.param(True, 15, 0, 0, True, id="one-thread-free"),
        pytest.param(True, 16, 0, 0, False, id="all-threads-lent"),
        pytest.param(True, 100, 50, 0, False, id="connections-wait-for-threads"),
        pytest.param(True, 100, 50, 40, True, id="the-others-are-idle"),
        pytest.param(False, 1, 0, 0, False, id="stopping"),
    ],
)
def test_lingering(alive, connections, kept, pending, lingers) -> None:
    """A thread waits for its connection only while another is left for whoever comes next."""
    fake = SimpleNamespace(
        alive=alive,
        nr_conns=connections,
        keepalived_conns=[None] * kept,
        pending_conns=[None] * pending,
        cfg=SimpleNamespace(threads=16),
    )

    assert DrainingWorker._may_linger(fake) is lingers
