"""Reviews go on being answered while many connections do their worst; `make fuzz` for 1,000.

``PORTCULLIS_SLOWLORIS`` is the number of connections. What is measured is printed beside the same
client's figures without them; figures are not asserted, machines differ.
"""

import os
import statistics
import subprocess
import sys
import time

import pytest

from tests import reviews
from tests.server.front import read_answer, request
from tests.server.test_fuzz import dial, mebibytes, workers
from tests.server.test_gunicorn import ROOT, await_workers, running, wait_until_ready

CONNECTIONS = int(os.environ.get("PORTCULLIS_SLOWLORIS", "200"))
SECONDS = 30 if CONNECTIONS >= 1000 else 5
RATE = 50
"""Reviews a second."""
KEPT = 4
FRESH_EVERY = 10
"""One review of so many comes on a connection of its own."""
CONNECTION_MIB = 0.15
"""What a connection may cost, with TLS's buffers and a request that has not come yet."""
POLICY = reviews.network_policy("web")


@pytest.fixture
def server(tmp_path):
    """The chart's command line over the examples' cluster."""
    with running(tmp_path, snapshot=ROOT / "examples/cluster") as started:
        wait_until_ready(started)
        await_workers(started)
        yield started


def review(server, stream, number: int) -> float:
    """Seconds to the answer of a review; the handshake counts where there is one."""
    uid, start = f"uid-{number}", time.perf_counter()
    fresh = stream is None
    stream = stream or dial(server)
    stream.sendall(request("/validate?timeout=5s", reviews.body("UPDATE", POLICY, POLICY, uid=uid)))
    status, _, body = read_answer(stream)
    taken = time.perf_counter() - start
    if fresh:
        stream.close()

    assert status == 200
    assert uid.encode() in body
    return taken


def measure(server, seconds: float) -> list[float]:
    """Send at the rate; every review must be answered."""
    kept, taken, begin = [dial(server) for _ in range(KEPT)], [], time.monotonic()
    for number in range(int(seconds * RATE)):
        time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
        fresh = number % FRESH_EVERY == FRESH_EVERY - 1
        taken.append(review(server, None if fresh else kept[number % KEPT], number))
    return taken


def told(what: str, taken: list[float]) -> float:
    p99 = statistics.quantiles(taken, n=100)[98]
    print(f"{what}: p50 {statistics.median(taken) * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms", end="; ")
    return p99


def test_slow_clients_keep_nobody_waiting(server) -> None:
    """Dribbled heads and bodies, silence, half handshakes, answers nobody reads: none is lost."""
    quiet = told("without", measure(server, 5))
    before = workers(server)
    light = [mebibytes(pid) for pid in before]
    ca = server.log.with_name("ca.crt")
    command = [sys.executable, "-m", "tests.server.slow_clients", str(server.port), str(ca)]
    attack = subprocess.Popen(
        [*command, str(CONNECTIONS)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    server.opened.callback(attack.wait)
    server.opened.callback(attack.kill)
    assert attack.stdout is not None
    server.opened.callback(attack.stdout.close)
    standing = next(n for n in map(int, attack.stdout) if n >= 0.9 * CONNECTIONS)
    under = told(f"beside {standing} slow connections", measure(server, SECONDS))
    growth = [mebibytes(pid) - was for pid, was in zip(before, light, strict=True)]
    print(f"p99 ratio {under / quiet:.1f}; workers grew by {[round(it) for it in growth]} MiB")
    log = server.log.read_text()

    assert attack.poll() is None
    assert workers(server) == before
    assert sum(growth) < 40 + CONNECTION_MIB * CONNECTIONS
    assert '"traceback"' not in log
