"""What the nodes are made of goes with their control plane."""

from pathlib import Path

import pytest

from tests.controlplane.errors import ControlPlaneError
from tests.controlplane.plane import ControlPlane
from tests.controlplane.warden import members, namespaces
from tests.flannel.cluster import Cluster

pytestmark = pytest.mark.controlplane


def mounts_of(plane: ControlPlane) -> list[str]:
    """The lines of our mount table that name the plane or its folder."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if plane.name in line or str(plane.folder) in line]


def test_a_failure_amid_a_restart_leaves_nothing(unguarded: ControlPlane) -> None:
    """Unguarded, flanneld takes what ends it; its nodes' namespaces, processes, mounts go too."""
    cluster = Cluster(unguarded)
    cluster.patch({"Type": "carrier-pigeon"})
    with pytest.raises(ControlPlaneError, match=r"(?s)ended with 1 before readiness.*pigeon"):
        cluster.a.restart()
    during = (members(unguarded.name), unguarded.folder.exists())
    unguarded.stop()

    assert all(during)
    assert not members(unguarded.name)
    assert not namespaces(unguarded.name)
    assert not mounts_of(unguarded)
    assert not unguarded.folder.exists()
