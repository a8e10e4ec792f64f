"""The Pod gate alone: no controller runs, so nobody but the gate can seal."""

import itertools
import json
import threading
from collections.abc import Iterator

import pytest

from tests.controlplane.installation import Installation
from tests.controlplane.plane import ControlPlane
from tests.e2e import world

pytestmark = pytest.mark.controlplane


@pytest.fixture(scope="module")
def gate(portcullis: Installation) -> Iterator[Installation]:
    """Both controllers stopped; they run again afterwards."""
    for replica in portcullis.replicas:
        replica.controller.stop()
    yield portcullis
    for replica in portcullis.replicas:
        replica.start("controller")
    world.seal(portcullis.plane, "gate-done")


@pytest.fixture(scope="module")
def plane(gate: Installation) -> ControlPlane:
    """A cluster without our controllers."""
    return gate.plane


_numbers = itertools.count(1)


@pytest.fixture
def pending(plane: ControlPlane) -> str:
    """A namespace that waits for its policies, with a service account for pods."""
    name = f"gated-{next(_numbers)}"
    plane.kubectl("create", "namespace", name)
    world.create(plane, world.account(name))
    assert world.marks(plane, name) == world.PENDING
    assert world.policies(plane, name) == {}
    return name


def test_the_first_pod_brings_the_policies(plane: ControlPlane, pending: str) -> None:
    """The policies were written before the pod was, and the mark says so."""
    command = ("create", "-f", "-", "-o", "json")
    pod = json.loads(plane.kubectl(*command, stdin=world.pod(pending)).stdout)
    found = world.policies(plane, pending)

    assert {name: item["spec"] for name, item in found.items()} == world.INJECTED
    assert world.marks(plane, pending) == world.SEALED
    # By revision: a pod has its creationTimestamp before validating webhooks are asked.
    assert all(world.version(item) < world.version(pod) for item in found.values())


def test_the_second_pod_is_not_sent(plane: ControlPlane, pending: str) -> None:
    """Once sealed, the API server does not call us any more."""
    world.create(plane, world.pod(pending, "first"))
    before = world.reviews_sent(plane, "pods-pending")
    world.create(plane, world.pod(pending, "second"))

    assert world.reviews_sent(plane, "pods-pending") == before


def test_pods_of_a_deployment_wait_for_the_policies_too(plane: ControlPlane, pending: str) -> None:
    """kube-controller-manager makes these, and has no failed attempt of which it would back off."""
    command = ("create", "deployment", "web", "--image=registry.invalid/c", "--replicas=3")
    plane.kubectl(*command, "-n", pending)
    world.eventually(lambda: len(world.listed(plane, "pods", pending)) == 3)
    found = world.policies(plane, pending)
    failures = [
        event
        for event in world.listed(plane, "events", pending)
        if event["reason"] == "FailedCreate"
    ]

    assert {name: item["spec"] for name, item in found.items()} == world.INJECTED
    assert max(map(world.version, found.values())) < min(
        map(world.version, world.listed(plane, "pods", pending))
    )
    assert failures == []


def test_pods_that_come_at_once_all_pass(gate: Installation, pending: str) -> None:
    """Two replicas apply the same policies at the same time, and no pod is refused."""
    codes: list[int] = []

    def make(number: int) -> None:
        manifest = world.pod(pending, f"pod-{number}")
        done = gate.plane.kubectl("create", "-f", "-", stdin=manifest, check=False)
        codes.append(done.returncode)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = world.policies(gate.plane, pending)

    assert codes == [0] * 8
    assert max(map(world.version, found.values())) < min(
        map(world.version, world.listed(gate.plane, "pods", pending))
    )


def test_a_dry_run_of_a_pod_changes_nothing(plane: ControlPlane, pending: str) -> None:
    """It passes without policies, as no pod comes of it."""
    plane.kubectl("create", "--dry-run=server", "-f", "-", stdin=world.pod(pending))

    assert world.policies(plane, pending) == {}
    assert world.marks(plane, pending) == world.PENDING
    assert world.listed(plane, "pods", pending) == []


def test_a_pod_waits_where_policies_cannot_be_written(plane: ControlPlane, pending: str) -> None:
    """A quota forbids them: the pod is refused with the cause, and passes once it is lifted."""
    hard = "--hard=count/networkpolicies.networking.k8s.io=0"
    plane.kubectl("create", "quota", "none", hard, "-n", pending)
    world.eventually(lambda: (plane.get("quota", "none", pending) or {}).get("status"))
    done = plane.kubectl("create", "-f", "-", stdin=world.pod(pending), check=False)
    told = world.refused(done)
    marked = world.marks(plane, pending)
    plane.kubectl("delete", "quota", "none", "-n", pending)
    again = ("create", "-f", "-")
    world.eventually(
        lambda: not plane.kubectl(*again, stdin=world.pod(pending), check=False).returncode
    )

    assert "ServiceUnavailable" in told or "unable to handle the request" in told
    assert f'namespace "{pending}" has no default-deny NetworkPolicies yet' in told
    assert "exceeded quota: none" in told
    assert marked == world.PENDING
    assert world.specs(plane, pending) == world.INJECTED


def test_a_namespace_born_while_we_were_away_is_sealed(gate: Installation) -> None:
    """Unmarked, as no replica answered; its first pod brings it policies and mark all the same."""
    for replica in gate.replicas:
        replica.webhook.kill()
    gate.plane.kubectl("create", "namespace", "foundling")
    born = world.marks(gate.plane, "foundling")
    for replica in gate.replicas:
        replica.start("webhook")
    for replica in gate.replicas:
        replica.wait_ready()
    world.create(gate.plane, world.account("foundling"))
    command = ("create", "-f", "-", "-o", "json")
    pod = json.loads(gate.plane.kubectl(*command, stdin=world.pod("foundling")).stdout)
    found = world.policies(gate.plane, "foundling")

    assert born == {}
    assert {name: item["spec"] for name, item in found.items()} == world.INJECTED
    assert max(map(world.version, found.values())) < world.version(pod)
    assert world.marks(gate.plane, "foundling") == world.SEALED
