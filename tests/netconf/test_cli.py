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
        pytest.param('{"kind": "Pod", "apiVersion": "v1"}', id="json-other-kind"),
        pytest.param('kind: ConfigMap\ndata:\n  net-conf.json: {"Network": "x"}\n', id="no-string"),
        pytest.param("kind: ConfigMap\ndata: {net-conf.json: a, net-conf.json: b}\n", id="twice"),
        pytest.param("kind: " + "[" * 100_000, id="deep"),
    ],
)
def test_unreadable(capsys, write, text):
    """What holds no net-conf.json could not be read."""
    assert run(capsys, write(text))[0] == 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"kind": "x", "data": 1, "Backend": {"Type": "vxlan"}}', id="unknown-keys"),
        pytest.param('{"metadata": {}, "items": [], "Backend": {"Type": "vxlan"}}', id="items"),
    ],
)
def test_unknown_keys_make_no_manifest(capsys, write, text):
    """A bare net-conf.json may have any unknown key; flannel ignores it."""
    assert run(capsys, write(text))[0] == 0


def several(*texts):
    """A manifest of a ConfigMap for each text."""
    return "---\n".join(
        f"kind: ConfigMap\nmetadata: {{name: c{number}, namespace: kube-system}}\ndata:\n"
        f"  net-conf.json: '{text}'\n"
        for number, text in enumerate(texts)
    )


def test_every_config_map_of_a_manifest(capsys, write):
    """Each net-conf.json of a file is judged, and named; one that is broken is a finding."""
    name = write(several(GOOD, "x"), "all.yaml")
    status, out = run(capsys, name)
    listed = json.loads(run(capsys, name, "--output", "json")[1])

    assert status == 1
    assert f"{name}: kube-system/c0: ok" in out
    assert f"{name}: kube-system/c1: data[net-conf.json]:1:1" in out
    assert [True, False] == [report["ok"] for report in listed]


def test_diff_wants_one_of_each(capsys, write):
    """What a manifest of several would be compared with is anybody's guess."""
    assert main(["diff", write(several(GOOD, DIRECT), "all.yaml"), write(GOOD)]) == 2
    assert "holds 2 of net-conf.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x" + "\n" * 400_000, id="empty-lines"),
        pytest.param("kind: List\nitems:\n" + "- {data: {a: b}}\n" * 20_000, id="list"),
    ],
)
def test_looking_for_manifests_is_linear(capsys, write, text):
    """No text is looked at again from each of its lines; squared, these take minutes."""
    assert run(capsys, write(text))[0] in {1, 2}


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


GOOD_LINE = json.dumps({"id": "good", "netconf": GOOD}).encode()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param(b"x", "not JSON", id="no-json"),
        pytest.param(b"[" * 100_000, "not JSON", id="deep"),
        pytest.param(b'{"id": "a", "netconf": "\xff"}', "not UTF-8", id="no-utf8"),
        pytest.param(b'{"id": "a"}', "not an object", id="no-netconf"),
        pytest.param(b'{"netconf": "{}"}', "not an object", id="no-id"),
        pytest.param(b'["a", "{}"]', "not an object", id="no-object"),
        pytest.param(b'{"id": "a", "netconf": {}}', "netconf: must be a string", id="no-text"),
    ],
)
def test_jsonl_line_that_cannot_be_read(capsys, tmp_path, line, message):
    """A bad line is told of with its number, the others get their verdicts, the exit tells."""
    (tmp_path / "lines").write_bytes(b"\n".join([GOOD_LINE, line, GOOD_LINE]))
    status = main(["--jsonl", str(tmp_path / "lines")])
    printed = capsys.readouterr()

    assert status == 2
    assert f"line 2: {message}" in printed.err
    assert ["good", "good"] == [json.loads(row)["id"] for row in printed.out.splitlines()]


def test_jsonl_of_nothing(capsys, write):
    """No line is no finding."""
    assert (0, "") == run(capsys, "--jsonl", write(""))


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


VNI_2 = GOOD.replace('"vxlan"', '"vxlan","VNI":2')
BOTH = GOOD.replace('"vxlan"', '"vxlan","VNI":2,"DirectRouting":true')
MTU = GOOD.replace('"vxlan"', '"vxlan","MTU":1400')


@pytest.mark.parametrize(
    ("new", "args", "refusing"),
    [
        pytest.param(DIRECT, (), ["netconf-directrouting-live"], id="direct-routing"),
        pytest.param(VNI_2, (), ["netconf-split-live"], id="vni"),
        pytest.param(BOTH, (), ["netconf-directrouting-live", "netconf-split-live"], id="both"),
        pytest.param(MTU, (), [], id="tolerable"),
        pytest.param(GOOD, (), [], id="same"),
        pytest.param("x", (), ["netconf-readable"], id="broken"),
        pytest.param(
            GOOD.replace("10.244.0.0", "10.96.0.0"),
            ("--pod-cidr", "10.244.1.0/24"),
            ["netconf-podcidr-outside"],
            id="lost-lease",
        ),
        pytest.param(VNI_2, ("--mode", "etcd"), [], id="etcd"),
    ],
)
def test_diff_tells_what_a_live_cluster_refuses(capsys, write, new, args, refusing):
    """By the checks themselves, in a line; nothing of it where no cluster stands."""
    files = (write(GOOD, "old"), write(new, "new"), *args)
    code, out = run(capsys, "diff", *files, "--live")
    report = json.loads(run(capsys, "diff", *files, "--live", "--output", "json")[1])
    line = f"Portcullis refuses it on a live cluster: {', '.join(refusing)}\n"

    assert code == 1 or not refusing
    assert report["refused_by"] == refusing
    assert (line in out) is bool(refusing)
    assert "Portcullis refuses" not in run(capsys, "diff", *files)[1]


def test_a_repair_that_is_refused_fails(capsys, write):
    """No key has changed that was read, and the nodes lie outside the Network all the same."""
    broken = GOOD.replace('"vxlan"', '"vxlan","DirectRouting":"x"')
    files = (write(broken, "old"), write(GOOD, "new"), "--pod-cidr", "10.99.0.0/24")
    code, out = run(capsys, "diff", *files, "--live")

    assert (code, "netconf-podcidr-outside" in out) == (1, True)


def test_direct_routing_is_advised_as_the_refusal_does(capsys, write):
    """First rp_filter=2 on every node, then node by node: measured so."""
    _, out = run(capsys, "diff", write(GOOD, "old"), write(DIRECT, "new"), "--live")

    assert "set net.ipv4.conf.all.rp_filter=2 on every node first, then" in out
    assert "restart the flannel pods node by node" in out


def test_diff_of_a_broken_text_as_json(capsys, write):
    """What cannot be compared is told as JSON too, with the place."""
    status, out = run(capsys, "diff", write(GOOD, "old"), write("x", "new"), "--output", "json")
    report = json.loads(out)

    assert (1, "B", []) == (status, report["worst"], report["changes"])
    assert report["old_error"] is None
    assert (1, 1) == (report["new_error"]["line"], report["new_error"]["column"])


def test_diff_tells_of_keys_that_do_nothing(capsys, write):
    """A misspelt key is no change; its author is told what he probably meant, if it is new."""
    spelt = write(GOOD.replace('"vxlan"', '"vxlan","Direct-Routing":true'), "new")
    status, out = run(capsys, "diff", write(GOOD, "old"), spelt, "--live")

    assert status == 0
    assert "no change" in out
    assert 'warning: Backend."Direct-Routing": unknown and so ignored: probably meant is' in out
    assert "warning" not in run(capsys, "diff", spelt, spelt)[1]
