"""Fixtures: an API server that does as it is told, and a client of it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# `pytest` alone, unlike `python -m pytest`, does not put the repository on the path.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fakes.apiserver import ApiServer
from webhook.cluster.client import Api


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as server:
        yield server


@pytest.fixture
def api(server: ApiServer) -> Iterator[Api]:
    api = server.api()
    yield api
    api.close()
