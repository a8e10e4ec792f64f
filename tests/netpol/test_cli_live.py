"""The commands over a live cluster: what they ask the API server, and how manifests lie over it."""

import json

import pytest

from tests.fakes.apiserver import Answer, ApiServer, status
from webhook import cli
from webhook.cli_live import RESOURCES

PODS = "/api/v1/pods"
POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"
A_TO_B = {"src": "x/a", "dst": "x/b", "family": 4, "conn": "All Connections"}
B_TO_A = A_TO_B | {"src": "x/b", "dst": "x/a"}
DENY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: x}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""


def pod(name, number):
    """A Pod as a list has it: without kind and apiVersion."""
    return {
        "metadata": {"name": name, "namespace": "x"},
        "spec": {"containers": [{"name": "c"}]},
        "status": {"phase": "Running", "podIP": f"10.0.0.{number}"},
    }


def page(*items, token=""):
    """A page of a list."""
    return Answer(200, {"metadata": {"continue": token}, "items": list(items)})


def kubeconfig(**servers):
    """A kubeconfig of contexts, each with a server; the first is the current one."""
    named = [{"name": name, "cluster": {"server": url}} for name, url in servers.items()]
    contexts = [{"name": n, "context": {"cluster": n, "user": "me"}} for n in servers]
    users = [{"name": "me", "user": {}}]
    return {"current-context": next(iter(servers)), "clusters": named, "contexts": contexts,
            "users": users}  # fmt: skip


@pytest.fixture
def server():
    """A cluster of two pods, listed on two pages, and of nothing else."""
    with ApiServer() as server:
        for version, plural, _ in RESOURCES:
            root = "apis" if "/" in version else "api"
            server.on("GET", f"/{root}/{version}/{plural}", page())
        server.on("GET", PODS, page(pod("a", 1), token="more"), page(pod("b", 2)))
        yield server


@pytest.fixture
def run(server, tmp_path, monkeypatch, capsys):
    """Run a command as a user whose kubeconfig knows the cluster, and one that is away."""
    config = tmp_path / "kubeconfig"
    config.write_text(json.dumps(kubeconfig(here=server.url, away="http://127.0.0.1:1")))
    (tmp_path / "deny.yaml").write_text(DENY)
    monkeypatch.setenv("KUBECONFIG", str(config))

    def run(*arguments):
        code = cli.main([each.replace("@", f"{tmp_path}/") for each in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def between_pods(rows):
    """Rows whose both ends are pods."""
    return [row for row in rows if not row["src"].startswith("ext") and "/" in row["dst"]]


def test_the_cluster_is_read_page_by_page(run, server):
    """Both pods come, as manifests would have given them."""
    code, out, _ = run("connectivity", "--live", "--output", "json")

    assert code == 0
    assert between_pods(json.loads(out)["rows"]) == [A_TO_B, B_TO_A]
    assert [each.query.get("continue") for each in server.requests("GET", PODS)] == [None, "more"]


def test_manifests_lie_over_the_cluster(run):
    """What is applied counts beside what is there."""
    _, out, _ = run("connectivity", "--live", "--output", "json", "@deny.yaml")

    assert between_pods(json.loads(out)["rows"]) == []


def test_diff_tells_what_applying_would_change(run, server):
    """The cluster is read once, so that both sides are of one moment."""
    code, out, _ = run("diff", "--live", "--output", "json", "@deny.yaml")
    change = json.loads(out)

    assert (code, change["opened"]) == (0, [])
    assert between_pods(change["closed"]) == [A_TO_B, B_TO_A]
    assert len(server.requests("GET", POLICIES)) == 1


def test_a_manifest_takes_the_place_of_the_same_object(run, server):
    """Applied again with a rule, the policy that stands there is replaced and not doubled."""
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
    standing = {"metadata": {"name": "deny", "namespace": "x"}, "spec": spec}
    server.on("GET", POLICIES, page(standing))
    _, out, _ = run("diff", "--live", "--output", "json", "@deny.yaml")

    assert between_pods(json.loads(out)["closed"]) == [A_TO_B, B_TO_A]


def test_explain_asks_the_cluster(run):
    """Of two pods that run there."""
    code, out, _ = run("explain", "--live", "--from", "x/a", "--to", "x/b")

    assert (code, out.splitlines()[0]) == (0, "x/a -> x/b: allowed")


def test_the_context_is_chosen(run):
    """Another context is another cluster; this one is away."""
    code, out, err = run("connectivity", "--live", "--context", "away")

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "127.0.0.1" in err


FORBIDDEN = status('pods is forbidden: User "jane" cannot list resource', 403, "Forbidden")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(("connectivity",), "nothing to read: give a PATH, or --live", id="nothing"),
        pytest.param(("diff", "@deny.yaml"), "give BEFORE and AFTER, or --live and AFTER",
                     id="one-side"),
        pytest.param(("diff", "--live", "@deny.yaml", "@deny.yaml"),
                     "give BEFORE and AFTER, or --live and AFTER", id="three-sides"),
        pytest.param(("connectivity", "--context", "here", "@deny.yaml"),
                     "--context and --kubeconfig choose a cluster for --live", id="not-live"),
        pytest.param(("connectivity", "--live", "--context", "nowhere"), "nowhere", id="context"),
        pytest.param(("connectivity", "--live", "--kubeconfig", "@none"), "none", id="kubeconfig"),
    ],
)  # fmt: skip
def test_errors(run, arguments, told):
    """One line on standard error, nothing on standard output, exit code 2."""
    code, out, err = run(*arguments)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("portcullis: ")
    assert told in err


def test_what_may_not_be_read_is_an_error(run, server):
    """A cluster of which a part is hidden is not taken for one without that part."""
    server.on("GET", PODS, page(pod("a", 1), token="more"), Answer(403, FORBIDDEN))
    code, out, err = run("connectivity", "--live")

    assert (code, out) == (2, "")
    assert "cannot list resource" in err


def test_what_a_cluster_has_and_we_cannot_read_is_an_error(run, server):
    """It is named, with the field, and told apart from a manifest."""
    spec = {"podSelector": {}, "ingress": [{"from": [{"newKind": {}}]}]}
    server.on("GET", POLICIES, page({"metadata": {"name": "p", "namespace": "x"}, "spec": spec}))
    code, _, err = run("connectivity", "--live")

    assert code == 2
    assert err.startswith("portcullis: live: NetworkPolicy x/p: spec.ingress[0].from[0].newKind: ")
