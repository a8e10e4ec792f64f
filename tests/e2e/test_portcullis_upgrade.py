"""From the previous chart to this one and back, each with the code that belongs to it, under load.

`previous/` holds chart and code of the last release, packed by `make previous REV=…`.
"""

import os
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane.fixtures import isolated
from tests.controlplane.installation import PRESENT, Installation, Release
from tests.controlplane.plane import ControlPlane
from tests.e2e import load as writing
from tests.e2e import world
from tests.e2e.load import load_on
from tests.e2e.test_portcullis_lifecycle import KINDS, bundles

pytestmark = pytest.mark.controlplane

VALUES: world.Manifest = {
    key: world.VALUES[key] for key in ("preStopSeconds", "server", "controller")
}
"""Keys that both charts have."""

CYCLES = int(os.environ.get("PORTCULLIS_UPGRADES", "1"))
"""There and back so many times; `make upgrades` takes more."""

(ARCHIVE,) = Path(__file__).with_name("previous").glob("*.tar.xz")


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The last release, unpacked."""
    folder = tmp_path_factory.mktemp("previous")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return Release(folder / "charts" / "portcullis", folder)


@pytest.fixture(scope="module")
def installed(request: pytest.FixtureRequest, previous: Release) -> Iterator[Installation]:
    """The previous release, running, on a control plane of its own, with what the load changes."""
    with isolated(request) as plane:
        plane.kubectl("create", "namespace", "kube-flannel")
        world.create(plane, world.config_map(*world.LISTED[0], world.VXLAN))
        with Installation(plane, values=VALUES, release=previous) as installation:
            world.seal(plane, writing.SEALED)
            yield installation


def code(installation: Installation) -> set[bytes]:
    """Where Python finds the code of the replicas that serve; nothing is the working copy."""
    return {
        next((it for it in variables if it.startswith(b"PYTHONPATH=")), b"")
        for replica in installation.replicas
        for variables in [
            Path(f"/proc/{replica.webhook.daemon.popen.pid}/environ").read_bytes().split(b"\0")
        ]
    }


def entries(plane: ControlPlane) -> set[str]:
    """Names of the webhook entries."""
    found = (plane.get(kind, "portcullis") for kind in KINDS)
    return {entry["name"] for it in found if it for entry in it["webhooks"]}


def test_upgrades_and_rollbacks_cost_no_request(
    installed: Installation, previous: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything that is Fail stays so, while charts and Pods change under it: 0 errors."""
    plane = installed.plane
    before = bundles(plane)
    code_before, known = code(installed), entries(plane)
    began = time.monotonic()
    with load_on(installed) as load:
        time.sleep(1)
        for number in range(CYCLES):
            installed.upgrade(VALUES)
            installed.roll()
            code_between = code(installed)
            assert known <= entries(plane), "an entry was dropped"
            world.seal(plane, f"upgraded-{number}")
            installed.rollback(previous)
            installed.roll()
            world.seal(plane, f"rolled-back-{number}")
    code_after = code(installed)
    with capsys.disabled():
        seconds = time.monotonic() - began
        print(f"\n{CYCLES} upgrades and rollbacks in {seconds:.0f} s: {load.figures()}")

    assert load.errors == []
    assert code_before == code_after == {b"PYTHONPATH=" + bytes(previous.image or Path())}
    assert code_between == {b""}
    assert set(before) == set(bundles(plane))


def test_the_upgrade_after_a_rollback_and_the_end_cost_no_request(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Helm takes the configurations away before the Service and the Pods: nobody is refused."""
    plane = installed.plane
    installed.upgrade(VALUES, PRESENT)
    installed.roll()
    with load_on(installed) as load:
        time.sleep(1)
        writes = len(load.seconds)
        installed.uninstall()
        for replica in list(installed.replicas):
            replica.stop()
        time.sleep(1)
    with capsys.disabled():
        print(f"\nuninstalled after {writes} writes: {load.figures()}")

    assert load.errors == []
    assert entries(plane) == set()
    plane.kubectl("delete", "networkpolicy", "--all", "-n", writing.SEALED)
