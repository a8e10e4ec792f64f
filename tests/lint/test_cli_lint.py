"""The command: exit codes, input, levels, and errors with their place."""

import io
import json
import sys
from pathlib import Path

import pytest

from webhook.cli import main

FIXTURES = Path(__file__).parent / "fixtures"
OPEN = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open, namespace: shop}
spec:
  podSelector: {}
  ingress:
  - {}
"""
CLOSED = OPEN.partition("  ingress")[0]
BAD = CLOSED.replace("podSelector", "podselector")
REMARK = OPEN.replace("- {}", "- {from: [{podSelector: {}}], ports: [{protocol: TCP}]}")


def workload(app, port):
    """A Deployment of `shop`, as text."""
    container = {"name": "c", "image": "x", "ports": [{"containerPort": port}]}
    template = {"metadata": {"labels": {"app": app}}, "spec": {"containers": [container]}}
    metadata = {"name": app, "namespace": "shop"}
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
    return json.dumps({**head, "spec": {"template": template}})


@pytest.fixture
def lint(tmp_path, capsys, monkeypatch):
    """Run the command in a folder with the given files."""
    monkeypatch.chdir(tmp_path)

    def lint(*arguments, **files):
        for name, text in files.items():
            Path(f"{name}.yaml").write_text(text)
        code = main(["lint", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return lint


def test_clean_is_0(lint) -> None:
    """What is clean exits with 0."""
    assert (0, "nothing found in 1 NetworkPolicy\n", "") == lint("f.yaml", f=CLOSED)


def test_findings_are_1(lint) -> None:
    """A finding exits with 1 and tells file, line and column."""
    code, out, err = lint("f.yaml", f=OPEN)

    assert (1, "") == (code, err)
    assert "f.yaml:7:5: error: NetworkPolicy shop/open: spec.ingress[0]: " in out


def test_remarks_alone_are_0(lint) -> None:
    """A remark is told and fails nothing, unless asked for."""
    code, out, _ = lint("f.yaml", f=REMARK)

    assert (0, True) == (code, "info" in out)
    assert 1 == lint("--fail-on", "info", "f.yaml")[0]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["--fail-on", "never"], 0, id="never-fails"),
        pytest.param(["--check", "rule-allows-all-peers=off"], 0, id="off"),
        pytest.param(["--check", "rule-allows-all-peers=info"], 0, id="lowered"),
        pytest.param(
            ["--check", "rule-allows-all-peers=warning", "--fail-on", "error"], 0, id="both"
        ),
        pytest.param(["--check", "rule-allows-all-peers=warning"], 1, id="still-a-warning"),
    ],
)
def test_levels(lint, arguments, code) -> None:
    """Checks can be switched off, lowered and raised, and the exit code follows."""
    assert code == lint(*arguments, "f.yaml", f=OPEN)[0]


@pytest.mark.parametrize(
    ("level", "told"),
    [
        pytest.param(
            "no-such-check=off", "no check has the id 'no-such-check'", id="unknown-check"
        ),
        pytest.param("and-or=loud", "must be ID=off, info, warning or error", id="unknown-level"),
        pytest.param("and-or", "must be ID=off, info, warning or error", id="no-level"),
    ],
)
def test_unknown_levels_are_refused(lint, capsys, level, told) -> None:
    """A misspelt check or level is an error, or the check would go on unnoticed."""
    with pytest.raises(SystemExit) as raised:
        lint("--check", level, "f.yaml", f=OPEN)

    assert 2 == raised.value.code
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("a: [", "f.yaml:2:1: ", id="no-yaml"),
        pytest.param("[]", "f.yaml:1:1: ", id="no-object"),
    ],
)
def test_unreadable_is_2(lint, text, told) -> None:
    """A file that cannot be read exits with 2 and its place, whatever else there is to find."""
    code, out, err = lint("open.yaml", "f.yaml", open=OPEN, f=text)

    assert (2, "") == (code, out)
    assert err.startswith(f"portcullis: {told}")


TYPO = OPEN.replace("podSelector", "podselector").replace("name: open", "name: typo")
PEER = OPEN.replace("- {}", "- from: [{}]").replace("name: open", "name: peer")


@pytest.mark.parametrize("output", ["text", "json", "sarif", "junit", "github"])
def test_an_object_that_the_api_server_would_refuse_keeps_no_other_from_being_judged(
    lint, output
) -> None:
    """Each such object is told with its place, the others are judged, and the exit status is 2."""
    text = f"{TYPO}---\n{PEER}---\n{OPEN}"
    code, out, err = lint("--output", output, "f.yaml", f=text)
    *told, last = err.splitlines()

    assert 2 == code
    assert last.endswith("what hangs on other objects is not judged, for some cannot be read")
    assert ["portcullis: f.yaml:5:16:", "portcullis: f.yaml:15:12:"] == [
        " ".join(line.split()[:2]) for line in told
    ]
    assert "rule-allows-all-peers" in out
    assert "shop/typo" not in out


@pytest.mark.parametrize("files", [{"old": CLOSED, "new": BAD}, {"old": BAD, "new": CLOSED}])
def test_what_cannot_be_read_on_one_side_has_neither_come_nor_gone(lint, files) -> None:
    """A policy with a typo is not one that was deleted."""
    code, out, err = lint("--before", "old.yaml", "new.yaml", **files)

    assert (2, "nothing found in 0 NetworkPolicies\n") == (code, out)
    assert 2 == err.count("\n")


def test_what_hangs_on_an_object_that_cannot_be_read_is_not_told(lint) -> None:
    """The workload is there, and cannot be read: that nothing is selected would be told wrongly."""
    broken, api = workload("web", 99999), workload("api", 8080)
    policy = CLOSED.replace("podSelector: {}", "podSelector: {matchLabels: {app: web}}")
    code, out, _ = lint("f.yaml", f=f"{policy}---\n{api}\n---\n{broken}")

    assert (2, "nothing found in 1 NetworkPolicy\n") == (code, out)


def test_of_one_name_those_that_can_be_read_are_judged(lint) -> None:
    """The typo is in one of them."""
    code, out, _ = lint("f.yaml", f=f"{BAD}---\n{OPEN}")

    assert 2 == code
    assert "rule-allows-all-peers" in out


def test_missing_file_is_2(lint) -> None:
    """A file that is not there is never passed over."""
    assert (2, "", "portcullis: none.yaml: No such file or directory\n") == lint("none.yaml")


def test_standard_input(lint, monkeypatch) -> None:
    """``-`` reads standard input, several documents as well."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{CLOSED}---\n{OPEN}".encode())))
    code, out, _ = lint("-")

    assert (1, True) == (code, "<stdin>:13:5: error: " in out)


