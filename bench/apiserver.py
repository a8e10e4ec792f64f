"""Measure what a webhook costs at the API server: ``make bench-apiserver``.

A real kube-apiserver takes dry-run creations of NetworkPolicies, with no webhook, with a do-nothing
Go webhook behind a Service, and with Portcullis as its chart installs it, all checks on. Told are
the client's times and the API server's own mean of the webhook
(``apiserver_admission_webhook_admission_duration_seconds``).
"""

import argparse
import base64
import json
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import admission
import workload

from certs.authority import issue_serving_certificate, new_authority
from tests.controlplane import ControlPlane
from tests.controlplane.installation import Installation

POLICIES = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"
TEAMS, PODS = 5, 20
CLIENTS = (1, 8)
METRIC = re.compile(
    r'^apiserver_admission_webhook_admission_duration_seconds_(sum|count)\{.*name="([^"]+)".*\} '
    r"(\S+)$",
    re.MULTILINE,
)
_numbers = count()


@dataclass(frozen=True)
class Result:
    """Of one webhook and number of clients: milliseconds, and calls of the webhook per write."""

    p50: float
    p99: float
    rate: float
    mean: float
    calls: float


class Writer:
    """Writes to the API server as its admin, over kept-alive connections."""

    def __init__(self, plane: ControlPlane) -> None:
        self._client = plane.client()
        self._pool = self._client.rest_client.pool_manager
        self._host = self._client.configuration.host

    def create(self, path: str, body: Any, query: str = "") -> None:
        """POST; raises where it is refused, unless it exists already."""
        answer = self._pool.request(
            "POST",
            f"{self._host}{path}{query}",
            body=json.dumps(body),
            headers={"Content-Type": "application/json"},
        )
        if answer.status not in {200, 201, 409}:
            raise SystemExit(f"POST {path}: {answer.status} {answer.data[:500]!r}")

    def spent(self) -> dict[str, tuple[float, float]]:
        """Seconds and calls of each webhook entry so far."""
        text = self._pool.request("GET", f"{self._host}/metrics").data.decode()
        found: dict[str, dict[str, float]] = {}
        for kind, name, value in METRIC.findall(text):
            entry = found.setdefault(name, {"sum": 0.0, "count": 0.0})
            entry[kind] += float(value)
        return {name: (entry["sum"], entry["count"]) for name, entry in found.items()}


def measure(writer: Writer, writes: int, clients: int, write: Callable[[], None]) -> Result:
    """Let the clients write, and read the API server's own clock before and after."""
    before = writer.spent()

    def timed(_: int) -> float:
        started = time.perf_counter()
        write()
        return (time.perf_counter() - started) * 1000

    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        times = sorted(pool.map(timed, range(writes)))
    elapsed = time.perf_counter() - started
    after = writer.spent()
    seconds = sum(after[n][0] - before.get(n, (0.0, 0.0))[0] for n in after)
    calls = sum(after[n][1] - before.get(n, (0.0, 0.0))[1] for n in after)
    return Result(
        p50=statistics.median(times),
        p99=times[int(len(times) * 0.99)],
        rate=writes / elapsed,
        mean=seconds / calls * 1000 if calls else 0.0,
        calls=calls / writes,
    )


def policy() -> dict[str, Any]:
    """A NetworkPolicy of an application team, another one each time."""
    made = workload.policy()
    kept = {"name": f"cart-{next(_numbers)}"}
    return {**made, "metadata": kept}


def config_map() -> dict[str, Any]:
    """A ConfigMap that is nobody's business."""
    metadata = {"name": f"settings-{next(_numbers)}"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}


def populate(writer: Writer) -> None:
    """Namespaces with pods, so that there is something to tell."""
    for team in range(TEAMS):
        name = f"team-{team}"
        writer.create("/api/v1/namespaces", {"metadata": {"name": name}})
        account = {"metadata": {"name": "default"}}
        writer.create(f"/api/v1/namespaces/{name}/serviceaccounts", account)
        for number in range(PODS):
            labels = {"app.kubernetes.io/name": ("cart", "cart-db")[number % 2], "tier": "backend"}
            spec = {"containers": [{"name": "c", "image": "i"}]}
            metadata = {"name": f"pod-{number}", "labels": labels}
            writer.create(f"/api/v1/namespaces/{name}/pods", {"metadata": metadata, "spec": spec})


