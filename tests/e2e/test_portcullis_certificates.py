"""Certificates of the installed webhook: mTLS, rotation and every kind of damage, under load.

One installation with mTLS on, on an API server that shows a client certificate to its webhooks
(docs/certificates.md). The order matters at the end, where other certificates take over.
"""

import base64
import http.client
import json
import os
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from certs.rotation import Rotation
from certs.state import decode
from tests import reviews
from tests.controlplane.fixtures import isolated
from tests.controlplane.installation import NAMESPACE, WEBHOOK_PORT, Installation, Replica
from tests.controlplane.pki import Authority, Pair
from tests.controlplane.plane import ControlPlane
from tests.e2e import world
from tests.e2e.test_portcullis_lifecycle import KINDS, bundles
from tests.e2e.test_portcullis_rolling import load_on
from webhook import cli
from webhook.cluster.bundles import WebhookBundles
from webhook.cluster.client import Api
from webhook.cluster.secrets import SecretStore

pytestmark = pytest.mark.controlplane

ALL_MODES = pytest.mark.skipif(
    "PORTCULLIS_MODES" not in os.environ, reason="two more rollouts: make modes"
)
NAME = "portcullis.portcullis-system.svc"
CALLER = "kube-apiserver-webhooks"
SECRET = ("secret", "portcullis-ca", "-n", NAMESPACE)
CLIENTS = Authority("webhook-clients")
POLICY = reviews.network_policy("web")
BODY = reviews.body("UPDATE", POLICY, POLICY)
VALUES = {
    **world.VALUES,
    "server": {
        "drainSeconds": 2,
        "mtls": {"clientCa": CLIENTS.pem.decode(), "allowedNames": [CALLER]},
    },
    "certificates": {"refreshPeriod": 1},
}


def admission_configuration(folder: Path) -> Path:
    """What docs/certificates.md tells an administrator to give to kube-apiserver."""
    pair = CLIENTS.client(CALLER, [])
    user = {
        "client-certificate-data": base64.b64encode(pair.certificate).decode(),
        "client-key-data": base64.b64encode(pair.key).decode(),
    }
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "users": [{"name": NAME, "user": user}],
    }
    configuration = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "WebhookAdmissionConfiguration",
        "kubeConfigFile": str(folder / "kubeconfig"),
    }
    plugins = [
        {"name": name, "configuration": configuration}
        for name in ("ValidatingAdmissionWebhook", "MutatingAdmissionWebhook")
    ]
    (folder / "kubeconfig").write_text(json.dumps(kubeconfig))
    path = folder / "admission.yaml"
    kinds = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration"}
    path.write_text(json.dumps({**kinds, "plugins": plugins}))
    return path


@pytest.fixture(scope="module")
def installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Portcullis, and what the load writes to."""
    configuration = admission_configuration(tmp_path_factory.mktemp("admission"))
    arguments = [f"--admission-control-config-file={configuration}"]
    with (
        isolated(request, api_server_args=arguments) as plane,
        Installation(plane, values=VALUES) as installation,
    ):
        plane.kubectl("create", "namespace", "kube-flannel")
        world.create(plane, world.config_map("kube-flannel", "kube-flannel-cfg", world.VXLAN))
        world.seal(plane, "rolling")
        yield installation


@pytest.fixture
def plane(installed: Installation) -> ControlPlane:
    """Its cluster."""
    return installed.plane


def current(plane: ControlPlane) -> Any:
    """The authority that signs."""
    found = plane.get("secret", "portcullis-ca", NAMESPACE)
    assert found is not None
    data = {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
    return decode(data).current


def ask(
    replica: Replica, path: str, trust: bytes, pair: Pair | None = None
) -> tuple[int, dict[str, Any]]:
    """One request to a replica, past the API server."""
    context = ssl.create_default_context(cadata=trust.decode())
    if pair is not None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(pair.certificate + pair.key)
            file.flush()
            context.load_cert_chain(file.name)
    port = replica.webhook._kubelet.forward(WEBHOOK_PORT)
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    context.check_hostname = False
    with closing(connection):
        connection.request("POST" if path != "/readyz" else "GET", path, BODY)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def shows(replica: Replica, authority_pem: bytes) -> bool:
    """Whether every worker serves a leaf of this authority: a dozen connections meet both."""
    try:
        return all(ask(replica, "/readyz", authority_pem)[0] == 200 for _ in range(12))
    except ssl.SSLCertVerificationError:
        return False


def certs(plane: ControlPlane, *arguments: str) -> int:
    """`portcullis certs` as the cluster's administrator."""
    return cli.main(["certs", *arguments, "--kubeconfig", str(plane.admin_kubeconfig)])


