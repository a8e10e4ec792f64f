"""The shared cases: what flannel v0.28.10 itself did with each text."""

import json
from pathlib import Path

import pytest

from webhook.netconf.verdict import judge

CASES = Path(__file__).parents[3] / "shared" / "cases" / "flannel" / "netconf.jsonl"
NODES = {"lease_v4": "10.244.1.0/24", "lease_dual": "10.244.1.0/24,fd00:10:244:1::/64"}

pytestmark = pytest.mark.skipif(not CASES.exists(), reason=f"{CASES} is not here")


def verdict(text):
    judged = judge(text, pod_cidrs=tuple(NODES.values()))
    leases = {name: judged.leases.get(cidrs) for name, cidrs in NODES.items()}
    shown = {
        name: {"ok": True} if lease.ok else {"ok": False, "error": lease.error}
        for name, lease in leases.items()
        if lease
    }
    return json.loads(json.dumps(judged.as_case() | shown))


def test_every_case_agrees(capsys):
    """Verdict, stage, decoded values, etcd mode and leases are flannel's, in every case."""
    cases = [json.loads(line) for line in CASES.read_text().splitlines()]
    expected = {case.pop("id"): case for case in cases}

    texts = {name: case["netconf"] for name, case in expected.items()}
    found = {name: {"netconf": text} | verdict(text) for name, text in texts.items()}

    with capsys.disabled():
        agree = sum(found[name] == case for name, case in expected.items())
        print(f"\nnetconf cases: {agree} of {len(expected)} agree")
    assert expected == found
