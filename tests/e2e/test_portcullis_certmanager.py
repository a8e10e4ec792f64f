"""certificates.mode cert-manager with the real cert-manager: issue, renew, from mode to mode, gone.

Its controller and cainjector run from their Go module, beside the control plane. A kubelet's part,
to bring a changed Secret into the Pods' volumes, is played by hand. The order matters.
"""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.controlplane.cert_manager import NAMESPACE as CERT_MANAGER
from tests.controlplane.cert_manager import CertManager
from tests.controlplane.errors import UnavailableError
from tests.controlplane.fixtures import started
from tests.controlplane.installation import (
    CHART,
    NAMESPACE,
    RELEASE,
    Installation,
    Release,
)
from tests.controlplane.plane import ControlPlane
from tests.e2e import load as writing
from tests.e2e import world
from tests.e2e.issued import (
    ROOT,
    TLS,
    certificate,
    corporate,
    forget,
    leaf,
    owners,
    pair,
    processes,
    renew,
    serials,
    served,
    taken_up,
    trusted,
)
from tests.e2e.load import Load, load_on
from tests.e2e.test_portcullis_lifecycle import KINDS, bundles
from webhook import cli

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.skipif(
        "PORTCULLIS_CERTMANAGER" not in os.environ,
        reason="builds cert-manager, which takes minutes: make certmanager",
    ),
]

BY_HAND = "endpointslice.discovery.k8s.io/portcullis-by-hand"
"""Of the tests' own: there is no kubelet that makes Pods ready."""
INJECTOR = "cert-manager-cainjector"
OURS = {**world.VALUES, "certificates": {"refreshPeriod": 1}}
THEIRS = {**world.VALUES, "certificates": {"mode": "cert-manager"}}
OWN = {
    **world.VALUES,
    "certificates": {"mode": "existing-secret", "existingSecret": {"name": "own"}},
}
CORPORATE = {
    "mode": "cert-manager",
    "certManager": {"issuerRef": {"name": "corporate", "kind": "ClusterIssuer"}},
}


