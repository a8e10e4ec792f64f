"""The server as it runs in production: gunicorn, two workers, TLS, a real socket."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import reviews
from tests.ports import free_ports
from webhook.server.limits import Limits

ROOT = Path(__file__).parents[2]
POLICY = reviews.network_policy("web")
BODY = reviews.body("UPDATE", POLICY, POLICY)
DRAIN_SECONDS = 2
WORKERS = 2
CROWD = 48
"""Connections: more than two workers of sixteen threads serve at once."""


@dataclass
class Server:
    """A running server."""

    process: subprocess.Popen
    port: int
    metrics_port: int
    trust: ssl.SSLContext
    log: Path
    opened: ExitStack

    def connect(self) -> http.client.HTTPSConnection:
        """A connection that verifies the server; closed when the test is over."""
        made = http.client.HTTPSConnection("localhost", self.port, context=self.trust, timeout=10)
        self.opened.callback(made.close)
        return made


def ask(connection, method="GET", path="/readyz", body=None):
    """One request; the status, the headers and the JSON body."""
    connection.request(method, path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, response.headers, json.loads(response.read())


def until_departing(kept) -> tuple[int, http.client.HTTPMessage]:
    """The answer that ends a kept connection; those before it are answers too."""
    while True:
        status, headers, _ = ask(kept, "POST", "/validate", BODY)
        if status != 200 or headers["Connection"] == "close":
            return status, headers
        time.sleep(0.05)


def until_not_ready(server: Server) -> int:
    """The status of /readyz once it is no 200, asked of whichever worker; at last a 200."""
    limit = time.monotonic() + DRAIN_SECONDS
    status = 200
    while status == 200 and time.monotonic() < limit:
        time.sleep(0.1)
        status = ask(server.connect())[0]
    return status


def wait_until_ready(server: Server) -> None:
    limit = time.monotonic() + 30
    while time.monotonic() < limit and server.process.poll() is None:
        try:
            server.trust.load_verify_locations(server.log.with_name("ca.crt"))
            if ask(server.connect())[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.05)
    pytest.fail(server.log.read_text())


def await_workers(server: Server, word: str = '"message":"ready"', count: int = WORKERS) -> None:
    """Wait until each worker has said something in the log: the first does long before the last."""
    limit = time.monotonic() + 30
    while server.log.read_text().count(word) < count:
        assert time.monotonic() < limit, server.log.read_text()
        time.sleep(0.05)


@contextmanager
def running(folder: Path, *, snapshot: Path, more: dict | None = None) -> Iterator[Server]:
    """The chart's command line over a cluster of manifests; not awaited."""
    port, metrics_port = free_ports(2)
    settings = {
        "address": "127.0.0.1",
        "port": port,
        "metricsPort": metrics_port,
        "workers": WORKERS,
        "serviceNames": ["localhost"],
        "drainSeconds": DRAIN_SECONDS,
        **(more or {}),
    }
    (folder / "settings.yaml").write_text(json.dumps({"server": settings}))
    environment = os.environ | {
        "PORTCULLIS_SETTINGS": str(folder / "settings.yaml"),
        "PORTCULLIS_SNAPSHOT": str(snapshot),
        "PORTCULLIS_STATE": str(folder),
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
        "MALLOC_ARENA_MAX": "1",
    }
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("gunicorn"), "--config=gunicorn.conf.py", "wsgi:app"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    with ExitStack() as opened:
        opened.callback(process.wait)
        opened.callback(process.kill)
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        yield Server(process, port, metrics_port, trust, log, opened)


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    """A server that is ready."""
    with running(tmp_path, snapshot=ROOT / "examples/cluster") as started:
        wait_until_ready(started)
        await_workers(started)  # One that is being forked has no handler for SIGTERM yet.
        yield started