def test_folders_and_lists(lint) -> None:
    """Folders are read as a whole, and items of a List have places of their own."""
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": [1]})
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    spec = {"metadata": {"name": "p", "namespace": "shop"}, "spec": {"egress": [{}]}}
    listed = items.replace("1]", "\n" + json.dumps({**policy, **spec}) + "]")
    code, out, _ = lint(".", "--output", "json", f=listed, g=CLOSED)
    findings = json.loads(out)["findings"]

    assert 1 == code
    assert {("f.yaml", 2)} == {(each["file"], each["line"]) for each in findings}


def test_yaml_traps(lint) -> None:
    """``y`` is read as Kubernetes reads it, told with its line, and the other checks go on."""
    text = OPEN.replace("podSelector: {}", "podSelector: {matchLabels: {enabled: y}}")
    _, out, _ = lint("f.yaml", f=text)

    assert "f.yaml:5:40: warning: NetworkPolicy shop/open: " in out
    assert "[rule-allows-all-peers]" in out


def test_changes(lint) -> None:
    """With ``--before`` a deleted policy is judged, at its place in the former input."""
    pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\nspec: {}\n"
    code, out, _ = lint("--before", "old.yaml", "new.yaml", old=CLOSED + pod, new=pod)

    assert (1, True) == (code, out.startswith("old.yaml:5:16: error: NetworkPolicy shop/open: "))


def test_standard_input_is_read_once(lint) -> None:
    """Standard input cannot be both versions."""
    code, _, err = lint("--before", "-", "-")

    assert (2, "portcullis: standard input can be only one of PATH and --before\n") == (code, err)


@pytest.mark.parametrize("output", ["text", "json", "sarif", "junit", "github"])
def test_every_format_over_every_fixture(lint, output) -> None:
    """Every format takes every finding that the checks can make."""
    code, out, err = lint("--output", output, str(FIXTURES))

    assert (1, "") == (code, err)
    assert "rule-allows-all-peers" in out


def test_checks_are_explained(capsys) -> None:
    """``portcullis checks ID`` explains a lint as it does a check."""
    assert 0 == main(["checks", "and-or"])
    assert "Fix: " in capsys.readouterr().out