@pytest.fixture(scope="module")
def plane(request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    """A cluster, and what the load writes to."""
    with started(request) as plane:
        if not plane.isolated:
            pytest.skip("no network namespaces here, so no Services")
        plane.kubectl("create", "namespace", "kube-flannel")
        world.create(plane, world.config_map(*world.LISTED[0], world.VXLAN))
        yield plane


@pytest.fixture(scope="module")
def cert_manager(request: pytest.FixtureRequest, plane: ControlPlane) -> CertManager:
    """Built on first use, which is told past pytest's capture."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    try:
        with capture.global_and_fixture_disabled():
            return CertManager(plane)
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def installed(cert_manager: CertManager) -> Iterator[Installation]:
    """Portcullis on it; its Pods start when the Secret is there, as a kubelet has them wait."""
    plane = cert_manager.plane
    with Installation(plane, values=THEIRS, replicas=0) as installation:
        world.eventually(lambda: pair(plane), 60)
        installation.recover()
        world.seal(plane, writing.SEALED)
        yield installation


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Any:
    """Prints a figure past pytest's capture."""

    def tell(text: str, load: Load | None = None) -> None:
        with capsys.disabled():
            print(f"\n{text}{f': {load.figures()}' if load else ''}")

    return tell


def test_it_issues_and_its_cainjector_has_the_api_server_trust_us(
    installed: Installation, plane: ControlPlane, capsys: pytest.CaptureFixture[str], tell: Any
) -> None:
    """The replicas serve its certificate, every caBundle is its CA, and what is Fail is judged."""
    (authority,) = serials(pair(plane)["ca.crt"])
    with load_on(installed) as load:
        time.sleep(2)
    done = plane.kubectl(
        "delete", "networkpolicy", "portcullis-deny-all", "-n", "rolling", check=False
    )
    tell("cert-manager's certificate", load)

    assert trusted(plane) == [{authority}] * len(bundles(plane))
    assert all(served(replica) == {leaf(plane)} for replica in installed.replicas)
    assert load.errors == []
    assert "networkpolicies.portcullis.dev" in world.refused(done)
    assert cli.main(["certs", "show", "--kubeconfig", str(plane.admin_kubeconfig)]) == 0
    assert "complete" in capsys.readouterr().out


def test_nobody_fights_for_the_ca_bundles(installed: Installation, plane: ControlPlane) -> None:
    """They are cainjector's alone: neither writes again, and we do not even try."""

    def configurations() -> list[Any]:
        return [plane.get(kind, RELEASE) for kind in KINDS]

    before = configurations()
    time.sleep(6)

    assert configurations() == before
    assert owners(plane, "f:caBundle") == {INJECTOR}
    assert "orbidden" not in installed.logs()


def test_a_renewal_costs_no_request(
    installed: Installation, plane: ControlPlane, tell: Any
) -> None:
    """The nodes' kubelets bring it one after another, it is served without a restart, 0 errors."""
    before, running = trusted(plane), [processes(it) for it in installed.replicas]
    with load_on(installed) as load:
        issued = renew(plane, TLS)
        seconds = taken_up(installed)
    tell(f"renewed in {issued:.1f} s, served {seconds} after the kubelets' part", load)

    assert load.errors == []
    assert trusted(plane) == before
    assert all(running)
    assert [processes(it) for it in installed.replicas] == running


def test_another_authority_costs_no_request(
    installed: Installation, plane: ControlPlane, tell: Any
) -> None:
    """Its cainjector adds it to what is trusted, so that the certificates of before serve on.

    It takes none away that has not expired; who does so by hand has his way.
    """
    (former,) = serials(pair(plane)["ca.crt"])
    with load_on(installed) as load:
        renew(plane, ROOT)
        issued = renew(plane, TLS)
        (new,) = serials(pair(plane)["ca.crt"])
        both = world.eventually(lambda: all(it == {former, new} for it in trusted(plane)), 10)
        time.sleep(2)
        seconds = taken_up(installed)
        forget(plane, pair(plane)["ca.crt"])
        time.sleep(3)
    tell(f"another CA: issued in {issued:.1f} s, injected {both:.1f} s later, {seconds}", load)

    assert new != former
    assert load.errors == []
    assert trusted(plane) == [{new}] * len(bundles(plane))


def test_an_issuer_of_ones_own_takes_over_without_an_error(
    installed: Installation, plane: ControlPlane, tell: Any
) -> None:
    """A ClusterIssuer by `issuerRef`: the Certificate is issued anew; no Pod is replaced."""
    corporate(plane)
    (former,) = serials(pair(plane)["ca.crt"])
    with load_on(installed) as load:
        installed.upgrade({**THEIRS, "certificates": CORPORATE})
        theirs = pair(plane, "corporate", CERT_MANAGER)["tls.crt"]
        issued = world.eventually(lambda: pair(plane)["ca.crt"] == theirs, 30)
        world.eventually(lambda: all(serials(theirs) < it for it in trusted(plane)), 10)
        seconds = taken_up(installed)
    tell(f"a ClusterIssuer: issued in {issued:.1f} s, served {seconds}", load)

    assert load.errors == []
    assert all(former in it for it in trusted(plane))
    assert plane.get("issuer", RELEASE, NAMESPACE) is None


def test_to_a_ca_of_our_own_without_an_error(
    installed: Installation, plane: ControlPlane, tell: Any
) -> None:
    """An upgrade and a rollout; what the caBundles trusted is taken over, and their ownership."""
    with load_on(installed) as load:
        installed.upgrade(OURS)
        installed.roll()
    tell("from cert-manager to self-managed", load)

    assert load.errors == []
    assert plane.get("certificate", TLS, NAMESPACE) is None
    assert INJECTOR not in owners(plane, "f:name")
    assert all(not served(replica) & {leaf(plane)} for replica in installed.replicas)


def test_and_from_it_to_cert_manager_without_an_error(
    installed: Installation, plane: ControlPlane, tell: Any
) -> None:
    """Its cainjector adds its CA to ours, so the replicas of before are trusted until their end."""
    plane.kubectl("delete", "secret", TLS, ROOT, "-n", NAMESPACE)
    with load_on(installed) as load:
        installed.upgrade(THEIRS)
        issued = world.eventually(lambda: pair(plane), 30)
        installed.roll()
        time.sleep(1)
    tell(f"from self-managed to cert-manager, issued {issued:.1f} s after the upgrade", load)

    assert load.errors == []
    assert all(served(replica) == {leaf(plane)} for replica in installed.replicas)


def test_uninstalling_leaves_what_cert_manager_never_deletes(
    installed: Installation, plane: ControlPlane
) -> None:
    """Its Secrets; all else of the release goes, what it made for our Certificates included."""
    notes = plane.helm("get", "notes", RELEASE, "--namespace", NAMESPACE).stdout
    installed.close()
    kinds = plane.kubectl("api-resources", "--verbs=list", "--namespaced", "-o", "name").stdout
    everything = ",".join(kind for kind in kinds.split() if not kind.startswith("events"))

    def left() -> set[str]:
        found = plane.kubectl("get", everything, "-n", NAMESPACE, "-o", "name").stdout
        return {it for it in found.split() if RELEASE in it}

    stays = {f"secret/{TLS}", f"secret/{ROOT}"}
    documented = {"secret/portcullis-ca", "lease.coordination.k8s.io/portcullis", BY_HAND}
    deadline = time.monotonic() + 60  # the garbage collector hears of new kinds every 30 s
    while left() - documented != stays and time.monotonic() < deadline:
        time.sleep(0.5)

    assert left() - documented == stays
    assert f"Secret {TLS}, Secret {ROOT}" in notes
    for kind in KINDS:
        assert plane.get(kind, RELEASE) is None


@pytest.fixture
def later(tmp_path: Path) -> Release:
    """A chart that brings one entry more."""
    chart = tmp_path / "portcullis"
    shutil.copytree(CHART, chart)
    entry = 'merge (dict "name" "later" "failurePolicy" "Ignore") $entry'
    with (chart / "templates" / "validatingwebhookconfiguration.yaml").open("a") as template:
        template.write(f'\n  {{{{- {entry} | include "portcullis.entry" | nindent 2 }}}}\n')
    return Release(chart)


def test_a_rollback_takes_entries_away_client_side(plane: ControlPlane, later: Release) -> None:
    """Server-side the half that cainjector owns of an entry would stay, which is refused."""

    def rollback(*flags: str) -> CompletedProcess[str]:
        where = ("--namespace", NAMESPACE)
        return plane.helm("rollback", RELEASE, "1", *where, *flags, check=False)

    with Installation(plane, values=THEIRS, replicas=0) as installation:
        world.eventually(lambda: all(trusted(plane)), 30)
        before = trusted(plane)
        installation.upgrade(THEIRS, later)
        world.eventually(lambda: all(trusted(plane)), 30)
        more = len(trusted(plane))
        done = rollback("--server-side=false")
        after = trusted(plane)
        installation.upgrade(THEIRS, later)
        world.eventually(lambda: all(trusted(plane)), 30)
        failed = rollback("--server-side=true")

    assert more == len(before) + 1
    assert done.returncode == 0
    assert after == before
    assert "sideEffects: Required value" in world.refused(failed)


def test_by_an_existing_secret_it_need_not_inject(
    plane: ControlPlane, cert_manager: CertManager, tell: Any
) -> None:
    """From a cainjector that replaces what is trusted, as before 1.19, to one's own Certificate.

    The first such change refuses the replicas of before until they are gone; the caBundles that
    we write overlap, also as the CA changes.
    """
    plane.kubectl("delete", "secret", "portcullis-ca", "-n", NAMESPACE)
    names = ["portcullis.portcullis-system.svc"]
    world.create(plane, certificate("own", NAMESPACE, "corporate", dnsNames=names))
    world.eventually(lambda: pair(plane, "own"), 30)
    cert_manager.restart_cainjector("CAInjectorMerging=false")
    with Installation(plane, values=OURS) as installation:
        with load_on(installation) as replaced:
            installation.upgrade(THEIRS)
            authority = serials(pair(plane)["ca.crt"])
            world.eventually(lambda: trusted(plane) == [authority] * len(trusted(plane)), 30)
            installation.roll()
        with load_on(installation) as kept:
            installation.upgrade(OWN)
            installation.roll()
            renew(plane, "corporate", CERT_MANAGER)
            renew(plane, "own")
            seconds = taken_up(installation, "own")
    tell("to cert-manager with a cainjector that replaces", replaced)
    tell(f"to an existing Secret, and another CA in it, served {seconds}", kept)

    assert any("x509: certificate signed by unknown authority" in it for it in replaced.errors)
    assert kept.errors == []
