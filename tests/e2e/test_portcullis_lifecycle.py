"""The release over its life: caBundles, upgrades."""

import base64
import json

import pytest

from tests.controlplane.installation import Installation
from tests.controlplane.plane import ControlPlane
from tests.e2e import world

pytestmark = pytest.mark.controlplane

KINDS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")


@pytest.fixture
def plane(portcullis: Installation) -> ControlPlane:
    """Portcullis as installed."""
    return portcullis.plane


def bundles(plane: ControlPlane) -> list[str]:
    """The caBundle of each entry, empty where it has none."""
    entries = []
    for kind in KINDS:
        found = plane.get(kind, "portcullis")
        assert found is not None
        entries += found["webhooks"]
    return [entry["clientConfig"].get("caBundle", "") for entry in entries]


def wiped(plane: ControlPlane, kind: str, count: int | None) -> str:
    """A patch that removes the caBundle of so many entries, or of all."""
    found = plane.get(kind, "portcullis")
    assert found is not None
    path = "/webhooks/{}/clientConfig/caBundle"
    numbers = range(len(found["webhooks"]))[:count]
    return json.dumps([{"op": "remove", "path": path.format(number)} for number in numbers])


@pytest.mark.parametrize(("kind", "count"), [(KINDS[0], None), (KINDS[0], 1), (KINDS[1], None)])
def test_a_ca_bundle_that_is_wiped_comes_back(
    plane: ControlPlane, kind: str, count: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The controllers watch the configurations, and restore what is missing in about a second."""
    before = bundles(plane)
    patch = wiped(plane, kind, count)
    plane.kubectl("patch", kind, "portcullis", "--type=json", "-p", patch)
    seconds = world.eventually(lambda: bundles(plane) == before, 60)
    with capsys.disabled():
        print(f"\n{count or 'all'} caBundle(s) of the {kind} wiped: back after {seconds:.2f} s")

    assert all(before)
    assert len(set(before)) == 1


def test_a_foreign_ca_bundle_is_replaced(plane: ControlPlane) -> None:
    """What another tool wrote there would make every review fail."""
    before = bundles(plane)
    other = base64.b64encode(plane.authority.pem).decode()
    patch = [{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": other}]
    plane.kubectl("patch", KINDS[0], "portcullis", "--type=json", "-p", json.dumps(patch))

    world.eventually(lambda: bundles(plane) == before, 60)  # the poll is one of five minutes


def test_our_requests_have_a_flow_of_their_own(plane: ControlPlane) -> None:
    """By the chart's FlowSchema: they do not queue behind other ServiceAccounts'."""
    head = "apiserver_flowcontrol_dispatched_requests_total{"
    lines = plane.kubectl("get", "--raw", "/metrics").stdout.splitlines()
    ours = [it for it in lines if it.startswith(head) and 'flow_schema="portcullis"' in it]

    assert ours
    assert all('priority_level="workload-high"' in it for it in ours)
    assert sum(float(it.split()[-1]) for it in ours) > 0


def test_an_upgrade_without_a_change_keeps_the_ca_bundles(
    portcullis: Installation, plane: ControlPlane
) -> None:
    """Helm does not own them, so nothing is refused in between."""
    before = bundles(plane)
    portcullis.upgrade(world.VALUES)

    assert bundles(plane) == before
    world.seal(plane, "after-upgrade")


def test_an_upgrade_with_a_changed_value_keeps_the_ca_bundles(
    portcullis: Installation, plane: ControlPlane
) -> None:
    """The changed value is there, the caBundles too; and back."""
    before = bundles(plane)
    for seconds in (7, 5):
        portcullis.upgrade({**world.VALUES, "webhooks": {"timeoutSeconds": seconds}})
        found = plane.get(KINDS[0], "portcullis")
        assert found is not None
        flannel = next(e for e in found["webhooks"] if e["name"].startswith("flannel."))

        assert flannel["timeoutSeconds"] == seconds
        assert bundles(plane) == before
    world.seal(plane, "after-change")