@contextmanager
def nothing(plane: ControlPlane) -> Iterator[None]:
    """No webhook."""
    del plane
    yield


@contextmanager
def go(plane: ControlPlane) -> Iterator[None]:
    """The do-nothing Go webhook, called for NetworkPolicies by way of a Service."""
    binary = admission.build(admission.CACHE / "bench")["noop"]
    now = datetime.now(UTC)
    authority = new_authority("bench", now)
    pair = issue_serving_certificate(authority, ["noop.default.svc"], [], now)
    cert, key = plane.folder / "noop.crt", plane.folder / "noop.key"
    cert.write_bytes(pair.chain_pem)
    key.write_bytes(pair.key_pem)
    address = plane.new_address()
    flags = [f"--address={address}:9443", f"--cert={cert}", f"--key={key}"]
    process = plane.exec([str(binary), *flags], address=address)
    plane.kubectl("create", "service", "clusterip", "noop", "--tcp=443:9443")
    plane.service_backend("default", "noop", [address], 9443)
    service = {"namespace": "default", "name": "noop", "path": "/validate"}
    ca = base64.b64encode(authority.certificate_pem).decode()
    rule = {
        "apiGroups": ["networking.k8s.io"],
        "apiVersions": ["v1"],
        "operations": ["*"],
        "resources": ["networkpolicies"],
    }
    webhook = {
        "name": "noop.bench.dev",
        "clientConfig": {"service": service, "caBundle": ca},
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "noop"},
        "webhooks": [webhook],
    }
    plane.kubectl("create", "-f", "-", stdin=configuration)
    time.sleep(2)  # the API server takes it up
    try:
        yield
    finally:
        plane.kubectl("delete", "validatingwebhookconfiguration/noop", "service/noop")
        process.terminate()


@contextmanager
def portcullis(plane: ControlPlane) -> Iterator[None]:
    """Portcullis as the chart installs it, with two replicas, the namespaces sealed."""
    with Installation(plane, replicas=2):
        time.sleep(2)
        teams = [f"ns/team-{team}" for team in range(TEAMS)]
        plane.kubectl("label", "--overwrite", *teams, "portcullis.dev/seal=sealed", check=False)
        yield


STATES = {
    "no webhook": nothing,
    "do-nothing Go webhook": go,
    "Portcullis, 2 replicas": portcullis,
}


def run(options: argparse.Namespace) -> list[str]:
    """Measure each state, and return the Markdown table."""
    rows = [
        "| webhook | write | clients | writes/s | p50 ms | p99 ms | calls | webhook mean ms |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    with ControlPlane() as plane:
        writer = Writer(plane)
        populate(writer)
        path = POLICIES.format("team-1")
        maps = "/api/v1/namespaces/team-1/configmaps"
        for name, state in STATES.items():
            with state(plane):
                for clients in CLIENTS:
                    for kind, write in {
                        "NetworkPolicy": lambda: writer.create(path, policy(), "?dryRun=All"),
                        "ConfigMap": lambda: writer.create(maps, config_map(), "?dryRun=All"),
                    }.items():
                        measure(writer, options.writes // 5, clients, write)
                        found = measure(writer, options.writes, clients, write)
                        rows.append(
                            f"| {name} | {kind} | {clients} | {found.rate:,.0f} | {found.p50:.2f} "
                            f"| {found.p99:.1f} | {found.calls:.2f} | {found.mean:.2f} |"
                        )
                        print(rows[-1], file=sys.stderr, flush=True)
    return rows


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=500, help="of each measurement")
    parser.add_argument("--write", type=Path, help="document whose marked section is replaced")
    options = parser.parse_args()
    lines = run(options)
    print("\n".join(lines))
    if options.write:
        admission.replace_section(options.write, "apiserver", lines)


if __name__ == "__main__":
    main()
