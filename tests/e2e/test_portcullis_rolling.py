"""Replicas come and go under load."""

import time

import pytest

from tests.controlplane.installation import Installation
from tests.e2e import load as writing
from tests.e2e import world
from tests.e2e.load import load_on

pytestmark = pytest.mark.controlplane


@pytest.fixture(scope="module")
def loaded(flannel: Installation) -> Installation:
    """With the namespace that the load writes in."""
    world.seal(flannel.plane, writing.SEALED)
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
