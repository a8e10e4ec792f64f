"""The command over a live cluster: what stands there, or what manifests would change in it."""

import json

import pytest

from tests.fakes.apiserver import Answer, ApiServer, status
from tests.netpol.test_cli_live import DENY, POLICIES, kubeconfig, page, pod
from webhook import cli
from webhook.cli_live import FACTS, RESOURCES

NODES = "/api/v1/nodes"
OPEN = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
STANDING = {"metadata": {"name": "open", "namespace": "x"}, "spec": OPEN}
LABELS = {"app.kubernetes.io/part-of": "portcullis"}
ENTRY = {
    "name": "marks.portcullis.dev",
    "clientConfig": {"service": {"namespace": "portcullis-system", "name": "portcullis"}},
}
OURS = {"metadata": {"name": "portcullis", "labels": LABELS}, "webhooks": [ENTRY]}
CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
ABSENT = Answer(404, status("the server could not find the requested resource", 404, "NotFound"))
FORBIDDEN = Answer(403, status('nodes is forbidden: User "jane"', 403, "Forbidden"))
TOLD = (
    "live: error: NetworkPolicy x/open: spec.ingress[0]: no from allows everything from everyone, "
    "in and out of the cluster: name the peers [rule-allows-all-peers]"
)


@pytest.fixture
def server():
    """A cluster with a pod and an open policy, of which most kinds are not installed."""
    with ApiServer() as server:
        for version, plural, _ in (*RESOURCES, *FACTS):
            root = "apis" if "/" in version else "api"
            installed = (version, plural, _) in RESOURCES
            server.on("GET", f"/{root}/{version}/{plural}", page() if installed else ABSENT)
        server.on("GET", "/api/v1/pods", page(pod("a", 1)))
        server.on("GET", POLICIES, page(STANDING))
        yield server


@pytest.fixture
def lint(server, tmp_path, monkeypatch, capsys):
    """Run the command as a user of that cluster."""
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig(here=server.url)))
    (tmp_path / "deny.yaml").write_text(DENY)
    (tmp_path / "again.yaml").write_text(
        json.dumps({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", **STANDING})
    )
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.chdir(tmp_path)

    def lint(*arguments):
        code = cli.main(["lint", *arguments])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return lint


def test_what_stands_there_is_judged(lint) -> None:
    """Without a PATH it is every policy of the cluster; there is no file to point into."""
    code, out, err = lint("--live")

    assert (code, err) == (1, [])
    assert out == [TOLD, "1 error in 1 NetworkPolicy"]


def test_with_manifests_their_change_is_judged(lint) -> None:
    """Amid the cluster as it would be; what stands there already is nobody's change."""
    code, out, _ = lint("--live", "deny.yaml")

    assert (code, out) == (0, ["nothing found in 1 NetworkPolicy"])


def test_a_manifest_takes_the_place_of_what_stands(lint) -> None:
    """Applied again it is one policy, not two of one name."""
    _, out, _ = lint("--live", "again.yaml")

    assert [line.rpartition("[")[2] for line in out[:-1]] == ["rule-allows-all-peers]"]
    assert out[0].startswith("again.yaml:1:")


def of_the_chart(namespace, spec=OPEN):
    """What bears the labels of our own policy."""
    return {
        "metadata": {"name": "portcullis", "namespace": namespace, "labels": LABELS},
        "spec": spec,
    }


def test_what_our_own_policy_means_is_no_mistake(lint, server) -> None:
    """A fresh installation has nothing to find: who calls us has no label and no known address."""
    metrics = {"from": [{"namespaceSelector": {}}], "ports": [{"port": 9402}]}
    spec = {**OPEN, "ingress": [{"ports": [{"port": 8443}]}, metrics]}
    server.on("GET", CONFIGURATIONS, page(OURS))
    server.on("GET", POLICIES, page(of_the_chart("portcullis-system", spec)))
    code, out, _ = lint("--live")

    assert (code, out) == (0, ["nothing found in 1 NetworkPolicy"])


@pytest.mark.parametrize(
    ("configurations", "namespace"),
    [
        pytest.param([OURS], "x", id="elsewhere"),
        pytest.param([], "portcullis-system", id="nothing-is-installed"),
        pytest.param([{**OURS, "metadata": {"name": "y"}}], "portcullis-system", id="anothers"),
    ],
)
def test_our_labels_alone_excuse_nothing(lint, server, configurations, namespace) -> None:
    """Anybody may write them; what our webhook configurations call is the cluster admin's."""
    server.on("GET", CONFIGURATIONS, page(*configurations))
    server.on("GET", POLICIES, page(of_the_chart(namespace)))
    code, out, _ = lint("--live")

    assert code == 1
    assert any(line.endswith("[rule-allows-all-peers]") for line in out)


def test_other_mistakes_in_our_own_policy_are_told(lint, server) -> None:
    """Only what it means to do is left out."""
    server.on("GET", CONFIGURATIONS, page(OURS))
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "ingress": [{}]}
    server.on("GET", POLICIES, page(of_the_chart("portcullis-system", spec)))
    _, out, _ = lint("--live")

    assert any("[types-vs-rules" in line for line in out)


def test_a_manifest_that_cannot_be_read_changes_nothing(lint, tmp_path) -> None:
    """It is told; neither has the policy of its name gone, nor is the whole cluster judged."""
    (tmp_path / "bad.yaml").write_text(
        (tmp_path / "again.yaml").read_text().replace("podSelector", "podselector")
    )
    code, out, err = lint("--live", "bad.yaml")

    assert (code, out) == (2, ["nothing found in 0 NetworkPolicies"])
    assert [line.startswith("portcullis: bad.yaml:1:") for line in err] == [True, False]


def test_the_last_policy_is_not_taken_by_a_manifest_of_another(lint, server) -> None:
    """A manifest beside what isolates a pod leaves it isolated."""
    server.on("GET", POLICIES, page({"metadata": {"name": "deny", "namespace": "x"}, "spec": {
        "podSelector": {"matchLabels": {"app": "none"}}, "policyTypes": ["Ingress"]}}))  # fmt: skip
    _, out, _ = lint("--live", "again.yaml")

    assert any(line.endswith("all other ingress closes [isolation-flip]") for line in out)


def test_what_the_user_may_not_read_is_told(lint, server) -> None:
    """A check that would need it is silent, so the user hears why."""
    server.on("GET", NODES, FORBIDDEN)
    code, out, err = lint("--live")

    assert (code, out[0]) == (1, TOLD)
    assert len(err) == 1
    assert err[0].startswith("portcullis: not read: nodes: ")


@pytest.mark.parametrize("output", ["json", "sarif", "junit", "github"])
def test_every_format_does_without_a_file(lint, output) -> None:
    """No line 0 is made up."""
    _, out, _ = lint("--live", "--output", output)
    text = "\n".join(out)

    assert "rule-allows-all-peers" in text
    assert not any(each in text for each in ('"startLine": 0', "line=0"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param((), "nothing to read: give a PATH, or --live", id="nothing"),
        pytest.param(("--live", "--before", "deny.yaml"), "leave --before out", id="before"),
        pytest.param(("--context", "here", "deny.yaml"), "choose a cluster for --live", id="file"),
    ],
)
def test_errors(lint, arguments, told) -> None:
    """One line, exit code 2."""
    code, out, err = lint(*arguments)

    assert (code, out, len(err)) == (2, [], 1)
    assert told in err[0]
