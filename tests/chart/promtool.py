"""Finds promtool, Prometheus's own judge of rules; .ci/run installs it."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml


def run(*arguments: str) -> str:
    """Run promtool; what it printed.

    Skips the test where promtool is not installed, and fails it where promtool finds a fault.
    """
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def written(path: Path, value: object) -> str:
    """Write YAML for promtool to read; the path."""
    path.write_text(yaml.safe_dump(value), encoding="utf-8")
    return str(path)
