"""Other webhooks on the same control plane: do-nothing Go, and Gatekeeper from its Go module."""

import base64
import http
import http.client
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import admission
import servers

from certs.authority import issue_serving_certificate, new_authority
from tests.controlplane import ControlPlane
from tests.controlplane.binaries import Program, provide
from tests.controlplane.errors import ControlPlaneError
from tests.controlplane.toolchain import find_toolchain

MODULE = Path(__file__).resolve().parent / "gatekeeper"
PACKAGE = "github.com/open-policy-agent/gatekeeper/v3"
GATEKEEPER = Program("gatekeeper", MODULE, PACKAGE, "6 minutes", ("--version",), (3, 0))

START_SECONDS = 60.0

REGO = """\
package noopenrule

violation[{"msg": msg}] {
  rule := input.review.object.spec.ingress[i]
  not rule.from
  msg := sprintf("spec.ingress[%d] lets everybody in", [i])
}
"""
TEMPLATE = {
    "apiVersion": "templates.gatekeeper.sh/v1",
    "kind": "ConstraintTemplate",
    "metadata": {"name": "noopenrule"},
    "spec": {
        "crd": {"spec": {"names": {"kind": "NoOpenRule"}}},
        "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": REGO}],
    },
}
CONSTRAINT = {
    "apiVersion": "constraints.gatekeeper.sh/v1beta1",
    "kind": "NoOpenRule",
    "metadata": {"name": "no-open-rule"},
    "spec": {
        "match": {"kinds": [{"apiGroups": ["networking.k8s.io"], "kinds": ["NetworkPolicy"]}]}
    },
}


@dataclass
class Running:
    """A webhook that answers the API server.

    Args:
        pids: of its containers, by name.
        ready: seconds from its start until it is ready; None where nobody asked.
    """

    pids: Mapping[str, int]
    ready: float | None = None

    def memory(self) -> dict[str, servers.Memory]:
        """What each of its containers holds."""
        return {name: servers.memory(pid) for name, pid in self.pids.items()}


@contextmanager
def configured(plane: ControlPlane, name: str, path: str, port: int) -> Iterator[tuple[Path, str]]:
    """A Service and a webhook configuration for NetworkPolicies; a folder with its certificate.

    Yields:
        The folder, and the address at which the webhook is to listen.
    """
    now = datetime.now(UTC)
    authority = new_authority("bench", now)
    pair = issue_serving_certificate(authority, [f"{name}.default.svc"], [], now)
    folder = plane.folder / name
    folder.mkdir()
    (folder / "tls.crt").write_bytes(pair.chain_pem)
    (folder / "tls.key").write_bytes(pair.key_pem)
    (folder / "ca.crt").write_bytes(authority.certificate_pem)
    address = plane.new_address()
    plane.kubectl("create", "service", "clusterip", name, f"--tcp=443:{port}")
    plane.service_backend("default", name, [address], port)
    plane.kubectl("create", "-f", "-", stdin=configuration(name, path, authority.certificate_pem))
    try:
        yield folder, address
    finally:
        plane.kubectl("delete", f"validatingwebhookconfiguration/{name}", f"service/{name}")


def configuration(name: str, path: str, ca: bytes) -> dict[str, Any]:
    """A configuration that sends every NetworkPolicy to a Service, and passes where it is away."""
    rule = {
        "apiGroups": ["networking.k8s.io"],
        "apiVersions": ["v1"],
        "operations": ["*"],
        "resources": ["networkpolicies"],
    }
    service = {"namespace": "default", "name": name, "path": path}
    webhook = {
        "name": f"{name}.bench.dev",
        "clientConfig": {"service": service, "caBundle": base64.b64encode(ca).decode()},
        "rules": [rule],
        "failurePolicy": "Ignore",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [webhook],
    }


