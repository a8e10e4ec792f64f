"""The bench's writes, sent to a real API server."""

import json
import time

import pytest


@pytest.fixture
def writer(control_plane, bench):
    """As `bench/apiserver.py` has it, with its Go program built."""
    admission = bench("admission")
    program = admission.build(admission.CACHE / "bench", ["writes"])["writes"]
    return bench("apiserver").Writer(control_plane, program)


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
