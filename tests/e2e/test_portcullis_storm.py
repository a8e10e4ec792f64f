"""Many namespaces at once, each followed at once by a Pod: none may come before its policies."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import PIPE
from time import monotonic
from typing import Any

import kubernetes
import pytest

from tests.controlplane.installation import NAMESPACE, RELEASE, Installation, Replica
from tests.controlplane.plane import ControlPlane
from tests.e2e import world

pytestmark = pytest.mark.controlplane

CLIENTS = 8
POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"


class Births:
    """The first resourceVersion of every object of a collection, and when it was seen."""

    def __init__(self, plane: ControlPlane, path: str) -> None:
        self.seen: dict[tuple[str, str], tuple[int, float]] = {}
        """By (namespace, name): the revision of its creation, monotonic seconds."""
        raw = plane.kubectl("get", "--raw", f"{path}?limit=1").stdout
        since = json.loads(raw)["metadata"]["resourceVersion"]
        watch = f"{path}?watch=true&resourceVersion={since}&timeoutSeconds=300"
        self._kubectl = plane.exec(["kubectl", "get", "--raw", watch], stdout=PIPE)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        assert self._kubectl.stdout is not None
        for line in self._kubectl.stdout:
            event = json.loads(line)
            if event["type"] == "ADDED":
                metadata = event["object"]["metadata"]
                key = (metadata.get("namespace", ""), metadata["name"])
                self.seen.setdefault(key, (int(metadata["resourceVersion"]), monotonic()))

    def close(self) -> None:
        """End the watch."""
        self._kubectl.kill()
        self._kubectl.wait()
        self._thread.join()
        assert self._kubectl.stdout is not None
        self._kubectl.stdout.close()


class Storm:
    """Namespaces made by several clients, and what was born when."""

    def __init__(self, plane: ControlPlane, prefix: str, count: int) -> None:
        self.plane = plane
        self.names = [f"{prefix}-{number}" for number in range(count)]
        self.errors: list[str] = []
        self.made = 0
        self.namespaces = Births(plane, "/api/v1/namespaces")
        self.policies = Births(plane, POLICIES)
        self.pods = Births(plane, "/api/v1/pods")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let all clients work; at the end all of them are done."""
        waiting = iter(self.names)
        lock = threading.Lock()

        def work() -> None:
            with self.plane.client() as api:
                core = kubernetes.client.CoreV1Api(api)
                while True:
                    with lock:
                        name = next(waiting, None)
                    if name is None:
                        return
                    self._make(core, name)

        threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            thread.join()

    def _make(self, core: kubernetes.client.CoreV1Api, name: str) -> None:
        # Dicts, which the client takes at run time: models would cost us more than the API server.
        service_account: Any = world.account(name)
        pod: Any = world.pod(name)
        namespace: Any = world.new_namespace(name)
        try:
            core.create_namespace(namespace)
            core.create_namespaced_service_account(name, service_account)
            core.create_namespaced_pod(name, pod)
        except kubernetes.client.ApiException as error:
            self.errors.append(str(error.body))
        self.made += 1

    def settle(self) -> None:
        """Wait until everything has been seen."""
        world.eventually(lambda: all((n, "first") in self.pods.seen for n in self.names), 60)
        world.eventually(
            lambda: all((n, p) in self.policies.seen for n in self.names for p in world.INJECTED),
            60,
        )
        for births in (self.namespaces, self.policies, self.pods):
            births.close()

    def early(self) -> list[str]:
        """Namespaces whose pod was created before the last of their policies."""
        return [
            name
            for name in self.names
            if self.pods.seen[name, "first"][0]
            < max(self.policies.seen[name, policy][0] for policy in world.INJECTED)
        ]

    def windows(self) -> list[float]:
        """Seconds from a namespace to the last of its policies, as a watch sees them; sorted."""
        return sorted(
            max(self.policies.seen[name, policy][1] for policy in world.INJECTED)
            - self.namespaces.seen["", name][1]
            for name in self.names
        )


def figures(storm: Storm, seconds: float, sealed_by: str) -> str:
    windows = storm.windows()
    p50, p99 = (1000 * windows[int(len(windows) * q)] for q in (0.5, 0.99))
    return (
        f"\n{len(storm.names)} namespaces by {CLIENTS} clients in {seconds:.1f} s: "
        f"{len(storm.early())} pods before their policies, {len(storm.errors)} errors; "
        f"namespace to last policy p50 {p50:.0f} ms, p99 {p99:.0f} ms, "
        f"max {1000 * windows[-1]:.0f} ms; {sealed_by}"
    )


def by_gate(installation: Installation) -> float:
    return world.metric(installation, "portcullis_seals_total", by="gate")


def leader(installation: Installation) -> Replica:
    """The replica whose controller leads."""
    lease = installation.plane.get("lease", RELEASE, NAMESPACE)
    assert lease is not None
    holder = lease["spec"]["holderIdentity"]
    return next(replica for replica in installation.replicas if replica.name == holder)


def test_no_pod_comes_before_its_policies(
    portcullis: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """200 namespaces by 8 clients, each with a service account and a Pod at once: 0 of 200."""
    storm = Storm(portcullis.plane, "storm", 200)
    before, began = by_gate(portcullis), monotonic()
    with storm.running():
        pass
    seconds = monotonic() - began
    storm.settle()
    with capsys.disabled():
        gate = f"{by_gate(portcullis) - before:.0f} sealed by the gate"
        print(figures(storm, seconds, gate))

    assert storm.errors == []
    assert storm.early() == []


def test_nor_when_the_leader_is_lost_meanwhile(
    portcullis: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its controller is killed in the middle: the gate carries on, the other takes the lease."""
    storm = Storm(portcullis.plane, "headless", 100)
    lost = leader(portcullis)
    before, began = by_gate(portcullis), monotonic()
    with storm.running():
        world.eventually(lambda: storm.made >= 40, 60)
        lost.controller.kill()
    seconds = monotonic() - began
    storm.settle()
    world.eventually(lambda: leader(portcullis) is not lost, 20)
    portcullis.plane.kubectl("create", "namespace", "afterwards")
    taken = world.eventually(
        lambda: world.marks(portcullis.plane, "afterwards") == world.SEALED, 20
    )
    lost.start("controller")
    with capsys.disabled():
        gate = f"{by_gate(portcullis) - before:.0f} sealed by the gate; leader killed"
        print(figures(storm, seconds, gate))

    assert storm.errors == []
    assert storm.early() == []
    assert taken < 10
