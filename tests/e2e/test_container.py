"""A container of a pod template runs as it would under a kubelet."""

import copy
import json

import pytest

from tests.controlplane import ControlPlaneError

pytestmark = pytest.mark.controlplane

SERVE = """
import http.server, json, os, pathlib, signal, sys
import kubernetes

kubernetes.config.load_incluster_config()
review = kubernetes.client.AuthenticationV1Api().create_self_subject_review(
    kubernetes.client.V1SelfSubjectReview()
)
account = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")

def writable(path):
    try:
        pathlib.Path(path, "probe").write_text("")
    except OSError:
        return False
    return True

report = {
    "user": review.status.user_info.username,
    "namespace": (account / "namespace").read_text(),
    "argv": sys.argv[1:],
    "cwd": os.getcwd(),
    "env": dict(os.environ),
    "settings": pathlib.Path("/etc/portcullis/settings/level").read_text(),
    "writable": [path for path in ("/", "/cache", "/etc/portcullis/settings", "/tmp", "/dev/shm")
                 if writable(path)],
}
print(json.dumps(report), flush=True)

def stop(*_):
    print("drained", flush=True)
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204 if self.path == "/readyz" else 404)
        self.end_headers()

http.server.HTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""

CONTAINER = {
    "name": "serve",
    "command": ["python", "-c", SERVE],
    "args": ["--listen=$(POD_IP):8080"],
    "ports": [{"name": "http", "containerPort": 8080}],
    "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
    "lifecycle": {"preStop": {"exec": {"command": ["touch", "/cache/pre-stop-ran"]}}},
    "env": [
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ],
    "securityContext": {"readOnlyRootFilesystem": True},
    "volumeMounts": [
        {"name": "settings", "mountPath": "/etc/portcullis/settings"},
        {"name": "cache", "mountPath": "/cache"},
    ],
}
TEMPLATE = {
    "metadata": {"labels": {"app": "serve"}},
    "spec": {
        "serviceAccountName": "server",
        "terminationGracePeriodSeconds": 5,
        "containers": [CONTAINER],
        "volumes": [
            {"name": "settings", "configMap": {"name": "settings"}},
            {"name": "cache", "emptyDir": {}},
        ],
    },
}


@pytest.fixture
def pods(control_plane, namespace):
    """A function that runs the template; what it started is stopped afterwards."""
    if not control_plane.isolated:
        pytest.skip("no network namespaces here")
    control_plane.kubectl("create", "serviceaccount", "server", "-n", namespace)
    control_plane.kubectl(
        "create", "configmap", "settings", "-n", namespace, "--from-literal=level=high"
    )
    started = []

    def run(sidecar=None, **changes):
        template = copy.deepcopy(TEMPLATE)
        template["spec"]["containers"][0] |= changes
        template["spec"]["containers"] += [sidecar] if sidecar else []
        started.extend(control_plane.run_pod(template, namespace=namespace).values())
        return started[-1]

    yield run
    for container in started:
        container.kill()


def report(container):
    return json.loads(container.daemon.log.read_text().splitlines()[0])


def test_a_container_sees_its_pod(control_plane, namespace, pods):
    """Token, command line, environment, volumes and root file system are the pod's own."""
    container = pods()

    container.wait_ready()

    told = report(container)
    address = container.pod.address
    assert f"system:serviceaccount:{namespace}:server" == told["user"]
    assert namespace == told["namespace"]
    assert told["argv"] == [f"--listen={address}:8080"]
    assert container.pod.name == told["env"]["POD_NAME"]
    assert told["settings"] == "high"
    assert told["writable"] == ["/cache", "/dev/shm"]


def test_replicas_bind_the_same_port(pods):
    """Each pod has a network namespace of its own, so replicas do not collide."""
    first, second = pods(), pods()

    first.wait_ready()
    second.wait_ready()

    assert first.pod.address != second.pod.address


def test_containers_of_a_pod_share_address_and_volumes(pods):
    """A sidecar answers at its neighbour's address and sees the files of a shared emptyDir."""
    script = "while ! test -e /shared/probe; do sleep 0.1; done; echo found; exec sleep 60"
    sidecar = {
        "name": "sidecar",
        "command": ["sh", "-c", script],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}},
        "volumeMounts": [{"name": "cache", "mountPath": "/shared"}],
    }
    container = pods(sidecar)

    container.wait_ready()
    container.daemon.wait_until(lambda: "found" in container.daemon.log.read_text(), "the file")

    assert container.pod.name.startswith("serve-")


def test_stopping_runs_the_hook_and_drains(pods):
    """First preStop inside the container, then SIGTERM; the exit code is the process's own."""
    container = pods()
    container.wait_ready()

    code = container.stop()

    cache = container.daemon.log.parents[1] / "volumes" / "cache"
    assert code == 0
    assert container.daemon.log.read_text().endswith("drained\n")
    assert cache.joinpath("pre-stop-ran").exists()


def test_a_container_that_ends_early_tells_why(pods):
    """Waiting for a container that crashed raises with the tail of its log."""
    container = pods(command=["python", "-c", "raise SystemExit('no certificate')"])

    with pytest.raises(ControlPlaneError, match=r"(?s)ended with 1 before readiness.*no certif"):
        container.wait_ready()
