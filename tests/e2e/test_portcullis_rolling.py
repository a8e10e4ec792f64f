"""Replicas come and go under load."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import kubernetes
import pytest

from tests.controlplane.installation import Installation
from tests.e2e import world

pytestmark = pytest.mark.controlplane

PAUSE = 0.02
"""Seconds between two writes of one client."""


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
        networking.patch_namespaced_network_policy("portcullis-deny-all", "rolling", note)


@pytest.fixture(scope="module")
def loaded(flannel: Installation) -> Installation:
    """With the namespace that the load writes in."""
    world.seal(flannel.plane, "rolling")
    return flannel


def test_a_replica_that_is_stopped_costs_no_request(
    loaded: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """It leaves the endpoints, waits through preStop, drains, and ends: 0 errors."""
    with load_on(loaded) as load:
        time.sleep(1)
        gone = loaded.replicas[0]
        loaded.retire(gone)
        time.sleep(1)
    loaded.recover(1)
    with capsys.disabled():
        print(f"\none replica stopped: {load.figures()}")

    assert gone.webhook.daemon.popen.returncode == 0
    assert load.errors == []


def test_a_rollout_costs_no_request(
    loaded: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """An upgrade with a changed setting, then each Pod replaced as the Deployment says."""
    values = {**world.VALUES, "server": {"drainSeconds": 2, "threads": 8}}
    stops = []
    with load_on(loaded) as load:
        loaded.upgrade(values)
        for old in list(loaded.replicas):
            loaded.recover(1)
            began = time.monotonic()
            loaded.retire(old)
            stops.append(time.monotonic() - began)
    with capsys.disabled():
        print(f"\nrollout of two replicas, stopped in {stops}: {load.figures()}")

    assert load.errors == []
    world.seal(loaded.plane, "after-rollout")


def test_a_replica_that_is_lost_costs_few_requests(
    loaded: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until the endpoints are told, the API server still tries it; afterwards all is well."""
    with load_on(loaded) as load:
        time.sleep(0.5)
        loaded.replicas[0].kill()
        time.sleep(1)
        loaded.replicas.pop(0)
        loaded.serve(loaded.replicas)
        time.sleep(0.5)
        before = len(load.errors)
        time.sleep(1)
    after = len(load.errors) - before
    loaded.recover(1)
    with capsys.disabled():
        print(f"\none replica lost, endpoints told a second later: {load.figures()}")

    assert after == 0
    assert all("failed calling webhook" in error for error in load.errors)
