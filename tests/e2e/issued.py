"""What the tests of the real cert-manager look at, and do to it."""

import base64
import json
import os
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from tests.controlplane.cert_manager import NAMESPACE as CERT_MANAGER
from tests.controlplane.installation import NAMESPACE, RELEASE, WEBHOOK_PORT, Installation, Replica
from tests.controlplane.plane import ControlPlane
from tests.e2e import world
from tests.e2e.test_portcullis_lifecycle import KINDS, bundles

TLS, ROOT = "portcullis-tls", "portcullis-root"
"""Certificates of the chart, and the Secrets that cert-manager fills for them."""


def pair(plane: ControlPlane, name: str = TLS, where: str = NAMESPACE) -> dict[str, bytes]:
    """The files of a Secret; none where there is no such Secret yet."""
    found = plane.get("secret", name, where) or {}
    return {key: base64.b64decode(value) for key, value in found.get("data", {}).items()}


def serials(pem: bytes) -> set[int]:
    """Which certificates these are."""
    return {it.serial_number for it in x509.load_pem_x509_certificates(pem)} if pem else set()


def trusted(plane: ControlPlane) -> list[set[int]]:
    """Which authorities the caBundle of each entry names."""
    return [serials(base64.b64decode(bundle)) for bundle in bundles(plane)]


def synced(plane: ControlPlane, replica: Replica, secret: str = TLS) -> None:
    """Write the Secret into a Pod's volumes, as its node's kubelet does at some time."""
    volumes = plane.folder / "pods" / NAMESPACE / replica.name / "volumes"
    for name, content in pair(plane, secret).items():
        for file in volumes.glob(f"tls*/{name}"):
            file.write_bytes(content)


def served(replica: Replica) -> set[int]:
    """Serials of the certificates that its workers serve: a dozen connections meet all of them."""
    port = replica.webhook._kubelet.forward(WEBHOOK_PORT)
    shown = (ssl.get_server_certificate(("127.0.0.1", port)) for _ in range(12))
    return {serial for pem in shown for serial in serials(pem.encode())}


def processes(replica: Replica) -> set[int]:
    """Those of its webhook."""
    session, found = replica.webhook.daemon.popen.pid, set()
    for pid in (int(path.name) for path in Path("/proc").glob("[0-9]*")):
        with suppress(ProcessLookupError):  # it has ended since
            if os.getsid(pid) == session:
                found.add(pid)
    return found


def leaf(plane: ControlPlane, secret: str = TLS) -> int:
    """Serial of the certificate that cert-manager issued last for the replicas."""
    return x509.load_pem_x509_certificate(pair(plane, secret)["tls.crt"]).serial_number


def renew(plane: ControlPlane, name: str, where: str = NAMESPACE) -> float:
    """Have a Certificate issued anew, as `cmctl renew` does; seconds until its Secret changed."""
    before = pair(plane, name, where)
    condition = {
        "type": "Issuing",
        "status": "True",
        "reason": "ManuallyTriggered",
        "message": "Certificate re-issuance manually triggered",
        "lastTransitionTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    patch = [{"op": "add", "path": "/status/conditions/-", "value": condition}]
    options = ("-n", where, "--subresource=status", "--type=json")
    plane.kubectl("patch", "certificate", name, *options, "-p", json.dumps(patch))
    return world.eventually(lambda: pair(plane, name, where) != before, 30)


def taken_up(installed: Installation, secret: str = TLS) -> str:
    """Seconds until each replica serves the new certificate, its kubelet one after another."""
    plane, new, seconds = installed.plane, leaf(installed.plane, secret), list[float]()
    for replica in installed.replicas:
        synced(plane, replica, secret)
        seconds.append(world.eventually(lambda it=replica: served(it) == {new}, 60))
    return ", ".join(f"{it:.1f} s" for it in seconds)


def owners(plane: ControlPlane, field: str) -> set[str]:
    """Who owns such a field of the configurations."""
    shown = ("--show-managed-fields", "-o", "json")
    found = (json.loads(plane.kubectl("get", kind, RELEASE, *shown).stdout) for kind in KINDS)
    return {
        entry["manager"]
        for it in found
        for entry in it["metadata"]["managedFields"]
        if field in json.dumps(entry)
    }


def forget(plane: ControlPlane, authority: bytes) -> None:
    """Trust nothing but this, as docs/certificates.md tells."""
    for kind in KINDS:
        found: Any = plane.get(kind, RELEASE)
        for entry in found["webhooks"]:
            entry["clientConfig"]["caBundle"] = base64.b64encode(authority).decode()
        plane.kubectl("replace", "-f", "-", stdin=found)


def certificate(name: str, where: str, issuer: str, **spec: Any) -> dict[str, Any]:
    """A Certificate, and the Secret of its name, by a ClusterIssuer."""
    common = {
        "secretName": name,
        "privateKey": {"algorithm": "ECDSA", "size": 256},
        "issuerRef": {"name": issuer, "kind": "ClusterIssuer"},
    }
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": name, "namespace": where},
        "spec": {**common, **spec},
    }


def corporate(plane: ControlPlane) -> None:
    """A ClusterIssuer with a CA, which a self-signing one has made."""
    kinds = {"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer"}
    world.create(
        plane,
        {**kinds, "metadata": {"name": "self-signed"}, "spec": {"selfSigned": {}}},
        certificate("corporate", CERT_MANAGER, "self-signed", isCA=True, commonName="corporate"),
        {**kinds, "metadata": {"name": "corporate"}, "spec": {"ca": {"secretName": "corporate"}}},
    )
    ready = ("wait", "--for=condition=Ready", "clusterissuer/corporate", "--timeout=30s")
    plane.kubectl(*ready)
