"""Measure what a webhook costs at the API server: ``make benchapi``.

A real kube-apiserver takes dry-run creations of NetworkPolicies, with no webhook, with a do-nothing
Go webhook behind a Service, with Gatekeeper and one Rego constraint, and with Portcullis as its
chart installs it, all checks on: as fast as one client can, and at given rates, whether or not the
answers keep up (``writes``). Told are the client's times, from the moment at which a write was due,
and what the API server itself says of its webhook (`histogram`): mean, 99th percentile, the part
within 5 ms.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import admission
import histogram
import workload
from peers import Running, gatekeeper, go
from servers import as_in_the_image

from tests.controlplane import ControlPlane
from tests.controlplane.installation import Installation

POLICIES = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"
TEAMS, PODS = 5, 20
NUMBER = "NUMBERED"
"""Stands in an object where each one's number is to be."""
RATES = (10.0, 100.0, 300.0)
ENOUGH = 1000
"""Writes at a rate, at least: the 99th percentile of two hundred is the second worst of them."""
SOON = 0.005
"""Seconds; the first bound of the API server's histogram."""
COLUMNS = (
    *("webhook", "write", "rate", "writes/s", "p50 ms", "p99 ms", "calls"),
    *("webhook mean ms", "webhook p99 ms", "within 5 ms"),
)


@dataclass(frozen=True)
class Result:
    """Of one webhook and rate: milliseconds of a write, writes a second, calls of the webhook."""

    p50: float
    p99: float
    rate: float
    writes: int
    calls: histogram.Calls


class Writer:
    """Writes to the API server as its admin, over kept-alive connections.

    Args:
        plane: whose API server.
        program: ``writes``, built.
    """

    def __init__(self, plane: ControlPlane, program: Path) -> None:
        self._plane = plane
        self._client = plane.client()
        self._pool = self._client.rest_client.pool_manager
        self._host = self._client.configuration.host
        self._folder = plane.folder / "writes"
        self._folder.mkdir(exist_ok=True)
        self._made = 0
        pair = plane.authority.client("admin", ["system:masters"])
        files = {"ca": plane.ca, "cert": pair.certificate, "key": pair.key}
        for name, pem in files.items():
            (self._folder / name).write_bytes(pem)
        self._command = [str(program), *(f"--{name}={self._folder / name}" for name in files)]

    def create(self, path: str, body: Any) -> None:
        """POST; raises where it is refused, unless it exists already."""
        answer = self._pool.request(
            "POST",
            f"{self._host}{path}",
            body=json.dumps(body),
            headers={"Content-Type": "application/json"},
        )
        if answer.status not in {200, 201, 409}:
            raise SystemExit(f"POST {path}: {answer.status} {answer.data[:500]!r}")

    def many(self, path: str, body: Any, writes: int, rate: float | None) -> dict[str, float]:
        """Dry-run POSTs, inside the network: no forwarder and no Python on the measured way.

        Args:
            path: of the collection.
            body: the object, with `NUMBER` in it.
            writes: how many.
            rate: a second; None for one client that waits for its answers.

        Returns:
            ``rate`` a second, ``p50_ms`` and ``p99_ms``.
        """
        template = self._folder / "body"
        template.write_text(json.dumps(body))
        command = [
            *(*self._command, f"--url={self._host}{path}?dryRun=All", f"--body={template}"),
            *(f"--number={NUMBER}", f"--first={self._made}", f"--writes={writes}"),
            f"--rate={rate or 0}",
        ]
        self._made += writes
        with self._plane.exec(command, stdout=subprocess.PIPE) as running:
            said = running.communicate()[0]
        if running.returncode:
            raise SystemExit(f"writes: {running.returncode}")
        found: dict[str, float] = json.loads(said)
        return found

    def spent(self) -> histogram.Calls:
        """All calls of webhooks so far."""
        return histogram.read(self._pool.request("GET", f"{self._host}/metrics").data.decode())


def measure(writer: Writer, path: str, body: Any, writes: int, rate: float | None = None) -> Result:
    """Let clients write, and read the API server's own clock before and after.

    Args:
        writer: reaches the API server.
        path: of the collection.
        body: the object, with `NUMBER` in it.
        writes: how many.
        rate: a second; None for one client that waits for its answers.
    """
    before = writer.spent()
    found = writer.many(path, body, writes, rate)
    return Result(
        p50=found["p50_ms"],
        p99=found["p99_ms"],
        rate=found["rate"],
        writes=writes,
        calls=writer.spent() - before,
    )


