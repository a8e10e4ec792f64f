"""End-to-end tests: the real API server, built on first use."""

import sys
from pathlib import Path

# `pytest` alone, unlike `python -m pytest`, does not put the repository on the path.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.controlplane.fixtures import control_plane, namespace

__all__ = ["control_plane", "namespace"]
