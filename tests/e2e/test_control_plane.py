"""The control plane itself: what every other end-to-end test stands on."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import kubernetes
import pytest

from tests.controlplane import ControlPlaneError

pytestmark = pytest.mark.controlplane
HERE = Path(__file__).parent


def eventually(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_kubectl_and_client_see_one_api_server(control_plane, namespace):
    """Inside the network kubectl and outside the Python client reach the same server."""
    with control_plane.client() as api:
        found = kubernetes.client.CoreV1Api(api).read_namespace(namespace)

    assert control_plane.get("namespace", namespace)["metadata"]["uid"] == found.metadata.uid


def test_users_differ_by_rbac(control_plane, namespace):
    """A client certificate's user and groups are what RBAC binds to."""
    binding = ("create", "rolebinding", "readers", "-n", namespace, "--clusterrole=view")
    control_plane.kubectl(*binding, "--group=readers")
    alice = control_plane.kubeconfig("alice", ["readers"])
    bob = control_plane.kubeconfig("bob", [])

    def may(who: Path) -> bool:
        asked = ("auth", "can-i", "list", "pods", "-n", namespace)
        return control_plane.kubectl(*asked, kubeconfig=who, check=False).stdout.strip() == "yes"

    eventually(lambda: may(alice))  # once the authorizer has seen the binding
    assert not may(bob)


def test_a_failed_command_tells_why(control_plane):
    """The error of a failed kubectl carries what kubectl printed."""
    with pytest.raises(ControlPlaneError, match=r"(?s)kubectl get namespace nope.*not found"):
        control_plane.kubectl("get", "namespace", "nope")


def test_namespace_deletion_completes(control_plane):
    """The namespace controller empties a namespace and lets it go."""
    control_plane.kubectl("create", "namespace", "short-lived")
    control_plane.kubectl("create", "configmap", "content", "-n", "short-lived")

    control_plane.kubectl("delete", "namespace", "short-lived", "--timeout=60s")

    assert control_plane.get("namespace", "short-lived") is None


def webhook_configuration(name, namespace, ca):
    service = {"namespace": namespace, "name": "named", "path": "/", "port": 443}
    bundle = base64.b64encode(ca).decode()
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    webhook = {
        "name": "named.portcullis.dev",
        "clientConfig": {"service": service, "caBundle": bundle},
        "rules": [{**rule, "operations": ["CREATE"]}],
        "namespaceSelector": selector,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [webhook],
    }


def selecting_service(namespace):
    ports = [{"name": "webhook", "port": 443, "targetPort": "https"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": "named"},
        "spec": {"selector": {"app": "named"}, "ports": ports},
    }


@pytest.fixture(
    params=[pytest.param(False, id="no-selector"), pytest.param(True, id="as-the-chart-has-it")]
)
def two_replicas(request, control_plane, namespace, tmp_path):
    """Two processes on one port behind one Service, named by their addresses."""
    if not control_plane.isolated:
        pytest.skip("no network namespaces here")
    serving = control_plane.authority.serving([f"named.{namespace}.svc"])
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    certificate.write_bytes(serving.certificate)
    key.write_bytes(serving.key)
    addresses = [control_plane.new_address() for _ in range(2)]
    script = [sys.executable, str(HERE / "named_webhook.py")]
    processes = [
        control_plane.exec([*script, address, "8443", certificate, key], address=address)
        for address in addresses
    ]
    if request.param:
        control_plane.kubectl("create", "-f", "-", stdin=selecting_service(namespace))
        # Not before the controller has made its own, empty slice: the two must live together.
        slices = ("get", "endpointslices", "-n", namespace, "-o", "name")
        eventually(lambda: control_plane.kubectl(*slices).stdout)
    control_plane.service_backend(namespace, "named", addresses, 8443)
    control_plane.kubectl(
        "create", "-f", "-", stdin=webhook_configuration(namespace, namespace, control_plane.ca)
    )
    yield addresses
    control_plane.kubectl("delete", "validatingwebhookconfiguration", namespace)
    for process in processes:
        process.kill()
        process.wait()


def test_replicas_behind_a_service_take_turns(control_plane, namespace, two_replicas):
    """A webhook named by clientConfig.service is reached through each endpoint of the Service."""
    seen = set()

    def all_seen():
        create = ("create", "configmap", f"probe-{time.time_ns()}", "-n", namespace)
        warnings = control_plane.kubectl(*create, check=False).stderr
        seen.update(address for address in two_replicas if f"seen by {address}" in warnings)
        return len(seen) == len(two_replicas)

    eventually(all_seen)

    assert set(two_replicas) == seen


def test_requests_are_audited(control_plane, namespace):
    """Every request is in the audit log, with its user."""
    control_plane.kubectl("create", "configmap", "audited", "-n", namespace)

    def users() -> list[str]:
        return [
            event["user"]["username"]
            for event in control_plane.audit_events()
            if event["verb"] == "create" and event["objectRef"].get("name") == "audited"
        ]

    eventually(users)  # which is written after the answer
    assert users() == ["admin"]


OWNER = """
import signal, time
from tests.controlplane import ControlPlane
# Whoever runs the tests in the background has them ignore SIGINT, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
plane = ControlPlane(controller_manager=False)
print(plane.name, plane.folder, flush=True)
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGKILL, id="killed"),
        pytest.param(signal.SIGINT, id="interrupted"),
    ],
)
def test_nothing_outlives_its_owner(number):
    """However the owner goes: processes, network namespaces and the folder go too."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        cwd=HERE.parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as owner:
        name, folder = owner.stdout.readline().split()
        os.kill(owner.pid, number)
        owner.wait()

    def marked():
        mark = f"PORTCULLIS_PLANE={name}".encode()
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes():
                    return True
            except OSError:
                continue
        return False

    eventually(lambda: not Path(folder).exists() and not marked(), seconds=30)

    assert not Path("/run/netns", name).exists()


def test_the_plane_is_joined_by_environment(control_plane):
    """The folder's export lines let a shell outside use the same kubectl and server."""
    script = f". {control_plane.folder}/env; kubectl get namespace default -o json"

    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["metadata"]["name"] == "default"
