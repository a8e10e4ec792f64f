"""Tests with real flannel: built on first use, on nodes that are network namespaces."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# `pytest` alone, unlike `python -m pytest`, does not put the repository on the path.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.controlplane.installation import Installation
from tests.controlplane.plane import ControlPlane
from tests.flannel import needs
from tests.flannel.cluster import Cluster


@contextmanager
def _plane(request: pytest.FixtureRequest, *, controller_manager: bool) -> Iterator[ControlPlane]:
    """A control plane on which flannel can run; else the test is skipped, with the reason."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        plane = ControlPlane(controller_manager=controller_manager)
    with plane:
        with capture.global_and_fixture_disabled():
            reason = needs.missing(plane)
        if reason is not None:
            pytest.skip(reason)
        yield plane


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A live cluster of two nodes, with Portcullis installed by its chart."""
    with _plane(request, controller_manager=True) as plane:
        cluster = Cluster(plane)
        with Installation(plane, replicas=1):
            yield cluster


@pytest.fixture
def unguarded(request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    """A control plane without Portcullis, for a test that ends it itself."""
    with _plane(request, controller_manager=False) as plane:
        yield plane