def test_reviews_are_for_the_api_server_alone(installed: Installation, plane: ControlPlane) -> None:
    """It shows its certificate, or no guarded write would pass; others are told that they may not.

    The probe of the kubelet shows none, and found the replicas ready.
    """
    replica, trust = installed.replicas[0], current(plane).certificate_pem
    strange = Authority("strangers").client(CALLER, [])
    with load_on(installed) as load:
        time.sleep(0.5)

    assert load.errors == []
    assert ask(replica, "/validate", trust, CLIENTS.client(CALLER, []))[0] == 200
    assert ask(replica, "/validate", trust, CLIENTS.client("system:node:worker", []))[0] == 403
    assert ask(replica, "/mutate", trust)[0] == 403
    assert ask(replica, "/readyz", trust)[0] == 200
    with pytest.raises(OSError, match=r"alert|EOF|closed|reset|[Bb]roken pipe"):
        ask(replica, "/validate", trust, strange)


def test_a_rotation_that_was_asked_for_costs_no_request(
    installed: Installation, plane: ControlPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    """Announced, waited for, signed with: every replica shows the new CA's leaf, 0 errors."""
    before = current(plane)
    with load_on(installed) as load:
        began = time.monotonic()
        code = certs(plane, "rotate")
        seconds = time.monotonic() - began
        new = current(plane)
        world.eventually(
            lambda: all(shows(it, new.certificate_pem) for it in installed.replicas), 40
        )
        leaves = time.monotonic() - began - seconds
    told = capsys.readouterr().out
    with capsys.disabled():
        print(f"\nCA rotated in {seconds:.1f} s, leaves {leaves:.1f} s later: {load.figures()}")

    assert code == 0
    assert [line.partition(":")[0] for line in told.splitlines()[1:]] == [
        "issued",
        "announced",
        "done",
    ]
    assert before.serial != new.serial
    assert load.errors == []
    assert certs(plane, "show") == 0
    standing = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert [f"{before.serial:x}", "previous"] in standing  # a serial may be a digit shorter


def patched(*operations: dict[str, Any]) -> Callable[[ControlPlane], None]:
    """A change of the Secret by hand."""
    return lambda plane: void(
        plane.kubectl("patch", *SECRET, "--type=json", "-p", json.dumps(operations))
    )


def void(_done: object) -> None:
    return None


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda plane: void(plane.kubectl("delete", *SECRET)), id="deleted"),
        pytest.param(patched({"op": "remove", "path": "/data"}), id="emptied"),
        pytest.param(
            patched({"op": "replace", "path": "/data/ca.key", "value": "Z2FyYmFnZQ=="}),
            id="corrupted",
        ),
    ],
)
def test_a_damaged_secret_is_replaced_without_an_error(
    installed: Installation,
    plane: ControlPlane,
    damage: Callable[[ControlPlane], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Another CA is issued and announced; leaves of the lost one stay trusted all the while."""
    before = current(plane)
    with load_on(installed) as load:
        damage(plane)
        seconds = world.eventually(
            lambda: (
                plane.get("secret", "portcullis-ca", NAMESPACE) is not None
                and (now := current(plane)) is not None
                and now.serial != before.serial
            ),
            40,
        )
    with capsys.disabled():
        print(f"\nanother CA signs after {seconds:.1f} s: {load.figures()}")
    live = {base64.b64decode(bundle) for bundle in bundles(plane)}

    assert load.errors == []
    assert len(live) == 1
    assert before.certificate_pem in live.pop()


def test_a_foreign_secret_is_left_alone(
    installed: Installation, plane: ControlPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who takes our label away makes it his; it is told, and all goes on with what there is."""
    label = ("label", *SECRET)
    plane.kubectl(*label, "portcullis.dev/managed-by-")
    before = plane.get("secret", "portcullis-ca", NAMESPACE)
    with load_on(installed) as load:
        world.eventually(lambda: "leaving the Secret alone" in installed.logs())
    after = plane.get("secret", "portcullis-ca", NAMESPACE)
    code = certs(plane, "show")
    plane.kubectl(*label, "portcullis.dev/managed-by=portcullis")
    world.eventually(lambda: "certificates are looked after again" in installed.logs())

    assert before == after
    assert load.errors == []
    assert code == 1
    assert "is not Portcullis's: it lacks the label" in capsys.readouterr().out


@pytest.mark.parametrize("value", ["Z2FyYmFnZQ==", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"])
def test_garbage_in_one_entry_is_replaced(plane: ControlPlane, value: str) -> None:
    """The API server takes any bytes for a caBundle."""
    before = bundles(plane)
    patch = [{"op": "replace", "path": "/webhooks/1/clientConfig/caBundle", "value": value}]
    plane.kubectl("patch", KINDS[0], "portcullis", "--type=json", "-p", json.dumps(patch))

    world.eventually(lambda: bundles(plane) == before, 60)


def test_a_replica_that_nobody_would_trust_is_not_ready(
    installed: Installation, plane: ControlPlane
) -> None:
    """It says why; the controllers, whether or not a replica is ready, put the caBundles back."""
    trust = current(plane).certificate_pem
    world.eventually(lambda: all(shows(it, trust) for it in installed.replicas), 40)
    for replica in installed.replicas:
        replica.controller.stop()
    for kind in KINDS:
        found = plane.get(kind, "portcullis")
        assert found is not None
        path = "/webhooks/{}/clientConfig/caBundle"
        numbers = range(len(found["webhooks"]))
        wipe = [{"op": "remove", "path": path.format(number)} for number in numbers]
        plane.kubectl("patch", kind, "portcullis", "--type=json", "-p", json.dumps(wipe))
    started = installed.start_replica()
    started.controller.kill()
    log = started.webhook.daemon.log
    world.eventually(lambda: "does not verify our certificate: it is empty" in log.read_text(), 30)
    ready = started.webhook.answers(started.webhook.spec["readinessProbe"]["httpGet"])
    others = [shows(it, trust) for it in installed.replicas[:-1]]
    started.start("controller")
    started.wait_ready()
    for replica in installed.replicas[:-1]:
        replica.start("controller")
    installed.retire(started)

    assert not ready
    assert all(others)
    assert all(bundles(plane))


def test_many_that_race_make_one_authority(plane: ControlPlane) -> None:
    """Eight keepers that start at once, on a namespace that has no Secret yet."""
    plane.kubectl("create", "namespace", "race")
    barrier, states = threading.Barrier(8), []

    def keep() -> None:
        api = Api.connect(str(plane.admin_kubeconfig), connections=2, version="test")
        store = SecretStore(api, "race", "race-ca")
        rotation = Rotation(store, WebhookBundles(api, "race"), lambda: datetime.now(UTC))
        barrier.wait()
        rotation.step()
        found = store.load()
        assert found is not None
        states.append(decode(found.data))
        api.close()

    threads = [threading.Thread(target=keep) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    final = plane.get("secret", "race-ca", "race")
    assert final is not None

    assert len(states) == 8
    (signing,) = {it.current.serial for it in states if it.current}
    assert (
        signing
        == decode(
            {key: base64.b64decode(value) for key, value in final["data"].items()}
        ).current.serial
    )


def tls_secret(pair: Pair, authority: Authority) -> dict[str, Any]:
    data = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": authority.pem}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": "theirs", "namespace": NAMESPACE},
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }


def synced(plane: ControlPlane, replica: Replica, pair: Pair, authority: Authority) -> None:
    """Write the Secret's files into a Pod's volumes, as its node's kubelet does at some time."""
    volumes = plane.folder / "pods" / NAMESPACE / replica.name / "volumes"
    for name, content in (("tls.crt", pair.certificate), ("tls.key", pair.key)):
        (volumes / "tls" / name).write_bytes(content)
    (volumes / "tls-ca" / "ca.crt").write_bytes(authority.pem)


def test_somebody_elses_certificates_take_over_without_an_error(
    installed: Installation, plane: ControlPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a CA of our own to an existing Secret, by an upgrade and a rollout.

    Then its CA changes, which one node's kubelet sees long before the other's.
    """
    first, second = Authority("theirs"), Authority("theirs, later")
    pair, later = first.serving([NAME]), second.serving([NAME])
    plane.kubectl("create", "-f", "-", stdin=tls_secret(pair, first))
    existing = {"mode": "existing-secret", "existingSecret": {"name": "theirs"}}
    with load_on(installed) as load:
        installed.upgrade({**VALUES, "certificates": existing})
        for old in list(installed.replicas):
            installed.recover(1)
            installed.retire(old)
        taken = all(shows(it, first.pem) for it in installed.replicas)
        ahead, behind = installed.replicas
        synced(plane, ahead, later, second)
        seconds = world.eventually(lambda: shows(ahead, second.pem), 60)
        between = shows(behind, first.pem)
        synced(plane, behind, later, second)
        world.eventually(lambda: shows(behind, second.pem), 60)
    (live,) = {base64.b64decode(bundle) for bundle in bundles(plane)}
    with capsys.disabled():
        print(f"\nfiles of another CA served after {seconds:.1f} s: {load.figures()}")

    assert taken
    assert between
    assert load.errors == []
    assert first.pem in live
    assert second.pem in live


def stub(kind: str) -> dict[str, Any]:
    """A kind of cert-manager's, of which the chart makes objects; nobody acts on them here."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.cert-manager.io"},
        "spec": {
            "group": "cert-manager.io",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [version],
        },
    }


def inject(plane: ControlPlane, pem: bytes) -> None:
    """Write every caBundle, as cainjector does."""
    value = base64.b64encode(pem).decode()
    for kind in KINDS:
        found = plane.get(kind, "portcullis")
        assert found is not None
        path = "/webhooks/{}/clientConfig/caBundle"
        numbers = range(len(found["webhooks"]))
        patch = [{"op": "add", "path": path.format(it), "value": value} for it in numbers]
        plane.kubectl("patch", kind, "portcullis", "--type=json", "-p", json.dumps(patch))


@ALL_MODES
def test_cert_manager_keeps_it_all(
    installed: Installation, plane: ControlPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its Secret serves, its caBundle stands or falls with it; we do not write, and have no right.

    cert-manager is played by hand; test_portcullis_certmanager.py runs it. What the caBundles
    trusted before is injected with its CA, so that the replicas of before are accepted until they
    are gone.
    """
    world.create(plane, stub("Certificate"), stub("Issuer"))
    for plural in ("certificates", "issuers"):
        crd = f"crd/{plural}.cert-manager.io"
        plane.kubectl("wait", "--for=condition=Established", crd, "--timeout=30s")
    theirs = Authority("cert-manager's")
    secret = tls_secret(theirs.serving([NAME]), theirs)
    secret["metadata"]["name"] = "portcullis-tls"
    world.create(plane, secret)
    with load_on(installed) as load:
        former = base64.b64decode(bundles(plane)[0])
        installed.upgrade({**VALUES, "certificates": {"mode": "cert-manager"}})
        inject(plane, former + theirs.pem)
        for old in list(installed.replicas):
            installed.recover(1)
            installed.retire(old)
        taken = all(shows(it, theirs.pem) for it in installed.replicas)
    inject(plane, theirs.pem + former)
    time.sleep(3)
    left = {base64.b64decode(bundle) for bundle in bundles(plane)}
    code = certs(plane, "rotate")
    with capsys.disabled():
        print(f"\ncert-manager's certificate takes over: {load.figures()}")

    assert taken
    assert load.errors == []
    assert left == {theirs.pem + former}
    assert code == 2
    assert "certificates.mode is cert-manager" in capsys.readouterr().err


@ALL_MODES
def test_and_back_to_a_ca_of_our_own(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the Secret of before out of the way, what the caBundles trust is taken over."""
    installed.plane.kubectl("delete", *SECRET)
    with load_on(installed) as load:
        installed.upgrade(VALUES)
        for old in list(installed.replicas):
            installed.recover(1)
            installed.retire(old)
        trust = current(installed.plane).certificate_pem
        ours = all(shows(it, trust) for it in installed.replicas)
    with capsys.disabled():
        print(f"\nback to a CA of our own: {load.figures()}")

    assert ours
    assert load.errors == []
    assert "PRIVATE KEY" not in installed.logs()
