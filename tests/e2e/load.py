"""Clients whose every write is reviewed, and what they met."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import kubernetes

from tests.controlplane.installation import Installation

PAUSE = 0.02
"""Seconds between two writes of one client."""

SEALED = "rolling"
"""A sealed namespace, whose default deny two of the clients annotate."""


@dataclass
class Load:
    """What the clients met."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def figures(self) -> str:
        ordered = sorted(self.seconds)
        p50, p99 = (1000 * ordered[int(len(ordered) * q)] for q in (0.5, 0.99))
        return (
            f"{len(ordered)} writes, {len(self.errors)} errors, "
            f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {1000 * ordered[-1]:.0f} ms"
        )


@contextmanager
def load_on(installation: Installation) -> Iterator[Load]:
    """Three clients, each of whose writes is reviewed: two of a policy, one of a ConfigMap."""
    load, stop = Load(), threading.Event()

    def write(client: int) -> None:
        with installation.plane.client() as api:
            number = 0
            while not stop.is_set():
                number += 1
                began = time.monotonic()
                try:
                    once(api, client, f"{client}-{number}")
                except kubernetes.client.ApiException as error:
                    load.errors.append(str(error.body))
                load.seconds.append(time.monotonic() - began)
                stop.wait(PAUSE)

    threads = [threading.Thread(target=write, args=(client,)) for client in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def once(api: kubernetes.client.ApiClient, client: int, value: str) -> None:
    """One write that is sent to us, and allowed."""
    if client == 0:
        body = {"data": {"note": value}}
        core = kubernetes.client.CoreV1Api(api)
        core.patch_namespaced_config_map("kube-flannel-cfg", "kube-flannel", body)
    else:
        note = {"metadata": {"annotations": {f"load-{client}": value}}}
        networking = kubernetes.client.NetworkingV1Api(api)
        networking.patch_namespaced_network_policy("portcullis-deny-all", SEALED, note)
