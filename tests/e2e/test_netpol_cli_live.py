"""The commands over NetworkPolicies on a real API server, and over a pipe."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.controlplane.installation import CHART
from tests.controlplane.plane import ControlPlane
from tests.e2e import world

pytestmark = pytest.mark.controlplane

ROOT = Path(__file__).parents[2]
Rows = list[dict[str, object]]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(control_plane: ControlPlane) -> Run:
    """The command as a person runs it who may read everything."""
    config = control_plane.kubeconfig("rita", ["system:masters"])

    def run(*arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": "/usr/bin:/bin", "KUBECONFIG": str(config)}
        command = [sys.executable, "-m", "webhook", *arguments]
        return subprocess.run(
            command, env=env, cwd=ROOT, capture_output=True, text=True, check=False, **options
        )

    return run


@pytest.fixture
def team(control_plane: ControlPlane, namespace: str) -> str:
    """A namespace of two pods, `db` and `web`, of which `db` takes port 5432 from `web` alone."""
    spec = {
        "podSelector": {"matchLabels": {"app": "db"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [{"podSelector": {"matchLabels": {"app": "web"}}}],
                "ports": [{"protocol": "TCP", "port": 5432}],
            }
        ],
    }
    world.create(control_plane, world.account(namespace))
    for app in ("db", "web"):
        made = world.pod(namespace, app)
        labelled = {**made, "metadata": {**made["metadata"], "labels": {"app": app}}}
        world.create(control_plane, labelled)
    world.create(control_plane, {**world.policy(namespace, "db"), "spec": spec})
    return namespace


def between(rows: Rows, namespace: str) -> Rows:
    """Rows whose both ends are pods of the namespace."""
    own = f"{namespace}/"
    return [r for r in rows if str(r["src"]).startswith(own) and str(r["dst"]).startswith(own)]


def row(namespace: str, source: str, target: str, conn: str) -> dict[str, object]:
    return {
        "src": f"{namespace}/{source}",
        "dst": f"{namespace}/{target}",
        "family": 4,
        "conn": conn,
    }


def test_connectivity_of_the_cluster(run: Run, team: str) -> None:
    """The rows of the running pods, exactly in the agreed form."""
    done = run("connectivity", "--live", "--output", "json")

    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert answer.keys() == {"rows"}
    assert between(answer["rows"], team) == [
        row(team, "db", "web", "All Connections"),
        row(team, "web", "db", "TCP 5432"),
    ]


def test_diff_of_what_is_to_be_applied(run: Run, team: str) -> None:
    """Manifests from a pipe over the cluster as it stands; nothing is written to it."""
    deny = {**world.policy(team, "deny"), "spec": world.DENY_ALL}
    done = run("diff", "--live", "--context", "portcullis", "--output", "json", "-",
               input=json.dumps(deny))  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert answer.keys() == {"opened", "closed"}
    assert answer["opened"] == []
    assert between(answer["closed"], team) == [
        row(team, "db", "web", "All Connections"),
        row(team, "web", "db", "TCP 5432"),
    ]


def test_explain_of_two_pods(run: Run, team: str) -> None:
    """Which policy and rule decide, by the cluster as it is."""
    ends = ("--from", f"{team}/web", "--to", f"{team}/db")
    allowed = run("explain", "--live", *ends, "--port", "TCP/5432", "--output", "json")
    denied = run("explain", "--live", *ends, "--port", "TCP/80")
    decision = json.loads(allowed.stdout)["hops"][0]["ingress"]

    assert decision["rules"] == [
        {"policy": f"{team}/db", "rule": "spec.ingress[0]", "conn": "TCP 5432"}
    ]
    assert denied.stdout.startswith(f"{team}/web -> {team}/db: denied\n")


def test_lint_of_what_is_to_be_applied(run: Run, team: str) -> None:
    """A policy that selects no pod there, by the cluster as it is; kinds that it lacks are fine."""
    spec = {"podSelector": {"matchLabels": {"app": "bd"}}, "policyTypes": ["Ingress"]}
    made = {**world.policy(team, "typo"), "spec": spec}
    done = run("lint", "--live", "--output", "json", "-", input=json.dumps(made))
    found = json.loads(done.stdout)

    assert (done.returncode, done.stderr) == (1, "")
    assert (found["policies"], [(each["check"], each["name"]) for each in found["findings"]]) == (
        1,
        [("selects-no-pod", "typo")],
    )
    assert "did you mean app=db?" in found["findings"][0]["message"]


def test_lint_of_the_cluster(run: Run, team: str) -> None:
    """Every policy that stands there, without a file to point into."""
    done = run("lint", "--live", "--output", "json", "--fail-on", "never")
    found = json.loads(done.stdout)

    assert (done.returncode, done.stderr) == (0, "")
    assert found["policies"] >= 1
    assert {each["file"] for each in found["findings"]} <= {"live"}


def test_a_context_that_is_not_there(run: Run) -> None:
    """One line, with the name, and exit code 2."""
    done = run("connectivity", "--live", "--context", "nowhere")

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "nowhere" in done.stderr


def test_who_may_not_read_is_told(control_plane: ControlPlane, run: Run) -> None:
    """A cluster that hides a part is no answer: the API server's reason, and exit code 2."""
    stranger = str(control_plane.kubeconfig("steve"))
    done = run("connectivity", "--live", "--kubeconfig", stranger)

    assert (done.returncode, done.stdout) == (2, "")
    assert 'User "steve" cannot list resource' in done.stderr


def test_helm_output_through_a_pipe(control_plane: ControlPlane, run: Run) -> None:
    """`helm template … | portcullis connectivity -`, as a chart's author would."""
    rendered = control_plane.helm("template", "shield", str(CHART), "-n", "edge").stdout
    done = run("connectivity", "--output", "json", "-", input=rendered)
    found = json.loads(done.stdout)["rows"]

    assert (done.returncode, done.stderr) == (0, "")
    assert {"edge"} == {str(each["dst"]).partition("/")[0] for each in found if "/" in each["dst"]}


def test_kustomize_output_through_a_pipe(
    control_plane: ControlPlane, run: Run, tmp_path: Path
) -> None:
    """`kubectl kustomize … | portcullis diff BEFORE -`: what an overlay changes."""
    base = [{**world.policy("team", "p")}, {**world.pod("team", "a")}, {**world.pod("team", "b")}]
    (tmp_path / "base.json").write_text(
        json.dumps({"kind": "List", "apiVersion": "v1", "items": base})
    )
    for number, each in enumerate(base):
        (tmp_path / f"{number}.json").write_text(json.dumps(each))
    patch = [{"op": "add", "path": "/spec/ingress", "value": [{"from": [{"podSelector": {}}]}]}]
    (tmp_path / "kustomization.yaml").write_text(
        json.dumps(
            {
                "resources": ["0.json", "1.json", "2.json"],
                "patches": [{"target": {"kind": "NetworkPolicy"}, "patch": json.dumps(patch)}],
            }
        )
    )
    built = control_plane.kubectl("kustomize", str(tmp_path)).stdout
    done = run("diff", "--output", "json", str(tmp_path / "base.json"), "-", input=built)

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "opened": [
            row("team", "a", "b", "All Connections"),
            row("team", "b", "a", "All Connections"),
        ],
        "closed": [],
    }
