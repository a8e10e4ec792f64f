"""Calico's configuration through the real API server: kubectl, the chart's entries, our replica."""

import json
import time
from collections.abc import Iterator
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.controlplane.fixtures import isolated
from tests.controlplane.installation import Installation
from tests.controlplane.plane import ControlPlane
from tests.e2e import world
from tests.enforcement.manifests import container, manifest
from tests.reviews import calico_config, felix_configuration, ip_pool, network_policy

pytestmark = pytest.mark.controlplane

VALUES = {**world.VALUES, "allowSingleReplica": True, "replicaCount": 1}
GROUPS = {"crd.projectcalico.org": "v1", "projectcalico.org": "v3"}
KINDS = {
    "ippools": "IPPool",
    "ipamblocks": "IPAMBlock",
    "felixconfigurations": "FelixConfiguration",
}
FINALIZER = "projectcalico.org/ippool-finalizer"
API_SERVER = "system:serviceaccount:calico-apiserver:calico-apiserver"
BLOCK = "10.244.3.64/26"
USED, UNUSED, HELD = "used", "unused", "held"
POOL, V3_POOL = "ippools.crd.projectcalico.org", "ippools.projectcalico.org"
FELIX = "felixconfigurations.crd.projectcalico.org"
OVERRIDE = {"metadata": {"annotations": {"portcullis.dev/override": "CHG-7"}}}


def crd(group: str, plural: str) -> dict[str, Any]:
    """A CustomResourceDefinition that takes anything."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    kind = KINDS[plural]
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    version = {
        "name": GROUPS[group],
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": anything},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "names": names, "scope": "Cluster", "versions": [version]},
    }


@pytest.fixture(scope="module")
def plane(request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    """A control plane of its own: Calico's CRDs, flannel's DaemonSet and us; nothing is live."""
    with isolated(request) as plane:
        crds = [crd(group, plural) for group in GROUPS for plural in KINDS]
        flannel = container("kube-flannel", "ghcr.io/flannel-io/flannel:v0.28.10")
        create(plane, *crds, manifest("kube-system/kube-flannel-ds", flannel), calico_config())
        names = [f"crd/{each['metadata']['name']}" for each in crds]
        plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
        pools = [
            ip_pool(USED, ipipMode="Always", natOutgoing=True),
            ip_pool(UNUSED, cidr="10.99.0.0/16", ipipMode="Always"),
            ip_pool(HELD, ipipMode="Always", metadata={"finalizers": [FINALIZER]}),
        ]
        create(plane, *pools, *map(as_v3, pools), felix_configuration())
        with Installation(plane, replicas=1, values=VALUES):
            wait_until_called(plane)
            yield plane


@pytest.fixture(scope="module")
def live(plane: ControlPlane) -> ControlPlane:
    """The same with a block in the first pool."""
    block = {
        "apiVersion": "crd.projectcalico.org/v1",
        "kind": "IPAMBlock",
        "metadata": {"name": "10-244-3-64-26"},
        "spec": {"cidr": BLOCK},
    }
    create(plane, block)
    return plane


def as_v3(pool: dict[str, Any]) -> dict[str, Any]:
    return {**pool, "apiVersion": "projectcalico.org/v3"}


def create(plane: ControlPlane, *manifests: dict[str, Any]) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
    plane.kubectl("create", "-f", "-", stdin=items)


def wait_until_called(plane: ControlPlane) -> None:
    """The API server takes new webhooks up within a second or so."""
    end = time.monotonic() + 20
    while "keep ipip on" not in new(plane, ip_pool("probe")).stderr:
        assert time.monotonic() < end, "the API server calls no webhook"
        time.sleep(0.2)


def new(plane: ControlPlane, manifest: dict[str, Any]) -> CompletedProcess[str]:
    return plane.kubectl("create", "--dry-run=server", "-f", "-", stdin=manifest, check=False)


def patched(
    plane: ControlPlane, kind: str, name: str, patch: dict[str, Any], *flags: str
) -> CompletedProcess[str]:
    text = json.dumps(patch)
    base = ("patch", kind, name, "--type=merge", "--patch", text, *flags)
    return plane.kubectl(*base, "--dry-run=server", check=False)


def spec(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


def refusal(done: CompletedProcess[str]) -> str | None:
    """The id of the check that refused, None where nothing did; other failures fail the test."""
    if done.returncode == 0:
        return None
    marker = "guards.portcullis.dev/"
    assert marker in done.stderr, done.stderr
    return done.stderr.partition(marker)[2].split()[0].rstrip(";")


CHANGES = [
    pytest.param(POOL, USED, spec(ipipMode="Never"), "ippool-encapsulation-live", id="ipip"),
    pytest.param(POOL, USED, spec(vxlanMode="Always"), "ippool-encapsulation-live", id="vxlan"),
    pytest.param(POOL, USED, spec(cidr="10.0.0.0/8"), "ippool-cidr-live", id="cidr"),
    pytest.param(POOL, USED, spec(blockSize=24), "ippool-blocksize-live", id="block-size"),
    pytest.param(POOL, USED, spec(natOutgoing=False), "ippool-nat-live", id="nat"),
    pytest.param(V3_POOL, USED, spec(ipipMode="Never"), "ippool-encapsulation-live", id="v3"),
    pytest.param(FELIX, "default", spec(ipipEnabled=False), "felix-tunnel-live", id="felix"),
    pytest.param(FELIX, "default", spec(vxlanVNI=7), "felix-tunnel-live", id="vni"),
]
DATA = [
    pytest.param({"calico_backend": "vxlan"}, "calico-backend-live", id="backend"),
    pytest.param({"etcd_endpoints": "https://e:2379"}, "calico-datastore-live", id="datastore"),
]
CONFIG = ("configmap", "calico-config")
KUBE_SYSTEM = ("--namespace", "kube-system")


@pytest.mark.parametrize(("kind", "name", "patch", "check"), CHANGES)
def test_before_calico_runs_everything_is_free(plane, kind, name, patch, check) -> None:
    """A cluster that is being built may be built either way."""
    assert refusal(patched(plane, kind, name, patch)) is None


@pytest.mark.parametrize(("data", "check"), DATA)
def test_before_calico_runs_its_config_is_free(plane, data, check) -> None:
    """With the Kubernetes API as its datastore, or with etcd."""
    assert refusal(patched(plane, *CONFIG, {"data": data}, *KUBE_SYSTEM)) is None


def test_a_new_policy_without_effect_is_warned_of(plane) -> None:
    """Where flannel alone runs: kubectl prints the warning, and the policy stands."""
    done = new(plane, network_policy("mine", "default"))

    assert done.returncode == 0
    assert "Warning: flannel alone does not enforce NetworkPolicy" in done.stderr


@pytest.mark.parametrize(("kind", "name", "patch", "check"), CHANGES)
def test_on_a_live_cluster_it_is_refused(live, kind, name, patch, check) -> None:
    """Each by its own check, in both groups of Calico's API."""
    assert refusal(patched(live, kind, name, patch)) == check