def healthz(server: Server) -> tuple[int, bytes]:
    """Liveness as the kubelet asks for it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.metrics_port, timeout=10)
    with closing(connection):
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        return response.status, response.read()


def test_a_replica_that_waits_is_alive_and_resets_nobody(tmp_path) -> None:
    """Without a cluster it is not restarted, and a connection waits until it can be served."""
    snapshot = tmp_path / "cluster"
    with running(tmp_path, snapshot=snapshot) as waiting:
        # One that is being forked has no handler yet, and gunicorn signals once.
        await_workers(waiting, "not ready")
        early = socket.create_connection(("127.0.0.1", waiting.port), timeout=30)
        waiting.opened.callback(early.close)
        alive = healthz(waiting)
        shutil.copytree(ROOT / "examples/cluster", snapshot)
        wait_until_ready(waiting)
        stream = waiting.trust.wrap_socket(early, server_hostname="localhost")
        waiting.opened.callback(stream.close)
        stream.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = stream.recv(1000)

    assert alive == (200, b"ok\n")
    assert answer.startswith(b"HTTP/1.1 200")


def test_a_replica_that_waits_can_be_stopped(tmp_path) -> None:
    """SIGTERM while warming up ends it at once: there is nothing to drain."""
    with running(tmp_path, snapshot=tmp_path / "absent") as waiting:
        # One that is being forked has no handler yet, and gunicorn signals once.
        await_workers(waiting, "not ready")
        waiting.process.send_signal(signal.SIGTERM)

        assert waiting.process.wait(timeout=10) == 0


def test_one_connection_serves_many_reviews(server) -> None:
    """Keep-alive holds, every uid is echoed, and the name in the certificate is verified."""
    connection = server.connect()
    for number in range(50):
        body = reviews.body("UPDATE", POLICY, POLICY, uid=f"uid-{number}")
        status, headers, review = ask(connection, "POST", "/validate?timeout=5s", body)

        assert status == 200
        assert headers["Connection"] == "keep-alive"
        assert review["response"] == {"uid": f"uid-{number}", "allowed": True}


def test_an_oversized_review_closes_its_connection(server) -> None:
    """The body is not read, so nothing may follow it; the next connection works."""
    connection = server.connect()
    connection.putrequest("POST", "/validate")
    connection.putheader("Content-Length", str(1 << 30))
    connection.endheaders()
    response = connection.getresponse()

    assert response.status == 413
    assert response.headers["Connection"] == "close"
    assert ask(server.connect())[0] == 200


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", id="negative-length"
        ),
        pytest.param(b"\x00\x01\x02\r\n\r\n", id="no-http"),
        pytest.param(
            b"POST /validate HTTP/1.1\r\nA: " + b"x" * 70_000 + b"\r\n\r\n", id="long-header"
        ),
    ],
)
def test_garbage_is_a_4xx(server, garbage) -> None:
    """Raw nonsense on the socket is refused without a 500, and the server lives on."""
    raw = socket.create_connection(("localhost", server.port))
    with closing(server.trust.wrap_socket(raw, server_hostname="localhost")) as stream:
        stream.sendall(garbage)
        answer = stream.recv(200)

    assert answer.startswith(b"HTTP/1.1 4")
    assert ask(server.connect())[0] == 200


def scrape(server: Server) -> str:
    """The metrics as Prometheus gets them."""
    connection = http.client.HTTPConnection("127.0.0.1", server.metrics_port, timeout=10)
    with closing(connection):
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()


def test_the_metrics_of_several_workers_are_put_together(server) -> None:
    """Counts add up; of the leaves the earliest end is shown; nothing is left in flight."""
    for _ in range(6):
        ask(server.connect(), "POST", "/validate", b"{")
    text = scrape(server)
    (expiry,) = re.findall(r'expiration_timestamp_seconds{certificate="leaf"} (.*)', text)

    assert 'portcullis_http_rejected_total{code="400"} 6.0' in text
    assert 'portcullis_admission_in_flight{path="/validate"} 0.0' in text
    assert time.time() < float(expiry) < time.time() + 8 * 86400
    assert re.search(r'portcullis_build_info{python=".*",version=".*"} 1.0', text)


def test_metrics_have_their_own_port(server) -> None:
    """Plain HTTP, and the sum over all workers."""
    for _ in range(20):
        ask(server.connect(), "POST", "/validate", BODY)
    text = scrape(server)

    assert (
        'portcullis_admission_reviews_total{dry_run="false",guard="networkpolicies",'
        'operation="UPDATE",verdict="allowed"} 20.0'
    ) in text


def test_a_departure_loses_no_request(server) -> None:
    """On SIGTERM: out of rotation, answering with Connection: close, then exit 0."""
    kept = server.connect()
    ask(kept, "POST", "/validate", BODY)
    server.process.send_signal(signal.SIGTERM)
    status, headers = until_departing(kept)
    ready = until_not_ready(server)
    fresh = ask(server.connect(), "POST", "/validate", BODY)

    assert (status, headers["Connection"]) == (200, "close")
    assert ready == 503
    assert fresh[0] == 200
    assert server.process.wait(timeout=DRAIN_SECONDS + 10) == 0


def busy_until_gone(server: Server) -> list[int]:
    """Review after review, on connections that are kept as long as they may be; the statuses.

    A connection that cannot be made is the end; one that breaks amid a request raises.
    """
    statuses, connection = [], None
    while True:
        if connection is None:
            connection = server.connect()
            try:
                connection.connect()
            except OSError:
                return statuses
        status, headers, _ = ask(connection, "POST", "/validate?timeout=5s", BODY)
        statuses.append(status)
        if headers["Connection"] == "close":
            connection.close()
            connection = None


def test_a_departure_under_load_loses_no_request(server) -> None:
    """Whoever sent a request gets its answer: a review, or towards the end the way elsewhere."""
    with ThreadPoolExecutor(8) as clients:
        busy = [clients.submit(busy_until_gone, server) for _ in range(8)]
        time.sleep(1)
        server.process.send_signal(signal.SIGTERM)
        seen = [status for client in busy for status in client.result(timeout=30)]

    assert set(seen) <= {200, 503}
    assert seen.count(200) > 100
    assert server.process.wait(timeout=10) == 0


def test_no_secret_is_logged(server) -> None:
    """Neither a private key nor an object's data reaches the log."""
    secret = reviews.config_map('{"Backend": {"Type": "ipsec", "PSK": "hunter2"}}')
    ask(server.connect(), "POST", "/validate", reviews.body("UPDATE", secret, secret))
    ask(server.connect(), "POST", "/validate", json.dumps({"PSK": "hunter2"}).encode())
    log = server.log.read_text()

    assert "hunter2" not in log
    assert "PRIVATE KEY" not in log