def policy() -> dict[str, Any]:
    """A NetworkPolicy of an application team."""
    return {**workload.policy(), "metadata": {"name": f"cart-{NUMBER}"}}


def config_map() -> dict[str, Any]:
    """A ConfigMap that is nobody's business."""
    metadata = {"name": f"settings-{NUMBER}"}
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
def nothing(plane: ControlPlane) -> Iterator[Running]:
    """No webhook."""
    del plane
    yield Running({})


@contextmanager
def portcullis(plane: ControlPlane) -> Iterator[Running]:
    """Portcullis as the chart installs it, one replica, the namespaces sealed."""
    with Installation(plane, replicas=1) as installation:
        time.sleep(2)
        teams = [f"ns/team-{team}" for team in range(TEAMS)]
        plane.kubectl("label", "--overwrite", *teams, "portcullis.dev/seal=sealed", check=False)
        installation.lose()  # once more, for the time that a restart takes
        began = time.monotonic()
        installation.recover(1)
        ready = time.monotonic() - began
        (replica,) = installation.replicas
        pids = {name: each.daemon.popen.pid for name, each in replica.containers.items()}
        time.sleep(2)
        yield Running(pids, ready)


STATES = {
    "nothing": ("no webhook", nothing),
    "go": ("do-nothing Go webhook", go),
    "portcullis": ("Portcullis, 1 replica", portcullis),
    "gatekeeper": ("Gatekeeper, 1 replica, 1 constraint", gatekeeper),
}


def run(options: argparse.Namespace) -> list[str]:
    """Measure each state, and return the Markdown tables."""
    rows = [f"| {' | '.join(COLUMNS)} |", f"|---|---|{'--:|' * (len(COLUMNS) - 2)}"]
    held = ["| webhook | start to ready s | memory (PSS) |", "|---|--:|---|"]
    program = admission.build(admission.CACHE / "bench", ["writes"])["writes"]
    with ControlPlane() as plane:
        writer = Writer(plane, program)
        populate(writer)
        for name, state in (STATES[key] for key in options.states):
            with state(plane) as running:
                for row in rows_of(writer, name, options):
                    rows.append(row)
                    print(row, file=sys.stderr, flush=True)
                held += weights(name, running)
    return [*rows, "", *held]


def rows_of(writer: Writer, name: str, options: argparse.Namespace) -> Iterator[str]:
    """Measure one state: one client, each rate, and what is none of ours."""
    policies, maps = POLICIES.format("team-1"), "/api/v1/namespaces/team-1/configmaps"
    measure(writer, policies, policy(), max(1, options.writes // 2), 50)  # warm
    for kind, path, body, rate in (
        ("NetworkPolicy", policies, policy(), None),
        *(("NetworkPolicy", policies, policy(), rate) for rate in options.rates),
        ("ConfigMap", maps, config_map(), None),
    ):
        writes = options.writes if rate is None else max(ENOUGH, int(rate * options.seconds))
        found = measure(writer, path, body, writes, rate)
        calls = found.calls
        yield (
            f"| {name} | {kind} | {'1 client' if rate is None else f'{rate:.0f}/s'} "
            f"| {found.rate:,.0f} | {found.p50:.2f} | {found.p99:.1f} "
            f"| {calls.count / found.writes:.2f} | {calls.mean * 1000:.2f} "
            f"| {calls.quantile(0.99) * 1000:.1f} | {calls.share(SOON):.1%} |"
        )


def weights(name: str, running: Running) -> Iterator[str]:
    """A row of the table of memory and start; none where nothing runs."""
    if running.pids:
        held = running.memory()
        parts = [f"{each.pss:.0f} MiB {part}" for part, each in held.items()]
        ready = "" if running.ready is None else f"{running.ready:.1f}"
        yield f"| {name} | {ready} | {', '.join(parts)} |"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=500, help="of one client")
    parser.add_argument("--rates", type=float, nargs="*", default=RATES, help="writes a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="at each rate, at least")
    parser.add_argument("--states", nargs="+", choices=STATES, default=list(STATES))
    parser.add_argument("--write", type=Path, help="document whose marked section is replaced")
    options = parser.parse_args()
    as_in_the_image()
    lines = [*admission.when(), "", *run(options)]
    print("\n".join(lines))
    if options.write:
        admission.replace_section(options.write, "apiserver", lines)


if __name__ == "__main__":
    main()
