"""The command line: verdicts, leases, ratings, manifests, exit status."""

import base64
import io
import json
import sys

import pytest

from tests.netconf.test_errors import OWNERS_SAMPLE
from webhook.cli_netconf import main

GOOD = '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}'
DIRECT = '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan","DirectRouting":true}}'


def manifest(text, indent=4):
    block = "".join(f"{' ' * indent}{line}\n" for line in text.splitlines())
    head = 'apiVersion: v1\nkind: ConfigMap\ndata:\n  cni-conf.json: "{}"\n'
    return f"{head}  net-conf.json: |\n{block}"


@pytest.fixture
def write(tmp_path):
    """Write a text to a file and return its name."""

    def write(text, name="net-conf.json"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write


def run(capsys, *args):
    status = main([*args])
    return status, capsys.readouterr().out


def test_good(capsys, write):
    """A text that flannel starts with is good; its values are shown."""
    status, out = run(capsys, write(GOOD), "--pod-cidr", "10.244.1.0/24")

    assert status == 0
    assert "ok: flannel starts with it, backend vxlan" in out
    assert "lease 10.244.1.0/24: ok" in out


@pytest.mark.parametrize(
    ("text", "args"),
    [
        pytest.param(OWNERS_SAMPLE, (), id="no-json"),
        pytest.param(GOOD, ("--pod-cidr", "10.9.0.0/24"), id="no-lease"),
        pytest.param(GOOD.replace('"vxlan"', '"vxlan","VNI":10000000'), (), id="kernel-limit"),
        pytest.param(DIRECT, ("--windows",), id="windows"),
        pytest.param(GOOD.replace("/16", "/29"), ("--mode", "etcd"), id="etcd-mode"),
        pytest.param(GOOD.replace("/16", "/29"), ("--flannel-version", "v0.19.0"), id="version"),
    ],
)
def test_findings(capsys, write, text, args):
    """What flannel, a node or the kernel refuses is a finding."""
    assert run(capsys, write(text), *args)[0] == 1


def test_json_output(capsys, write):
    """`--output json` holds the verdict, the error's place and the leases."""
    report = json.loads(run(capsys, write(OWNERS_SAMPLE), "--output", "json")[1])

    assert (False, "parse") == (report["ok"], report["stage"])
    assert (5, 30) == (report["error"]["line"], report["error"]["column"])
    good = json.loads(
        run(capsys, write(GOOD), "--output", "json", "--pod-cidr", "10.244.1.0/24")[1]
    )
    assert good["lease"]["10.244.1.0/24"]["ok"]
    assert good["backend_config"]["directRouting"] is False


def test_place_in_a_manifest(capsys, write):
    """The place of an error in a literal block is that in the manifest."""
    status, out = run(capsys, write(manifest(OWNERS_SAMPLE), "cm.yaml"))

    assert status == 1
    assert "cm.yaml:10:34: Backend.Directrouting" in out


def test_owners_fragment(capsys, write):
    """The owner's sample as it stands, a ConfigMap's data alone, is understood."""
    block = "".join(f"    {line}\n" for line in OWNERS_SAMPLE.splitlines())
    status, out = run(capsys, write(f"  net-conf.json: |\n{block}", "sample.yaml"))

    assert status == 1
    assert "sample.yaml:6:34: Backend.Directrouting" in out


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(manifest(GOOD), id="data"),
        pytest.param(f"kind: ConfigMap\ndata:\n  net-conf.json: '{GOOD}'\n", id="quoted"),
        pytest.param(
            "kind: ConfigMap\nbinaryData:\n  net-conf.json: "
            + base64.b64encode(GOOD.encode()).decode(),
            id="binary",
        ),
        pytest.param(json.dumps({"kind": "ConfigMap", "data": {"net-conf.json": GOOD}}), id="json"),
        pytest.param(
            json.dumps({"kind": "List", "items": [{"data": {"net-conf.json": GOOD}}]}),
            id="json-list",
        ),
        pytest.param(f"kind: Namespace\nmetadata: {{}}\n---\n{manifest(GOOD)}", id="documents"),
    ],
)
def test_manifests(capsys, write, text):
    """A ConfigMap stands for the net-conf.json in it."""
    assert run(capsys, write(text))[0] == 0


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("kind: ConfigMap\ndata: {}\n", id="no-key"),
        pytest.param("kind: [\n", id="no-yaml"),
        pytest.param("kind: ConfigMap\nbinaryData:\n  net-conf.json: '*'\n", id="no-base64"),
        pytest.param('{"kind": "ConfigMap"}', id="json-no-key"),
    ],
)
def test_unreadable(capsys, write, text):
    """What holds no net-conf.json could not be read."""
    assert run(capsys, write(text))[0] == 2


def test_no_such_file(capsys):
    """A file that is not there could not be read."""
    assert run(capsys, "/nowhere/net-conf.json")[0] == 2


def test_stdin(capsys, monkeypatch):
    """A dash is standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))

    assert run(capsys, "-")[0] == 0


def test_jsonl(capsys, write):
    """`--jsonl` writes a verdict for each line, in the cases' own form."""
    lines = "".join(
        json.dumps({"id": f"t{n}", "netconf": text}) + "\n" for n, text in enumerate([GOOD, "x"])
    )
    status, out = run(capsys, "--jsonl", write(lines))
    good, bad = map(json.loads, out.splitlines())

    assert status == 1
    assert ("t0", True, "vxlan") == (good["id"], good["ok"], good["backend_type"])
    assert {"id": "t1", "ok": False, "stage": "parse"} == bad


@pytest.mark.parametrize(
    ("old", "new", "args", "status"),
    [
        pytest.param(GOOD, DIRECT, (), 0, id="not-live"),
        pytest.param(GOOD, DIRECT, ("--live",), 1, id="live"),
        pytest.param(GOOD, f" {GOOD}", ("--live",), 0, id="same"),
        pytest.param("x", GOOD, ("--live",), 0, id="repaired"),
        pytest.param(GOOD, "x", (), 1, id="broken"),
    ],
)
def test_diff_status(capsys, write, old, new, args, status):
    """On a live cluster any change that is more than safe is a finding."""
    found, _ = run(capsys, "diff", write(old, "old"), write(new, "new"), *args)

    assert status == found


def test_diff_text(capsys, write):
    """`diff` prints the rating, the reason and what to do instead."""
    old, new = write(GOOD, "old"), write(manifest(DIRECT), "new.yaml")

    assert "R Backend.DirectRouting: false -> true" in run(capsys, "diff", old, new)[1]
    assert "X Backend.DirectRouting" in run(capsys, "diff", old, new, "--rp-filter", "1")[1]
    report = json.loads(run(capsys, "diff", old, new, "--output", "json")[1])
    assert ("R", "Backend.DirectRouting") == (report["worst"], report["changes"][0]["key"])
