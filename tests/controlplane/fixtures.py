"""pytest fixtures: import them into a conftest.py to use them."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from .plane import ControlPlane


def started(request: pytest.FixtureRequest, **options: Any) -> ControlPlane:
    """A control plane; what is built for it is told past pytest's capture.

    Args:
        request: of the fixture.
        options: of `ControlPlane`.
    """
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        return ControlPlane(**options)


@contextmanager
def isolated(request: pytest.FixtureRequest, **options: Any) -> Iterator[ControlPlane]:
    """A control plane whose Services lead to replicas; skips where it cannot have a network.

    Args:
        request: of the fixture.
        options: of `ControlPlane`.
    """
    with started(request, **options) as plane:
        if not plane.isolated:
            pytest.skip("no network namespaces here, so no Services")
        yield plane


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
