"""`helm test`, with a kubelet's part played: its Pod is run, and told of."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.controlplane.installation import NAMESPACE, RELEASE, Installation
from tests.controlplane.plane import ControlPlane
from tests.e2e import world

pytestmark = pytest.mark.controlplane

POD = f"{RELEASE}-test"


@pytest.fixture
def plane(portcullis: Installation) -> ControlPlane:
    """Portcullis as installed."""
    return portcullis.plane


def play_kubelet(plane: ControlPlane) -> str:
    """Run the test's Pod when it appears, tell its phase, and give what it printed."""
    world.eventually(lambda: plane.get("pod", POD, NAMESPACE), 60)
    pod = plane.get("pod", POD, NAMESPACE)
    assert pod is not None
    container = plane.run_container(pod, namespace=NAMESPACE, pod_name=POD)
    phase = "Failed" if container.daemon.popen.wait(100) else "Succeeded"
    status = json.dumps({"status": {"phase": phase}})
    plane.kubectl(
        "patch", "pod", POD, "-n", NAMESPACE, "--subresource=status", "--type=merge", "-p", status
    )
    return container.daemon.log.read_text()


def test_helm_test_succeeds_and_leaves_nothing(plane: ControlPlane) -> None:
    """The Pod has the API server ask us with the rights that it is given, which go with it."""
    with ThreadPoolExecutor(1) as pool:
        tested = pool.submit(plane.helm, "test", RELEASE, "--namespace", NAMESPACE, check=False)
        printed = play_kubelet(plane)
    done = tested.result()

    assert "the API server asks Portcullis" in printed
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Succeeded" in done.stdout
    for kind, where in [
        ("pod", NAMESPACE),
        ("serviceaccount", NAMESPACE),
        ("role", "default"),
        ("rolebinding", "default"),
        ("clusterrole", None),
        ("clusterrolebinding", None),
    ]:
        world.eventually(lambda kind=kind, where=where: plane.get(kind, POD, where) is None)


def probe(plane: ControlPlane, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """The command as somebody with a kubeconfig runs it."""
    command = [sys.executable, "-m", "webhook", "probe", *arguments]
    given = {**os.environ, "KUBECONFIG": str(plane.admin_kubeconfig), **env}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=given)


@pytest.mark.parametrize(
    ("arguments", "env", "code", "told"),
    [
        pytest.param([], {}, 0, "the API server asks Portcullis", id="good"),
        pytest.param(
            [],
            {"PORTCULLIS_INSTALLATION": "other"},
            1,
            'no webhook configuration is called "other"',
            id="not-installed",
        ),
        pytest.param(
            ["--namespace", NAMESPACE], {}, 1, "was let through", id="where-nobody-is-asked"
        ),
        pytest.param(
            ["--namespace", "nowhere"], {}, 1, 'namespaces "nowhere" not found', id="no-namespace"
        ),
    ],
)
def test_the_probe_tells_what_is_wrong(
    plane: ControlPlane, arguments: list[str], env: dict[str, str], code: int, told: str
) -> None:
    """In one line, with exit status 1."""
    done = probe(plane, *arguments, **env)

    assert told in done.stdout
    assert code == done.returncode
    assert done.stdout.count("\n") == 1


def test_the_probe_waits_for_the_first_replica(plane: ControlPlane) -> None:
    """As right after `helm install`; here for a caBundle that comes back."""
    patch = '[{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]'
    plane.kubectl("patch", "mutatingwebhookconfiguration", RELEASE, "--type=json", "-p", patch)
    began = time.monotonic()
    done = probe(plane, "--wait", "30")

    assert done.returncode == 0, done.stdout
    assert time.monotonic() - began < 30