def test_open_connections_take_no_threads(server) -> None:
    """More connections than threads that shake hands and say nothing keep nobody waiting."""
    for _ in range(CROWD):
        server.connect().connect()

    assert ask(server.connect(), "POST", "/validate", BODY)[0] == 200


def test_more_connections_than_threads_take_turns(server) -> None:
    """No connection holds its thread while others wait: each of a crowd is served."""

    def busy(connection) -> list[int]:
        return [ask(connection, "POST", "/validate", BODY)[0] for _ in range(10)]

    with ThreadPoolExecutor(CROWD) as clients:
        served = list(clients.map(busy, [server.connect() for _ in range(CROWD)]))

    assert served == [[200] * 10] * CROWD


def test_a_client_that_does_not_close_keeps_nobody_waiting(server) -> None:
    """After Connection: close the server waits for the client, but not with its main thread."""
    request = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    for _ in range(4):
        raw = socket.create_connection(("localhost", server.port))
        stream = server.trust.wrap_socket(raw, server_hostname="localhost")
        server.opened.callback(stream.close)
        stream.sendall(request)
    start = time.monotonic()
    statuses = [ask(server.connect())[0] for _ in range(4)]

    assert statuses == [200] * 4
    # Whoever waits for one of them waits for all of it.
    assert time.monotonic() - start < Limits().farewell_seconds


def test_connections_beyond_the_limit_make_room(tmp_path) -> None:
    """Whoever brings reviews stays, however many come to do nothing."""
    few = {"maxConnections": 64}
    with running(tmp_path, snapshot=ROOT / "examples/cluster", more=few) as server:
        wait_until_ready(server)
        kept = [server.connect() for _ in range(4)]
        before = [ask(connection, "POST", "/validate", BODY)[0] for connection in kept]
        for _ in range(200):
            raw = socket.create_connection(("localhost", server.port))
            server.opened.callback(raw.close)
        after = [ask(connection, "POST", "/validate", BODY)[0] for connection in kept]
        fresh = ask(server.connect(), "POST", "/validate", BODY)[0]

    assert before == after == [200] * 4
    assert fresh == 200


def test_an_idle_connection_does_not_hold_up_a_departure(server) -> None:
    """One that never sent a request is closed like one that waits for its next."""
    server.connect().connect()
    time.sleep(0.2)
    server.process.send_signal(signal.SIGTERM)

    assert server.process.wait(timeout=DRAIN_SECONDS + 6) == 0
