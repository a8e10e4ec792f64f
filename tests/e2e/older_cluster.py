"""A cluster that was there before Portcullis: 300 namespaces, pods and policies of every kind."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import kubernetes

from tests.controlplane.plane import ControlPlane
from tests.e2e import world
from tests.netpol import clusters

COUNT = 300
NAMES = [f"old-{number}" for number in range(COUNT)]
EXEMPT = [f"ci-{number}" for number in range(5)]
CLIENTS = 8
SEED = 20_000


def build(plane: ControlPlane) -> None:
    """Make all of it; the same every time."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [plane.client() for _ in range(CLIENTS)]
        jobs = [(clients[n % CLIENTS], name) for n, name in enumerate([*NAMES, *EXEMPT])]
        for made in pool.map(_make, *zip(*jobs, strict=True)):
            assert made is None
        for client in clients:
            client.close()


def _make(api: kubernetes.client.ApiClient, name: str) -> None:
    rng = random.Random(f"{SEED} {name}")
    # Dicts, which the client takes at run time.
    core: Any = kubernetes.client.CoreV1Api(api)
    networking: Any = kubernetes.client.NetworkingV1Api(api)
    core.create_namespace(world.new_namespace(name))
    core.create_namespaced_service_account(name, world.account(name))
    for number in range(rng.randint(0, 2)):
        policy = clusters.policy(rng, f"p{number}")
        policy["metadata"]["namespace"] = name
        networking.create_namespaced_network_policy(name, policy)
    for number in range(rng.randint(0, 3)):
        core.create_namespaced_pod(name, _pod(rng, name, f"pod{number}"))
    if rng.random() < 0.1:
        core.create_namespaced_pod(name, _pod(rng, name, "done"))
        ended = {"status": {"phase": rng.choice(("Succeeded", "Failed"))}}
        core.patch_namespaced_pod_status("done", name, ended)


def _pod(rng: random.Random, where: str, name: str) -> dict[str, Any]:
    pod: dict[str, Any] = {**world.pod(where, name)}
    pod["metadata"] = {**pod["metadata"], "labels": clusters.labels(rng)}
    pod["spec"] = {**pod["spec"], "hostNetwork": rng.random() < 0.1}
    return pod