@pytest.mark.parametrize(("data", "check"), DATA)
def test_on_a_live_cluster_its_config_stays(live, data, check) -> None:
    """Backend and datastore, by a check each."""
    assert refusal(patched(live, *CONFIG, {"data": data}, *KUBE_SYSTEM)) == check


@pytest.mark.parametrize(
    ("kind", "name", "patch"),
    [
        pytest.param(POOL, UNUSED, spec(ipipMode="Never"), id="unused-pool"),
        pytest.param(POOL, USED, spec(vxlanMode="Never"), id="default-written-out"),
        pytest.param(POOL, USED, spec(disabled=True), id="disabled"),
        pytest.param(POOL, HELD, {"metadata": {"finalizers": []}}, id="finalizer"),
        pytest.param(FELIX, "default", spec(logSeverityScreen="Debug"), id="felix-logs"),
        pytest.param(FELIX, "default", spec(bpfEnabled=True), id="ebpf"),
    ],
)
def test_on_a_live_cluster_it_is_let_through(live, kind, name, patch) -> None:
    """What harms nobody, or is tolerable."""
    assert refusal(patched(live, kind, name, patch)) is None


@pytest.mark.parametrize(
    ("kind", "name", "check"),
    [
        (POOL, USED, "ippool-deleted-in-use"),
        (V3_POOL, USED, "ippool-deleted-in-use"),
        (POOL, UNUSED, None),
        (POOL, HELD, None),
    ],
)
def test_deletion_of_pools(live, kind, name, check) -> None:
    """Not under its pods, unless Calico itself holds it until they are gone."""
    done = live.kubectl("delete", kind, name, "--dry-run=server", check=False)

    assert refusal(done) == check


def test_deletion_of_the_config(live) -> None:
    """calico-node's next Pods would not start."""
    done = live.kubectl("delete", *CONFIG, *KUBE_SYSTEM, "--dry-run=server", check=False)

    assert refusal(done) == "calico-config-removed-live"


def test_calicos_api_server_is_not_asked_twice(live) -> None:
    """What it writes was judged when it was asked."""
    who = ("--as", API_SERVER, "--as-group", "system:masters")

    assert refusal(patched(live, POOL, USED, spec(ipipMode="Never"), *who)) is None
    assert refusal(patched(live, V3_POOL, USED, spec(ipipMode="Never"), *who)) is not None


def test_a_pool_over_blocks_of_another_size(live) -> None:
    """The CRD would let it be made, calicoctl would not."""
    assert refusal(new(live, ip_pool("new", blockSize=24))) == "ippool-blocksize-live"


def test_break_glass(live) -> None:
    """The annotation and the permission together; the Event tells who."""
    wish = {**spec(ipipMode="Never"), **OVERRIDE}
    text = json.dumps(wish)
    done = live.kubectl("patch", POOL, USED, "--type=merge", "--patch", text, check=False)

    assert done.returncode == 0, done.stderr
    assert "overridden ippool-encapsulation-live" in done.stderr
    end = time.monotonic() + 10
    while "GuardOverridden" not in live.kubectl("get", "events", "-A").stdout:
        assert time.monotonic() < end, "no Event"
        time.sleep(0.2)
