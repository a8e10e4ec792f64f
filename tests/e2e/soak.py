"""Deeds that are done to an installation under load, and the account of what its clients saw."""

import base64
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, Self

from certs.authority import Authority
from certs.state import decode
from tests.controlplane.installation import NAMESPACE, WEBHOOK_PORT, Installation, Replica
from tests.controlplane.network import LOOPBACK
from tests.e2e import world
from tests.e2e.open_load import Order, Written

REPOSITORY = Path(__file__).parents[2]
SECRET = ("portcullis-ca", "-n", NAMESPACE)
CONFIGURATIONS = ("validatingwebhookconfiguration", "mutatingwebhookconfiguration")
NOTICED = 1.0
"""Seconds until the death of a container has taken its address out of the endpoints (kubelet's PLEG
looks every second; the test's own writing of the EndpointSlice comes on top)."""

KINDS = {
    "a connection was cut": r"failed calling webhook.*(EOF|connection reset by peer|broken pipe)",
    "connection refused": r"failed calling webhook.*connection refused",
    "no endpoint": r"failed calling webhook.*no endpoints available",
    "not trusted": r"failed calling webhook.*(x509|certificate)",
    "timed out": r"failed calling webhook.*(deadline exceeded|Timeout)",
    "503 of ours": r"failed calling webhook.*(unable to handle the request|an error on the server)",
    "not judged, for we cannot ask": r"denied the request.*could not judge this change",
    "refused by us": r"denied the request",
    "the API server is away": r"^client: |apiserver is shutting down",
    "not sent": r"^not sent",
}
"""What an error is, by the first pattern that its message has."""


def kind_of(error: str) -> str:
    """The kind of an error; where none fits the end of its text, where Go names the cause."""
    found = (kind for kind, pattern in KINDS.items() if re.search(pattern, error, re.DOTALL))
    return next(found, f"other: {error[-160:]}")


@dataclass
class Phase:
    """A stretch of the load and what was done to us in it.

    Args:
        name: of the deed.
        planned: operators do it, so it may cost no request.
        began: monotonic seconds.
        ended: the same.
    """

    name: str
    planned: bool
    began: float
    ended: float = float("inf")


@dataclass
class Account:
    """What clients saw in one phase."""

    phase: Phase
    writes: list[Written]

    @property
    def errors(self) -> list[Written]:
        return [it for it in self.writes if it.error]

    @property
    def kinds(self) -> Counter[str]:
        return Counter(kind_of(it.error) for it in self.errors)

    def row(self) -> str:
        seconds = sorted(it.seconds for it in self.writes if not it.error) or [0.0]
        p50, p99 = (1000 * seconds[int(len(seconds) * q)] for q in (0.5, 0.99))
        told = ", ".join(f"{count} {kind}" for kind, count in self.kinds.most_common()) or "none"
        lasted = self.phase.ended - self.phase.began
        return (
            f"| {self.phase.name} | {lasted:.0f} s | {len(self.writes)} | {told} "
            f"| {p50:.0f} | {p99:.0f} | {1000 * seconds[-1]:.0f} |"
        )


def by_phase(phases: Sequence[Phase], written: Sequence[Written]) -> list[Account]:
    """Account for writes by the phase in which they were answered.

    What is under way when a deed begins is that deed's, and no longer the one's before; the last
    phase has what is answered after it.
    """
    ends = [*(phase.ended for phase in phases[:-1]), float("inf")]
    return [
        Account(phase, [it for it in written if phase.began <= it.answered < ended])
        for phase, ended in zip(phases, ends, strict=True)
    ]


class Soak:
    """A constant load on an installation; a context manager.

    Args:
        installation: whose webhooks review each write.
        rate: writes a second.
        namespaces: that the policies come and go in.
    """

    def __init__(self, installation: Installation, rate: float = 100, namespaces: int = 8) -> None:
        self.installation = installation
        self.phases: list[Phase] = []
        plane = installation.plane
        names = [f"soak-{number}" for number in range(namespaces)]
        for name in names:
            world.seal(plane, name)
        self._out = plane.folder / "soak.jsonl"
        order = Order(str(plane.kubeconfig("admin", ["system:masters"])), names, str(self._out))
        self._order = {**vars(order), "rate": rate}
        self._load: Popen[bytes] | None = None

    def __enter__(self) -> Self:
        argv = [sys.executable, "-m", "tests.e2e.open_load", json.dumps(self._order)]
        self._load = Popen(argv, stdin=PIPE, cwd=REPOSITORY)
        world.eventually(lambda: self._out.exists() and self._out.stat().st_size > 0)
        return self

    def __exit__(self, *_: object) -> None:
        """Send no more, wait for what is under way."""
        assert self._load is not None
        assert self._load.stdin is not None
        self._load.stdin.close()
        assert self._load.wait(90) == 0, "the load failed"

    @contextmanager
    def phase(self, name: str, *, planned: bool, rest: float = 2.0) -> Iterator[Phase]:
        """Do a deed in a phase of its own.

        Args:
            name: of the deed.
            planned: it may cost no request.
            rest: seconds that belong to it after it is done.
        """
        phase = Phase(name, planned, time.monotonic())
        self.phases.append(phase)
        try:
            yield phase
            time.sleep(rest)
        finally:
            phase.ended = time.monotonic()

    def accounts(self) -> list[Account]:
        """By phase, as `by_phase`."""
        lines = self._out.read_text().splitlines()
        return by_phase(self.phases, [Written(**json.loads(line)) for line in lines])

    def table(self) -> str:
        """The account as Markdown."""
        head = "| meanwhile | lasts | writes | errors | p50 ms | p99 | max |"
        return "\n".join(
            ["", head, "|---|--:|--:|---|--:|--:|--:|", *map(Account.row, self.accounts())]
        )


