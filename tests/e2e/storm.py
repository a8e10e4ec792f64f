"""Many namespaces at once, and what was born in them when."""

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import PIPE
from time import monotonic
from typing import Any

import kubernetes

from tests.controlplane.installation import NAMESPACE, RELEASE, Installation, Replica
from tests.controlplane.plane import ControlPlane
from tests.e2e import world

POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"


class Births:
    """The first resourceVersion of every object of a collection, and when it was seen."""

    def __init__(self, plane: ControlPlane, path: str) -> None:
        self.seen: dict[str, dict[str, tuple[int, float]]] = {}
        """By namespace and name: the revision of its creation, monotonic seconds."""
        raw = plane.kubectl("get", "--raw", f"{path}?limit=1").stdout
        since = json.loads(raw)["metadata"]["resourceVersion"]
        watch = f"{path}?watch=true&resourceVersion={since}&timeoutSeconds=900"
        self._kubectl = plane.exec(["kubectl", "get", "--raw", watch], stdout=PIPE)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        assert self._kubectl.stdout is not None
        for line in self._kubectl.stdout:
            event = json.loads(line)
            if event["type"] == "ADDED":
                metadata = event["object"]["metadata"]
                born = (int(metadata["resourceVersion"]), monotonic())
                here = self.seen.setdefault(metadata.get("namespace", ""), {})
                here.setdefault(metadata["name"], born)

    def close(self) -> None:
        """End the watch."""
        self._kubectl.kill()
        self._kubectl.wait()
        self._thread.join()
        assert self._kubectl.stdout is not None
        self._kubectl.stdout.close()


class Storm:
    """Namespaces made by several clients, each with a workload at once.

    Args:
        plane: where.
        prefix: of the names.
        count: of namespaces.
        clients: that make them.
        deployments: have kube-controller-manager make the Pods; else the clients do.
    """

    def __init__(
        self,
        plane: ControlPlane,
        prefix: str,
        count: int,
        clients: int = 8,
        *,
        deployments: bool = False,
    ) -> None:
        self.plane = plane
        self.names = [f"{prefix}-{number}" for number in range(count)]
        self.clients = clients
        self.errors: list[str] = []
        self.made = 0
        self._deployments = deployments
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
                while True:
                    with lock:
                        name = next(waiting, None)
                    if name is None:
                        return
                    self._make(api, name)

        threads = [threading.Thread(target=work) for _ in range(self.clients)]
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            thread.join()

    def _make(self, api: kubernetes.client.ApiClient, name: str) -> None:
        # Dicts, which the client takes at run time: models would cost us more than the API server.
        core: Any = kubernetes.client.CoreV1Api(api)
        apps: Any = kubernetes.client.AppsV1Api(api)
        try:
            core.create_namespace(world.new_namespace(name))
            if self._deployments:
                apps.create_namespaced_deployment(name, deployment(name))
            else:
                core.create_namespaced_service_account(name, world.account(name))
                core.create_namespaced_pod(name, world.pod(name))
        except kubernetes.client.ApiException as error:
            self.errors.append(str(error.body))
        self.made += 1

    def settle(self, seconds: float = 60) -> None:
        """Wait until everything has been seen."""
        world.eventually(lambda: all(self.pods.seen.get(n) for n in self.names), seconds)
        world.eventually(
            lambda: all(
                self.policies.seen.get(n, {}).keys() >= world.INJECTED.keys() for n in self.names
            ),
            seconds,
        )
        for births in (self.namespaces, self.policies, self.pods):
            births.close()

    def early(self) -> list[str]:
        """Namespaces whose first pod was created before the last of their policies."""
        return [
            name
            for name in self.names
            if min(self.pods.seen[name].values())[0]
            < max(self.policies.seen[name][policy][0] for policy in world.INJECTED)
        ]

    def windows(self) -> list[float]:
        """Seconds from a namespace to the last of its policies, as a watch sees them; sorted."""
        return sorted(
            max(self.policies.seen[name][policy][1] for policy in world.INJECTED)
            - self.namespaces.seen[""][name][1]
            for name in self.names
        )

    def figures(self, seconds: float, told: str) -> str:
        """What a person reads of it."""
        windows = self.windows()
        p50, p99 = (1000 * windows[int(len(windows) * q)] for q in (0.5, 0.99))
        return (
            f"\n{len(self.names)} namespaces by {self.clients} clients in {seconds:.1f} s: "
            f"{len(self.early())} pods before their policies, {len(self.errors)} errors; "
            f"namespace to last policy p50 {p50:.0f} ms, p99 {p99:.0f} ms, "
            f"max {1000 * windows[-1]:.0f} ms; {told}"
        )


def deployment(where: str) -> world.Manifest:
    """A Deployment of one Pod, as the default service account."""
    labels = {"app": "web"}
    container = {"name": "c", "image": "registry.invalid/c"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": world.meta("web", where),
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def by_gate(installation: Installation) -> float:
    """Namespaces that the gate sealed."""
    return world.metric(installation, "portcullis_seals_total", by="gate")


def leader(installation: Installation) -> Replica | None:
    """The replica whose controller leads, None while none of those that run does."""
    lease = installation.plane.get("lease", RELEASE, NAMESPACE)
    assert lease is not None
    holder = lease["spec"].get("holderIdentity")
    return next((replica for replica in installation.replicas if replica.name == holder), None)


class Chaos:
    """Kills the leader, or a replica at random, again and again; a kubelet would start it anew.

    Args:
        installation: whose.
        replicas: kill whole replicas; else the leader's controller.
        every: seconds.
    """

    def __init__(self, installation: Installation, *, replicas: bool, every: float = 2.0) -> None:
        self._installation = installation
        self._act = self._kill_replica if replicas else self._kill_leader
        self._every = every
        self._stop = threading.Event()
        self._chance = random.Random(6)
        self.killed = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Go on until the end; then all run, and are ready."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self._act()

    def _kill_leader(self) -> None:
        lost = leader(self._installation)
        if lost is not None:
            lost.controller.kill()
            lost.start("controller")
            self.killed += 1

    def _kill_replica(self) -> None:
        """As with a power cut; its endpoint goes once that is noticed, and comes when ready."""
        replicas = self._installation.replicas
        lost = self._chance.choice(replicas)
        lost.kill()
        self.killed += 1
        time.sleep(0.5)
        self._installation.serve([it for it in replicas if it is not lost])
        for name in ("webhook", "controller"):
            lost.start(name)
        self._installation.serve(replicas)
