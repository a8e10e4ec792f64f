"""Hostile input over the real socket against the whole server; `make fuzz` for the long form.

``PORTCULLIS_FUZZ`` is the number of reviews (a tenth as many connections bring raw garbage),
``PORTCULLIS_FUZZ_SEED`` the seed; a failure prints what was sent.
"""

import base64
import json
import os
import socket
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from tests.server.front import read_answer, request
from tests.server.mutations import garbage, mutated, seeds
from tests.server.test_gunicorn import ROOT, await_workers, running, wait_until_ready

REVIEWS = int(os.environ.get("PORTCULLIS_FUZZ", "3000"))
SEED = int(os.environ.get("PORTCULLIS_FUZZ_SEED", "20261126"))
CLIENTS = 4
GROWTH_MIB = 24
"""That a worker may grow by between a warm-up and the end, however long the run is."""
SECONDS_OF_SILENCE = 0.05
"""After garbage; what is incomplete gets no answer before its time is over."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The chart's command line over the examples' cluster."""
    folder = tmp_path_factory.mktemp("fuzz")
    with running(folder, snapshot=ROOT / "examples/cluster") as started:
        wait_until_ready(started)
        await_workers(started)
        yield started


@dataclass
class Tally:
    """What one client saw."""

    codes: dict[int, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def dial(server):
    """A connection with every byte under the test's control."""
    raw = socket.create_connection(("localhost", server.port), timeout=20)
    stream = server.trust.wrap_socket(raw, server_hostname="localhost")
    server.opened.callback(stream.close)
    return stream


def wrong_review(path: str, sent: bytes, answer: dict) -> str | None:
    """What the API server would not take (apiserver, webhook/request/admissionreview.go)."""
    response = answer.get("response")
    if (answer.get("apiVersion"), answer.get("kind")) != ("admission.k8s.io/v1", "AdmissionReview"):
        return "not an AdmissionReview"
    if not isinstance(response, dict) or not isinstance(response.get("allowed"), bool):
        return "no verdict"
    if response.get("uid") != json.loads(sent.decode("utf-8", "replace"))["request"]["uid"]:
        return "another uid"
    if not response["allowed"] and not 400 <= response["status"]["code"] < 600:
        return "refused without a code"
    if not response["allowed"] and not response["status"]["message"].strip():
        return "refused without a message"
    if any(not text or not text.isprintable() for text in response.get("warnings", ())):
        return "a warning that the API server would drop"
    if "patch" in response:
        operations = json.loads(base64.b64decode(response["patch"]))
        if path != "/mutate" or response["patchType"] != "JSONPatch" or not operations:
            return "a patch out of place"
    return None


def wrong(path: str, sent: bytes, status: int, body: bytes) -> str | None:
    """What is wrong with an answer."""
    answer = json.loads(body)
    if status == 200:
        return wrong_review(path, sent, answer)
    if not 400 <= status < 500:
        return "neither a review nor a 4xx"
    if answer["kind"] != "Status" or answer["code"] != status or not answer["message"]:
        return "no Status"
    return None


def send_reviews(server, number: int, count: int) -> Tally:
    """One client's share, over connections that are kept as long as the server keeps them."""
    random, known, tally, stream = Random(SEED * 1000 + number), seeds(), Tally(), None
    for _ in range(count):
        path, body = mutated(random, known)
        stream = stream or dial(server)
        start = time.perf_counter()
        stream.sendall(request(f"{path}?timeout=5s", body))
        status, headers, answer = read_answer(stream)
        tally.seconds.append(time.perf_counter() - start)
        tally.codes[status] = tally.codes.get(status, 0) + 1
        fault = wrong(path, body, status, answer)
        if fault:
            tally.faults.append(f"{fault}: {path} {body!r} gave {status} {answer!r}")
        if headers["Connection"] == "close":
            stream.close()
            stream = None
    return tally


def send_garbage(server, number: int, count: int) -> Tally:
    """Raw bytes, each on a connection of its own."""
    random, known, tally = Random(SEED * 1000 + 500 + number), seeds(), Tally()
    for _ in range(count // 10):
        data, stream = garbage(random, known), dial(server)
        try:
            stream.sendall(data)
            stream.settimeout(SECONDS_OF_SILENCE)
            answer = stream.recv(100)
        except OSError:
            answer = b""
        finally:
            stream.close()
        status = int(answer.split()[1]) if answer.startswith(b"HTTP/1.1 ") else 0
        tally.codes[status] = tally.codes.get(status, 0) + 1
        if status >= 500:
            tally.faults.append(f"{data!r} gave {answer!r}")
    return tally


def workers(server) -> list[int]:
    pid = server.process.pid
    return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def mebibytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


def report(what: str, tallies: list[Tally]) -> None:
    seconds = sorted(second for tally in tallies for second in tally.seconds)
    codes: dict[int, int] = {}
    for tally in tallies:
        for code, count in tally.codes.items():
            codes[code] = codes.get(code, 0) + count
    line = f"{what}: {dict(sorted(codes.items()))}"
    if seconds:
        p99 = statistics.quantiles(seconds, n=100)[98]
        line += f", p50 {statistics.median(seconds) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms"
    print(line)


@pytest.mark.parametrize("send", [send_reviews, send_garbage])
def test_whatever_comes_is_answered(server, send) -> None:
    """A valid AdmissionReview or a 4xx: no 5xx, no traceback, no new worker, no growth."""
    before = workers(server)
    with ThreadPoolExecutor(CLIENTS) as clients:
        share, numbers = REVIEWS // CLIENTS, range(CLIENTS)
        list(clients.map(lambda number: send(server, number + 100, share // 4), numbers))
        heavy = [mebibytes(pid) for pid in before]
        tallies = list(clients.map(lambda number: send(server, number, share), numbers))
    report(send.__name__, tallies)
    growth = [mebibytes(pid) - was for pid, was in zip(before, heavy, strict=True)]
    print(f"workers of {[round(was) for was in heavy]} MiB grew by {[round(it) for it in growth]}")
    log = server.log.read_text()

    assert [fault for tally in tallies for fault in tally.faults][:5] == []
    assert workers(server) == before
    assert max(growth) < GROWTH_MIB
    assert '"traceback"' not in log
    assert '"level":"error"' not in log