# --- planned deeds --------------------------------------------------------------------------------


def roll(installation: Installation) -> None:
    """Replace every Pod as a Deployment's rolling update does: one new, ready, then an old one."""
    for old in list(installation.replicas):
        installation.recover(1)
        installation.retire(old)


def authority(installation: Installation) -> Authority | None:
    """The CA that signs, by its Secret."""
    secret = installation.plane.get("secret", "portcullis-ca", NAMESPACE) or {}
    data = {key: base64.b64decode(value) for key, value in secret.get("data", {}).items()}
    return decode(data).current


def rotate_authority(installation: Installation) -> str:
    """Ask for another CA as an operator does, and wait until it signs; what the command told."""
    kubeconfig = installation.plane.kubeconfig("admin", ["system:masters"])
    argv = [sys.executable, "-m", "webhook", "certs", "rotate", "--kubeconfig", str(kubeconfig)]
    return subprocess.run(argv, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout


def delete_secret(installation: Installation) -> None:
    """Delete the CA's Secret, and wait until another CA signs."""
    installation.plane.kubectl("delete", "secret", *SECRET)
    world.eventually(lambda: authority(installation) is not None, 60)


def leaves(replica: Replica, handshakes: int = 8) -> set[str]:
    """The serving certificates of a replica's workers, PEM."""
    port = replica._plane.forward(replica.address, WEBHOOK_PORT)
    return {ssl.get_server_certificate((LOOPBACK, port)) for _ in range(handshakes)}


def await_new_leaves(installation: Installation, known: Sequence[set[str]]) -> float:
    """Wait until no replica shows a certificate that it showed then; seconds that it took."""
    old = set().union(*known)
    return world.eventually(
        lambda: not any(old & leaves(replica) for replica in installation.replicas), 120
    )


# --- mishaps --------------------------------------------------------------------------------------


def kill_worker(_: Installation, replica: Replica) -> None:
    """SIGKILL to one of a replica's two workers, as the kernel does where memory runs out."""
    arbiter = replica.webhook.daemon.popen.pid
    children = Path(f"/proc/{arbiter}/task/{arbiter}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)


def kill_container(installation: Installation, replica: Replica) -> None:
    """SIGKILL to a replica's webhook container, which a kubelet notices and starts again."""
    replica.webhook.kill()
    _restart(installation, replica, "webhook")


def kill_pod(installation: Installation, replica: Replica) -> None:
    """SIGKILL to a whole replica, as when its node is lost."""
    replica.kill()
    _restart(installation, replica, "webhook", "controller")


def _restart(installation: Installation, lost: Replica, *names: str) -> None:
    time.sleep(NOTICED)
    installation.serve([it for it in installation.replicas if it is not lost])
    for name in names:
        lost.start(name)
    installation.serve(installation.replicas)


def wipe_bundles(installation: Installation) -> float:
    """Take every caBundle away, as a careless tool does; seconds until all are back."""
    plane = installation.plane
    before = {kind: _bundles(plane.get(kind, "portcullis")) for kind in CONFIGURATIONS}
    for kind, bundles in before.items():
        path = "/webhooks/{}/clientConfig/caBundle"
        patch = [{"op": "remove", "path": path.format(number)} for number in range(len(bundles))]
        plane.kubectl("patch", kind, "portcullis", "--type=json", "-p", json.dumps(patch))
    return world.eventually(
        lambda: all(_bundles(plane.get(kind, "portcullis")) == was for kind, was in before.items())
    )


def _bundles(configuration: Any) -> list[str]:
    return [entry["clientConfig"].get("caBundle", "") for entry in configuration["webhooks"]]
