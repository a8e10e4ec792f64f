"""gunicorn's settings, as it reads them."""

import runpy
from pathlib import Path

import pytest

CONFIGURATION = Path(__file__).parents[2] / "gunicorn.conf.py"

API_SERVER_IDLE_SECONDS = 90
"""IdleConnTimeout of the API server's webhook client (client-go, transport/cache.go)."""


@pytest.fixture(scope="module")
def configuration() -> dict:
    """The names that gunicorn takes from the file."""
    return runpy.run_path(str(CONFIGURATION))


def test_the_api_server_closes_idle_connections_first(configuration) -> None:
    """A server that closes first races with the next request: EOF, and failurePolicy decides."""
    assert configuration["keepalive"] > API_SERVER_IDLE_SECONDS


def test_a_worker_has_time_to_drain(configuration) -> None:
    """The arbiter kills what is not gone by then, so the drain must fit."""
    drain = configuration["_server"].drain_seconds

    assert configuration["graceful_timeout"] >= drain + 10


def test_two_objects_of_the_largest_size_fit(configuration) -> None:
    """A review carries object and oldObject; a client's body may have 3 MiB."""
    assert configuration["_server"].max_body_bytes >= 8 << 20
