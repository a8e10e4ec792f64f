"""Measure Portcullis by the size of its cluster: ``make scale``.

Namespaces with three policies each are made on a real control plane; at each size a fresh replica
is started, timed until it is ready, and left alone; then its memory is read, and the requests that
it makes in half a minute are counted from the API server's audit log.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import kubernetes
from servers import Memory, as_in_the_image, memory

from tests.controlplane import ControlPlane
from tests.controlplane.installation import NAMESPACE, Installation, Replica
from tests.e2e import world

SIZES = (500, 1500, 5000)
CLIENTS = 8
QUIET_SECONDS = 30.0
OURS = f"system:serviceaccount:{NAMESPACE}:portcullis"
VALUES = {
    "preStopSeconds": 1,
    "server": {"drainSeconds": 1},
    "controller": {"leaseDuration": 4, "renewDeadline": 3, "retryPeriod": 1},
    "defaultDeny": {"profile": "same-namespace"},  # three policies
}


@dataclass(frozen=True)
class Result:
    """At one size: seconds, MiB, and requests by what is asked for."""

    namespaces: int
    policies: int
    ready: float
    leading: float
    webhook: Memory
    controller: Memory
    requests: Counter[str]


def grow(plane: ControlPlane, present: int, size: int) -> None:
    """Make namespaces until there are so many."""

    def make(numbers: range) -> None:
        with plane.client() as api:
            core: Any = kubernetes.client.CoreV1Api(api)
            for number in numbers:
                core.create_namespace(world.new_namespace(f"team-{number}"))

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(make, [range(present + n, size, CLIENTS) for n in range(CLIENTS)]))
    while sealed(plane) < size:
        time.sleep(1)


def sealed(plane: ControlPlane) -> int:
    """Namespaces whose policies stand."""
    selector = ("-l", "portcullis.dev/seal=sealed", "-o", "name")
    return len(plane.kubectl("get", "namespaces", *selector).stdout.split())


def measured(installation: Installation, size: int) -> Result:
    """Replace all replicas by a fresh one, and watch it."""
    plane = installation.plane
    installation.lose()
    began = time.monotonic()
    installation.recover(1)
    ready = time.monotonic() - began
    (replica,) = installation.replicas
    world.eventually(lambda: leads(plane, replica), 60)
    leading = time.monotonic() - began
    time.sleep(15)
    since = datetime.now(UTC)
    time.sleep(QUIET_SECONDS)
    seen = Counter(requests(plane, since))
    found = plane.kubectl("get", "networkpolicies", "-A", "-o", "name").stdout.split()
    used = [memory(it.daemon.popen.pid) for it in (replica.webhook, replica.controller)]
    return Result(size, len(found), ready, leading, used[0], used[1], seen)


def leads(plane: ControlPlane, replica: Replica) -> bool:
    """Whether a replica holds the Lease."""
    lease = plane.get("lease", "portcullis", NAMESPACE)
    return lease is not None and lease["spec"].get("holderIdentity") == replica.name


def requests(plane: ControlPlane, since: datetime) -> Iterator[str]:
    """Verb and resource of each request of ours that was begun since, watches apart."""
    for event in plane.audit_events():
        ours = event["user"]["username"] == OURS and event["stage"] == "ResponseComplete"
        if ours and began(event) >= since and event["verb"] != "watch":
            yield f"{event['verb']} {event.get('objectRef', {}).get('resource', '-')}"


def began(event: Any) -> datetime:
    """When a request came."""
    return datetime.fromisoformat(event["requestReceivedTimestamp"]) + timedelta(0)


def row(result: Result) -> str:
    """A row of the table."""
    upkeep = sum(n for what, n in result.requests.items() if what.split()[1] in UPKEEP)
    rest = result.requests.total() - upkeep
    return (
        f"| {result.namespaces:,} | {result.policies:,} | {result.ready:.1f} | "
        f"{result.leading:.1f} | {result.webhook.rss:.0f} | {result.webhook.pss:.0f} | "
        f"{result.controller.rss:.0f} | {result.controller.pss:.0f} | "
        f"{rest / QUIET_SECONDS:.2f} | {upkeep / QUIET_SECONDS:.2f} |"
    )


UPKEEP = {"leases", "secrets"}
"""The Lease is renewed, and the CA looked at, whatever the cluster's size."""

HEAD = """\
| namespaces | policies | ready s | leads s | webhook RSS MiB | PSS | controller RSS MiB | PSS | \
requests/s, quiet | Lease and CA/s |
|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""


def main() -> None:
    """Measure at each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    sizes = parser.parse_args().sizes
    as_in_the_image()
    with ControlPlane() as plane, Installation(plane, values=VALUES) as installation:
        print(HEAD, flush=True)
        present = 0
        for size in sizes:
            grow(plane, present, size)
            present = size
            print(row(measured(installation, size)), flush=True)


if __name__ == "__main__":
    main()
