"""The bench's writes, sent to a real API server."""

import importlib
import json
import sys
import time
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture
def writer(control_plane, monkeypatch):
    """As `bench/apiserver.py` has it, with its Go program built."""
    monkeypatch.setattr(sys, "path", [str(BENCH), *sys.path])
    apiserver = importlib.import_module("apiserver")
    admission = importlib.import_module("admission")
    program = admission.build(admission.CACHE / "bench", ["writes"])["writes"]
    return apiserver.Writer(control_plane, program)


@pytest.mark.controlplane
@pytest.mark.parametrize(
    "rate", [pytest.param(None, id="one client"), pytest.param(50.0, id="at a rate")]
)
def test_writes_are_timed_and_change_nothing(writer, control_plane, namespace, rate):
    """Each is another object, none is kept, and a rate is no higher than it was asked for."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    body = {"metadata": {"name": "settings-NUMBERED"}, "data": {"number": "NUMBERED"}}
    began = time.monotonic()
    found = writer.many(path, body, 20, rate)
    elapsed = time.monotonic() - began

    assert 0 < found["p50_ms"] <= found["p99_ms"] < elapsed * 1000
    assert 20 / elapsed < found["rate"] <= 50 * 20 / 19 if rate else found["rate"] > 0
    maps = json.loads(control_plane.kubectl("-n", namespace, "get", "cm", "-o", "json").stdout)
    assert not [it for it in maps["items"] if it["metadata"]["name"].startswith("settings-")]


@pytest.mark.controlplane
def test_a_refused_write_ends_the_run(writer):
    """Times of refusals would be no times of writes."""
    body = {"metadata": {"name": "settings-NUMBERED"}}
    with pytest.raises(SystemExit, match="writes"):
        writer.many("/api/v1/namespaces/missing/configmaps", body, 1, None)