@contextmanager
def go(plane: ControlPlane) -> Iterator[Running]:
    """The do-nothing Go webhook."""
    binary = admission.build(admission.CACHE / "bench", ["noop"])["noop"]
    with configured(plane, "noop", "/validate", 9443) as (folder, address):
        cert, key = folder / "tls.crt", folder / "tls.key"
        flags = [f"--address={address}:9443", f"--cert={cert}", f"--key={key}"]
        process = plane.exec([str(binary), *flags], address=address)
        time.sleep(2)  # the API server takes the configuration up
        try:
            yield Running({"webhook": process.pid})
        finally:
            process.terminate()


@contextmanager
def gatekeeper(plane: ControlPlane) -> Iterator[Running]:
    """Gatekeeper with one Rego constraint on NetworkPolicies.

    Raises:
        ControlPlaneError: it cannot be built, or does not start.
    """
    binary = provide(GATEKEEPER)
    plane.kubectl("apply", "--server-side", "-f", str(_sources() / "charts/gatekeeper/crds"))
    plane.kubectl("create", "namespace", "gatekeeper-system")
    with configured(plane, "gatekeeper", "/v1/admit", 8443) as (folder, address):
        flags = [
            *(f"--host={address}", "--port=8443", f"--cert-dir={folder}"),
            *(
                "--disable-cert-rotation",
                "--shutdown-delay=0",
                f"--health-addr={address}:9090",
                "--metrics-addr=0",
            ),
            *("--prometheus-port=9091", "--operation=webhook", "--operation=generate"),
            *("--debug-use-fake-pod", "--log-level=ERROR"),
        ]
        account = {
            "KUBECONFIG": str(_kubeconfig(plane, folder)),
            "POD_NAMESPACE": "gatekeeper-system",
            "POD_NAME": "gatekeeper",
        }

        def start() -> subprocess.Popen[Any]:
            with (folder / "log").open("ab") as log:
                command = [str(binary), *flags]
                options = {"env": account, "stdout": log, "stderr": log, "cwd": folder}
                return plane.exec(command, address=address, **options)

        process = start()
        try:
            _wait(lambda: _applied(plane, TEMPLATE) and _applied(plane, CONSTRAINT), folder)
            _wait(lambda: _judges(plane), folder)
            process.terminate()
            process.wait()
            began = time.monotonic()
            process = start()  # once more, for the time that a restart takes
            health = plane.forward(address, 9090)
            _wait(lambda: _is_ready(health), folder)
            ready = time.monotonic() - began
            _wait(lambda: _judges(plane), folder)
            yield Running({"webhook": process.pid}, ready)
        finally:
            process.terminate()


def _sources() -> Path:
    """The folder of Gatekeeper's module, where its custom resources are."""
    toolchain = find_toolchain(MODULE, admission.CACHE)
    command = [str(toolchain.go), "list", "-m", "-f", "{{.Dir}}", PACKAGE]
    done = subprocess.run(
        command, cwd=MODULE, env=toolchain.environment(), capture_output=True, text=True, check=True
    )
    return Path(done.stdout.strip())


def _kubeconfig(plane: ControlPlane, folder: Path) -> Path:
    """A kubeconfig that leads to the API server from where a Pod is."""
    found = plane.kubeconfig("gatekeeper", ["system:masters"]).read_text()
    path = folder / "kubeconfig"
    path.write_text(found.replace("https://127.0.0.1:", f"https://{plane.network.api_address}:"))
    path.chmod(0o600)
    return path


def _applied(plane: ControlPlane, manifest: Mapping[str, Any]) -> bool:
    done = plane.kubectl("apply", "-f", "-", stdin=manifest, check=False)
    return done.returncode == 0


def _judges(plane: ControlPlane) -> bool:
    """Whether a policy that breaks the constraint is refused."""
    metadata = {"name": "open", "namespace": "default"}
    spec = {"podSelector": {}, "ingress": [{}]}
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": spec,
    }
    done = plane.kubectl("create", "--dry-run=server", "-f", "-", stdin=policy, check=False)
    return done.returncode != 0 and "lets everybody in" in done.stderr


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _wait(condition: Any, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            tail = (folder / "log").read_text(errors="replace")[-2000:]
            raise ControlPlaneError(f"gatekeeper does not start:\n{tail}")
        time.sleep(0.05)
