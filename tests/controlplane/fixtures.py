"""pytest fixtures: import them into a conftest.py to use them."""

import uuid
from collections.abc import Iterator

import pytest

from .plane import ControlPlane


def started(request: pytest.FixtureRequest) -> ControlPlane:
    """A control plane; what is built for it is told past pytest's capture."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        return ControlPlane()


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    """One control plane for the whole run."""
    with started(request) as plane:
        yield plane


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace of the test's own; its deletion is begun afterwards and not awaited."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    control_plane.kubectl("create", "namespace", name)
    yield name
    control_plane.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
