"""End-to-end tests: the real API server, built on first use."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

# `pytest` alone, unlike `python -m pytest`, does not put the repository on the path.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.controlplane.fixtures import control_plane, isolated, namespace
from tests.controlplane.installation import Installation
from tests.e2e import world

__all__ = ["control_plane", "namespace"]


@pytest.fixture(scope="session")
def portcullis(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Portcullis by its chart, two replicas, on a control plane of its own.

    Of its own, for its webhooks would judge what other tests do. The namespace `older` was there
    before it.
    """
    with isolated(request) as plane:
        plane.kubectl("create", "namespace", "older")
        time.sleep(1.1)  # the age of a namespace is known to the second
        with Installation(plane, values=world.VALUES) as installation:
            yield installation


@pytest.fixture(scope="session")
def flannel(portcullis: Installation) -> Installation:
    """A Node on which flannel runs, and the two ConfigMaps that it may read."""
    plane = portcullis.plane
    world.create(plane, world.node("worker", annotations=world.RUNS_FLANNEL))
    plane.kubectl("create", "namespace", "kube-flannel")
    for where, name in world.LISTED:
        world.create(plane, world.config_map(where, name, world.VXLAN))
    return portcullis
