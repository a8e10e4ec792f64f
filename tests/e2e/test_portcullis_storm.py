"""Many namespaces at once, each followed at once by a workload: no Pod before their policies.

The size of the storm of Deployments is PORTCULLIS_STORM namespaces (`make storm`: 1,000).
"""

import os
from contextlib import AbstractContextManager, nullcontext
from time import monotonic

import pytest

from tests.controlplane.installation import Installation
from tests.e2e import world
from tests.e2e.storm import Chaos, Storm, by_gate, leader

pytestmark = pytest.mark.controlplane

SIZE = int(os.environ.get("PORTCULLIS_STORM", "100"))
CLIENTS = 16


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
        print(storm.figures(seconds, gate))

    assert storm.errors == []
    assert storm.early() == []


def test_nor_when_the_leader_is_lost_meanwhile(
    portcullis: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its controller is killed in the middle: the gate carries on, the other takes the lease."""
    storm = Storm(portcullis.plane, "headless", 100)
    lost = leader(portcullis)
    assert lost is not None
    before, began = by_gate(portcullis), monotonic()
    with storm.running():
        world.eventually(lambda: storm.made >= 40, 60)
        lost.controller.kill()
    seconds = monotonic() - began
    storm.settle()
    world.eventually(lambda: leader(portcullis) is not lost, 20)
    portcullis.plane.kubectl("create", "namespace", "afterwards")
    world.eventually(lambda: world.marks(portcullis.plane, "afterwards") == world.SEALED, 20)
    lost.start("controller")
    with capsys.disabled():
        gate = f"{by_gate(portcullis) - before:.0f} sealed by the gate; leader killed"
        print(storm.figures(seconds, gate))

    assert storm.errors == []
    assert storm.early() == []


@pytest.mark.parametrize("chaos", ["calm", "leaders", "replicas"])
def test_nor_those_of_deployments(
    portcullis: Installation, chaos: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """16 clients, Pods by kube-controller-manager; a leader or a replica killed every 2 s."""
    storm = Storm(portcullis.plane, chaos, SIZE, CLIENTS, deployments=True)
    killer = Chaos(portcullis, replicas=chaos == "replicas")
    around: AbstractContextManager[None] = nullcontext() if chaos == "calm" else killer.running()
    began = monotonic()
    with around:
        with storm.running():
            pass
        seconds = monotonic() - began
        world.eventually(lambda: all(storm.pods.seen.get(n) for n in storm.names), 600)
        all_pods = monotonic() - began
    storm.settle(120)
    with capsys.disabled():
        told = f"all pods after {all_pods:.1f} s; {killer.killed} killed ({chaos})"
        print(storm.figures(seconds, told))

    assert storm.errors == []
    assert storm.early() == []
    for name in storm.names[:: max(1, SIZE // 10)]:
        world.eventually(lambda name=name: world.marks(portcullis.plane, name) == world.SEALED, 30)
