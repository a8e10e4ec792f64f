"""Which cluster and which installation a command asks, and what it says where there is none."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.apiserver import Answer, ApiServer, listing, status
from webhook import cli

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """A cluster without any installation."""
    with ApiServer() as server:
        for where, name in (("portcullis-system", "portcullis"), ("net", "guard")):
            path = f"/api/v1/namespaces/{where}/configmaps/{name}"
            missing = status(f'configmaps "{name}" not found', 404, "NotFound")
            server.on("GET", path, Answer(404, missing))
        yield server


@pytest.fixture
def run(
    server: ApiServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a command as somebody whose current context leads nowhere, and another to the cluster."""
    config = {
        "current-context": "away",
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": "me"}} for name in ("away", "here")
        ],
        "clusters": [
            {"name": "away", "cluster": {"server": "http://127.0.0.1:1"}},
            {"name": "here", "cluster": {"server": server.url}},
        ],
        "users": [{"name": "me", "user": {}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))

    def command(*arguments: str) -> tuple[int, str]:
        code = cli.main(arguments)
        return code, "".join(capsys.readouterr())

    return command


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("status",), id="status"),
        pytest.param(("release", "--namespace", "shop"), id="release"),
        pytest.param(("adopt", "--all"), id="adopt"),
        pytest.param(("probe",), id="probe"),
        pytest.param(("certs", "show"), id="certs"),
    ],
)
def test_a_context_is_chosen(run: Run, server: ApiServer, command: tuple[str, ...]) -> None:
    """Every command that asks a cluster asks the one of the context."""
    run(*command, "--context", "here")

    assert server.seen


@pytest.mark.parametrize("command", [("adopt", "--all"), ("certs", "show"), ("certs", "rotate")])
@pytest.mark.parametrize(
    ("choice", "told"),
    [
        pytest.param((), 'configmaps "portcullis" not found in portcullis-system', id="by-default"),
        pytest.param(
            ("--installation", "net/guard"), 'configmaps "guard" not found in net', id="by-choice"
        ),
    ],
)
def test_an_installation_that_is_not_there(
    run: Run, command: tuple[str, ...], choice: tuple[str, ...], told: str
) -> None:
    """It is told where was looked, and how another one is named."""
    answer = run(*command, "--context", "here", *choice)

    assert answer == (2, f"portcullis: {told}; name yours by --installation NAMESPACE/NAME\n")


def test_the_probe_asks_for_an_installation_of_another_name(run: Run, server: ApiServer) -> None:
    """Both webhook configurations bear its name; where there are none, it tells how to choose."""
    code, told = run("probe", "--context", "here", "--installation", "net/guard")

    assert code == 1
    assert told == (
        'no webhook configuration is called "guard": is Portcullis installed? If so, name yours by '
        "--installation NAMESPACE/NAME\n"
    )
    assert {seen.path.rpartition("/")[2] for seen in server.seen} == {"guard"}


@pytest.mark.parametrize("text", ["portcullis", "portcullis/", "/portcullis", "a/b/c", ""])
def test_an_installation_has_a_namespace_and_a_name(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anything else is refused when arguments are read."""
    with pytest.raises(SystemExit) as stop:
        cli.main(["adopt", "--all", "--installation", text])

    assert stop.value.code == 2
    assert "must be NAMESPACE/NAME" in capsys.readouterr().err


def test_a_service_account_has_no_contexts(run: Run) -> None:
    """The two ways to the cluster exclude each other."""
    code, told = run("probe", "--in-cluster", "--context", "here")

    assert code == 2
    assert "--in-cluster has none" in told


def test_the_status_knows_the_system_namespaces_of_the_installation(
    run: Run, server: ApiServer
) -> None:
    """By its settings, and by its own namespace."""
    names = ("infra", "kube-system", "net")
    server.on("GET", "/api/v1/namespaces", Answer(200, listing(1, *names)))
    server.on("GET", "/apis/networking.k8s.io/v1/networkpolicies", Answer(200, listing(1)))
    text = "defaultDeny: {systemNamespaces: [infra]}"
    config_map = {"metadata": {"name": "guard"}, "data": {"settings.yaml": text}}
    server.on("GET", "/api/v1/namespaces/net/configmaps/guard", Answer(200, config_map))
    code, told = run("status", "--context", "here", "--installation", "net/guard", "-o", "json")
    reasons = {row["namespace"]: row["reason"] for row in json.loads(told)}

    assert code == 0
    assert reasons == {
        "infra": "system: never touched",
        "kube-system": None,
        "net": "system: never touched",
    }
