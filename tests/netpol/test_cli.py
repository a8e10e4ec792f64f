"""The commands print rows in the agreed form, and errors with exit code 2."""

import argparse
import json

import pytest

from webhook.cli_netpol import add_parsers

PODS = """
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: x}
spec: {containers: []}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: x}
spec: {containers: []}
status: {podIP: 10.0.0.2}
---
"""
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: x}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 80}]}]
  egress: [{to: [{podSelector: {}}]}]
"""
A_TO_B = {"src": "x/a", "dst": "x/b", "family": 4, "conn": "TCP 80"}
B_TO_A = {"src": "x/b", "dst": "x/a", "family": 4, "conn": "TCP 80"}
INTO = [
    {"src": "ext4:10.0.0.0-10.255.255.255", "dst": name, "family": 4, "conn": "TCP 80"}
    for name in ("x/a", "x/b")
]


@pytest.fixture
def run(tmp_path, capsys):
    """Run a command over two files: the pods, and the pods with a policy."""
    (tmp_path / "pods.yaml").write_text(PODS)
    (tmp_path / "all.yaml").write_text(PODS + POLICY)

    def run(*arguments):
        parser = argparse.ArgumentParser()
        add_parsers(parser.add_subparsers(required=True))
        parsed = parser.parse_args([a.replace("@", f"{tmp_path}/") for a in arguments])
        code = parsed.run(parsed)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_connectivity_json(run):
    """Rows come sorted, a pod to itself left out."""
    code, out, _ = run("connectivity", "--output", "json", "@all.yaml")

    assert (0, {"rows": [*INTO, A_TO_B, B_TO_A]}) == (code, json.loads(out))


def test_connectivity_json_when_blocks_never_match_pods(run):
    """The other reading is a flag."""
    flags = ("--output", "json", "--ipblock-matches-pods", "false")
    _, out, _ = run("connectivity", *flags, "@all.yaml")

    assert {"rows": INTO} == json.loads(out)


def test_connectivity_text(run):
    """Text is a row a line."""
    _, out, _ = run("connectivity", "@all.yaml")

    assert "x/a -> x/b IPv4 TCP 80" == out.splitlines()[2]


def test_diff_json(run):
    """Opened and closed are lists of rows."""
    _, out, _ = run("diff", "--output", "json", "@all.yaml", "@pods.yaml")
    change = json.loads(out)

    assert [] == change["closed"]
    assert {**A_TO_B, "conn": "SCTP 1-65535,TCP 1-79,81-65535,UDP 1-65535"} in change["opened"]


def test_diff_text(run):
    """A change without effect says so; others name the side."""
    _, none, _ = run("diff", "@all.yaml", "@all.yaml")
    _, some, _ = run("diff", "@pods.yaml", "@all.yaml")

    assert "the change opens and closes nothing\n" == none
    assert "closed: x/a -> x/b IPv4 SCTP 1-65535,TCP 1-79,81-65535,UDP 1-65535" in some


NO_PODS = (
    "portcullis: no pods or workloads in the input: nothing can be opened or closed; give "
    "workloads too, or use --live\n"
)


UNTOLD = (
    "portcullis: pods without an address are taken for IPv4 (x/b): what the change opens or "
    "closes to them in IPv6 is not told\n"
)
INGRESS = """
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: x}
spec: {podSelector: {}, policyTypes: [Ingress], ingress: %s}
"""
TEMPLATE = """
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: b, namespace: x}
spec: {template: {metadata: {labels: {app: b}}, spec: {containers: []}}}
"""


@pytest.fixture
def write(tmp_path):
    """Write manifests beside the others."""
    return lambda name, text: (tmp_path / name).write_text(text)


@pytest.fixture
def policies(write):
    """A policy that closes, and one that opens to everybody in IPv6; without any pod."""
    write("closed.yaml", INGRESS % "[]")
    write("open.yaml", INGRESS % '[{from: [{ipBlock: {cidr: "::/0"}}]}]')


@pytest.mark.usefixtures("policies")
def test_a_diff_of_policies_alone_tells_nothing(run):
    """Nobody may take it for harmless: exit status 2, nothing is printed but empty lists."""
    text = run("diff", "@closed.yaml", "@open.yaml")
    code, out, err = run("diff", "--output", "json", "@closed.yaml", "@open.yaml")

    assert text == (2, "", NO_PODS)
    assert (code, json.loads(out), err) == (2, {"opened": [], "closed": []}, NO_PODS)


@pytest.mark.usefixtures("policies")
@pytest.mark.parametrize("command", ["connectivity", "exposure"])
def test_policies_alone_have_no_rows(run, command):
    """It is told why, and the exit status is as ever."""
    assert run(command, "@closed.yaml") == (0, "", NO_PODS)


def test_a_diff_that_may_open_ipv6_does_not_say_that_it_opens_nothing(run, write):
    """A template has no address: that it is taken for IPv4 is told."""
    write("closed.yaml", TEMPLATE + INGRESS % "[]")
    write("open.yaml", TEMPLATE + INGRESS % '[{from: [{ipBlock: {cidr: "::/0"}}]}]')
    text = run("diff", "@closed.yaml", "@open.yaml")
    code, out, err = run("diff", "--output", "json", "@closed.yaml", "@open.yaml")

    assert text == (0, "", UNTOLD)
    assert (code, json.loads(out), err) == (0, {"opened": [], "closed": []}, UNTOLD)


BLOCK = """
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: x}
status: {phase: Running, podIP: 10.0.0.1}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: x}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: %s}}]}]}
"""


@pytest.mark.parametrize(
    ("cidr", "flags", "told"),
    [
        pytest.param("10.0.0.0/8", (), 1, id="holds-a-pod"),
        pytest.param("192.168.0.0/16", (), 0, id="holds-none"),
        pytest.param("10.0.0.0/8", ("--ipblock-matches-pods=true",), 0, id="chosen"),
        pytest.param("10.0.0.0/8", ("--ipblock-matches-pods=false",), 0, id="the-other-chosen"),
    ],
)
def test_that_there_are_two_readings_is_told(run, tmp_path, cidr, flags, told):
    """On standard error, where an ipBlock holds a pod and nobody said what the CNI does."""
    path = tmp_path / "block.yaml"
    path.write_text(BLOCK % cidr)
    both = [run(*command, *flags) for command in (
        ("connectivity", "--output", "json", str(path)),
        ("diff", "--output", "json", str(path), str(path)),
    )]  # fmt: skip

    assert [(code, err.count("Cilium never does")) for code, _, err in both] == [(0, told)] * 2


def test_explain_text(run):
    """Both sides are told, with the rules that decide."""
    _, out, _ = run("explain", "--from", "x/a", "--to", "x/b", "--port", "tcp/80", "@all.yaml")

    assert "x/a -> x/b: allowed" in out
    assert "    x/p spec.ingress[0] allows TCP 80" in out


def test_explain_text_is_for_people(run):
    """Addresses as they are written, and rules that allow something else are said to."""
    _, outside, _ = run("explain", "--from", "8.8.8.8", "--to", "x/b", "--port", "81", "@all.yaml")
    _, other, _ = run("explain", "--from", "x/a", "--to", "x/b", "--port", "81", "@all.yaml")

    assert outside.startswith("8.8.8.8 -> x/b: ")
    assert "ext4:" not in outside
    assert "  ingress of x/b: policies select it, and rules allow other ports only\n" in other


def test_explain_json(run):
    """The same as JSON."""
    _, out, _ = run(
        "explain", "--from", "x/a", "--to", "x/b", "--port", "UDP", "--output", "json", "@all.yaml"
    )
    answer = json.loads(out)

    assert "denied" == answer["verdict"]
    assert ["x/p"] == answer["hops"][0]["ingress"]["policies"]


def test_exposure(run):
    """What later pods meet is told by selectors."""
    _, text, _ = run("exposure", "@all.yaml")
    _, out, _ = run("exposure", "--output", "json", "@all.yaml")
    (found,) = json.loads(out)["exposures"]

    assert (
        "x/a, x/b: egress to every pod of namespaces with kubernetes.io/metadata.name=x "
        "All Connections\n"
    ) == text
    assert ("Egress", "kubernetes.io/metadata.name=x", "") == (
        found["direction"],
        found["namespaceSelector"],
        found["podSelector"],
    )


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("connectivity", "@missing.yaml"), id="missing-file"),
        pytest.param(("diff", "-", "-"), id="standard-input-twice"),
        pytest.param(("explain", "--from", "x/a", "--to", "x/c", "@all.yaml"), id="unknown-pod"),
    ],
)
def test_errors(run, arguments):
    """An error is one line on standard error, nothing on standard output, exit code 2."""
    code, out, err = run(*arguments)

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert err.startswith("portcullis: ")


NO_PORT = "must be such as TCP/80, 80 or UDP; port names are not taken"


@pytest.mark.parametrize(
    ("port", "told"),
    [
        ("TCP/0", "port must be between 1 and 65535"),
        ("TCP/65536", "port must be between 1 and 65535"),
        ("x/80", "protocol must be one of SCTP, TCP, UDP"),
        ("ICMP", NO_PORT),
        ("http", NO_PORT),
        ("http-alt", NO_PORT),
        ("TCP/", NO_PORT),
        ("/", NO_PORT),
    ],
)
def test_bad_ports(run, capsys, port, told):
    """What is no port is refused when arguments are read, a name for what it is."""
    with pytest.raises(SystemExit) as stop:
        run("explain", "--from", "a", "--to", "b", "--port", port, "@all.yaml")

    assert 2 == stop.value.code
    assert told in capsys.readouterr().err
