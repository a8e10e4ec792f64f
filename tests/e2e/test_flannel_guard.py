"""Every rating of a change of net-conf.json, on a live cluster and on a new one, through kubectl.

A control plane of its own, for what its one Node says decides. Each row is set up by an override
and tried as a dry run, so that no row leaves anything to the next.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane.fixtures import isolated
from tests.controlplane.installation import NAMESPACE, Installation
from tests.controlplane.plane import ControlPlane
from tests.e2e.flannel_rows import DUAL_POD_CIDRS, DUAL_ROWS, OLDER_ROWS, POD_CIDRS, ROWS
from tests.netconfs import conf

pytestmark = pytest.mark.controlplane

LISTED = {
    "flannel": ("kube-flannel", "kube-flannel-cfg"),
    "canal": ("kube-system", "canal-config"),
}
DAEMON_SETS = {"flannel": "kube-flannel-ds", "canal": "canal"}
PREFIX = "flannel.alpha.coreos.com"
RUNS_FLANNEL = {
    f"{PREFIX}/kube-subnet-manager": "true",
    f"{PREFIX}/backend-type": "vxlan",
    f"{PREFIX}/backend-data": '{"VNI":1,"VtepMAC":"02:00:00:00:00:01"}',
}
WISH = {"portcullis.dev/override": "sets up a test"}
CNI = '{"name": "cbr0", "plugins": [{"type": "flannel", "delegate": {}}]}'
TEMPLATE = '{"name": "k8s", "plugins": [{"type": "calico", "mtu": __CNI_MTU__}]}'
OTHERS = {
    "flannel": {"cni-conf.json": CNI},
    "canal": {
        "cni_network_config": TEMPLATE,
        "canal_iface": "",
        "masquerade": "true",
        "veth_mtu": "0",
    },
}
REFUSED = "on guards.portcullis.dev/"
"""Part of every refusal; what kubectl puts before it differs between Forbidden and Invalid."""
ALWAYS = {"netconf-readable", "netconf-limits", "netconf-podcidr-outside"}
"""Checks that a new cluster is held to as well: flannel could not start there."""


@pytest.fixture(scope="module")
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Portcullis on a control plane of its own, with flannel's and canal's ConfigMaps."""
    with isolated(request) as plane:
        add_node(plane, POD_CIDRS)
        plane.kubectl("create", "namespace", "kube-flannel")
        for which in LISTED:
            plane.kubectl("create", "-f", "-", stdin=manifest(which, conf()))
        values = {
            "preStopSeconds": 2,
            "server": {"drainSeconds": 2},
            "replicaCount": 1,
            "allowSingleReplica": True,
        }
        with Installation(plane, replicas=1, values=values) as installed:
            yield installed


@pytest.fixture(scope="module")
def plane(installation: Installation) -> ControlPlane:
    """Its control plane."""
    return installation.plane


def add_node(plane: ControlPlane, pod_cidrs: tuple[str, ...]) -> None:
    """The one Node; what podCIDRs it has can never change."""
    item = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "worker"},
        "spec": {"podCIDR": pod_cidrs[0], "podCIDRs": pod_cidrs},
    }
    plane.kubectl("delete", "node", "worker", "--ignore-not-found")
    plane.kubectl("create", "-f", "-", stdin=item)
    _stands.pop("node", None)


@pytest.fixture(scope="module")
def dual(plane: ControlPlane) -> Iterator[None]:
    """The Node is another one, with podCIDRs of both families."""
    add_node(plane, DUAL_POD_CIDRS)
    yield
    add_node(plane, POD_CIDRS)


@pytest.fixture
def live(plane: ControlPlane) -> None:
    """The Node says that flannel runs on it."""
    annotate(plane, [f"{key}={value}" for key, value in RUNS_FLANNEL.items()])


@pytest.fixture
def new(plane: ControlPlane) -> None:
    """The Node has never seen flannel."""
    annotate(plane, [f"{key}-" for key in RUNS_FLANNEL])


def annotate(plane: ControlPlane, words: list[str]) -> None:
    """Annotate the Node unless the test before did."""
    if _stands.get("node") != words:
        plane.kubectl("annotate", "node", "worker", "--overwrite", *words)
        _stands["node"] = words


_stands: dict[str, Any] = {}
"""What the tests so far have left: of the Node, and of each ConfigMap. Saves calls."""


def manifest(which: str, net_conf: str | None, *, wish: bool = False, **data: Any) -> Any:
    where, name = LISTED[which]
    texts = OTHERS[which] | ({} if net_conf is None else {"net-conf.json": net_conf}) | data
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": where, "annotations": WISH if wish else {}},
        "data": {key: text for key, text in texts.items() if text is not None},
    }


def put(plane: ControlPlane, item: Any, *flags: str, verb: str = "replace") -> str:
    """What kubectl says on its second stream, where refusals and warnings are."""
    if not flags:
        _stands.pop(item["metadata"]["name"], None)
    return plane.kubectl(verb, "-f", "-", *flags, stdin=item, check=False).stderr


def tried(plane: ControlPlane, which: str, before: str, after: str | None, **data: Any) -> str:
    """What a change is met with; nothing is kept of it."""
    name = LISTED[which][1]
    if _stands.get(name) != before:
        said = put(plane, manifest(which, before, wish=True))
        assert REFUSED not in said, said
        _stands[name] = before
    return put(plane, manifest(which, after, **data), "--dry-run=server")


@pytest.mark.parametrize("which", LISTED)
@pytest.mark.parametrize(("before", "after", "told"), ROWS)
@pytest.mark.usefixtures("live")
def test_on_a_live_cluster(
    plane: ControlPlane, which: str, before: str, after: str, told: str
) -> None:
    """X and B are refused, R and what has no effect are warned of, S is nobody's business."""
    judge(tried(plane, which, before, after), told)


def judge(said: str, told: str) -> None:
    """Hold what kubectl says against a row."""
    if told.startswith("!"):
        assert f"guards.portcullis.dev/{told[1:]}" in said
    else:
        assert REFUSED not in said
        assert told in said
        assert ("Warning: " in said) is bool(told)


@pytest.mark.parametrize("which", LISTED)
@pytest.mark.parametrize(("before", "after", "told"), ROWS)
@pytest.mark.usefixtures("new")
def test_on_a_new_cluster(
    plane: ControlPlane, which: str, before: str, after: str, told: str
) -> None:
    """All that flannel could start with is free."""
    said = tried(plane, which, before, after)

    assert (REFUSED in said) is (told[1:] in ALWAYS)
    assert "restarts next" not in said or told[1:] in ALWAYS


@pytest.mark.parametrize("which", LISTED)
@pytest.mark.parametrize(("before", "after", "told"), DUAL_ROWS)
@pytest.mark.usefixtures("dual", "live")
def test_on_a_live_cluster_of_both_families(
    plane: ControlPlane, which: str, before: str, after: str, told: str
) -> None:
    """A family that goes or comes, where every node has podCIDRs of both."""
    judge(tried(plane, which, before, after), told)


@pytest.mark.parametrize("which", LISTED)
@pytest.mark.parametrize(("before", "after", "told"), DUAL_ROWS)
@pytest.mark.usefixtures("dual", "new")
def test_on_a_new_cluster_of_both_families(
    plane: ControlPlane, which: str, before: str, after: str, told: str
) -> None:
    """Free, as everything there that flannel could start with."""
    assert REFUSED not in tried(plane, which, before, after)


@pytest.mark.parametrize("which", LISTED)
@pytest.mark.parametrize(("version", "before", "after", "told"), OLDER_ROWS)
@pytest.mark.usefixtures("live")
def test_on_a_live_cluster_of_an_older_flannel(
    plane: ControlPlane, which: str, version: str, before: str, after: str, told: str
) -> None:
    """The image of the DaemonSet tells what its flannel would do."""
    where, name = LISTED[which]
    runs = daemon_set(name=DAEMON_SETS[which], mounts=name, where=where, version=version)
    put(plane, runs, verb="create")
    said = tried(plane, which, before, after)
    put(plane, runs, verb="delete")

    judge(said, told)


@pytest.mark.usefixtures("live")
def test_the_upstream_manifest_over_a_customised_cluster(plane: ControlPlane) -> None:
    """The commonest accident is told as what it is."""
    custom = conf({"Type": "vxlan", "VNI": 4096, "Port": 4789}, Network="10.0.0.0/8")
    said = tried(plane, "flannel", custom, conf())

    assert "kubectl apply of kube-flannel.yml" in said
    assert "Backend.VNI: Forbidden: must stay 4096 on a live cluster, got 1" in said


@pytest.mark.usefixtures("live")
class TestOtherKeys:
    """cni-conf.json, canal's template and canal's keys."""

    def test_a_conflist_that_does_not_load(self, plane: ControlPlane) -> None:
        """Key by key, as apimachinery prints it."""
        broken = CNI.replace("{}", '{"ipam": {}}')
        said = tried(plane, "flannel", conf(), conf(), **{"cni-conf.json": broken})

        assert "data[cni-conf.json].plugins[0].delegate.ipam: " in said

    def test_canals_template(self, plane: ControlPlane) -> None:
        """It is no JSON, and not taken for some."""
        good = TEMPLATE.replace("k8s", "other")
        broken = TEMPLATE.replace("__CNI_MTU__", "")

        assert REFUSED not in tried(plane, "canal", conf(), conf(), cni_network_config=good)
        assert REFUSED in tried(plane, "canal", conf(), conf(), cni_network_config=broken)

    def test_a_key_that_canal_needs(self, plane: ControlPlane) -> None:
        """Its pods take it by a reference that is not optional."""
        said = tried(plane, "canal", conf(), conf(), veth_mtu=None)

        assert "data[veth_mtu]: Forbidden: must stay on a live cluster" in said

    def test_masquerade_has_no_effect(self, plane: ControlPlane) -> None:
        """Whoever changes it should know."""
        said = tried(plane, "canal", conf(), conf(), masquerade="false")

        assert "Warning: masquerade: has no effect" in said


@pytest.mark.usefixtures("live")
def test_a_toggle_through_delete_and_create(
    installation: Installation, plane: ControlPlane
) -> None:
    """What was taken away is remembered in our namespace, and a restart of ours loses nothing."""
    direct = conf({"DirectRouting": True})
    put(plane, manifest("flannel", direct, wish=True))
    removed = put(plane, manifest("flannel", direct), verb="delete")
    kept = plane.get("configmap", "portcullis-netconf", NAMESPACE)
    installation.start_replica()
    installation.serve(installation.replicas[-1:])
    plain = put(plane, manifest("flannel", conf()), verb="create")
    same = put(plane, manifest("flannel", direct), verb="create")

    assert REFUSED not in removed, removed
    assert kept is not None
    assert kept["data"] == {"kube-flannel.kube-flannel-cfg": direct}
    assert "Backend.DirectRouting: Forbidden: must stay true" in plain
    assert REFUSED not in same, same


@pytest.mark.usefixtures("live")
def test_a_second_memory_leaves_the_first(plane: ControlPlane) -> None:
    """Each ConfigMap is remembered under a field manager of its own."""
    put(plane, manifest("flannel", conf(), wish=True))
    for which in LISTED:
        put(plane, manifest(which, conf(), wish=True))
        put(plane, manifest(which, conf()), verb="delete")
        put(plane, manifest(which, conf()), verb="create")
    kept = plane.get("configmap", "portcullis-netconf", NAMESPACE)

    assert kept is not None
    assert set(kept["data"]) == {"kube-flannel.kube-flannel-cfg", "kube-system.canal-config"}


def daemon_set(
    *args: str,
    name: str = "kube-flannel-ds",
    mounts: str = "kube-flannel-cfg",
    where: str = "kube-flannel",
    version: str = "v0.28.10",
) -> Any:
    """A DaemonSet as flannel's own manifest has it, with further arguments."""
    labels = {"app": "flannel"}
    container = {
        "name": "kube-flannel",
        "image": f"ghcr.io/flannel-io/flannel:{version}",
        "command": ["/opt/bin/flanneld"],
        "args": ["--ip-masq", "--kube-subnet-mgr", *args],
        "volumeMounts": [{"name": "flannel-cfg", "mountPath": "/etc/kube-flannel/"}],
    }
    volume = {"name": "flannel-cfg", "configMap": {"name": mounts}}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": where},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "volumes": [volume]},
            },
        },
    }


@pytest.mark.usefixtures("live")
def test_the_daemon_set_cannot_be_led_elsewhere(plane: ControlPlane) -> None:
    """A ConfigMap that is not watched over, a path, a prefix: each is refused."""
    assert REFUSED not in put(plane, daemon_set(), verb="create")
    for item, told in (
        (daemon_set("--iface=eth0"), ""),
        (daemon_set(mounts="mine"), "ConfigMap kube-flannel/mine"),
        (daemon_set("--net-config-path=/run/x.json"), '"/run/x.json" is a file of no ConfigMap'),
        (daemon_set("--kube-annotation-prefix=mine.io"), 'the annotation prefix is "mine.io"'),
    ):
        said = put(plane, item, "--dry-run=server", verb="apply")

        assert told in said
        assert ("flannel-daemonset-live" in said) is bool(told)


@pytest.mark.usefixtures("live")
def test_the_namespace_stays_and_its_end_is_never_held_up(plane: ControlPlane) -> None:
    """Refused up front; once admitted, its contents go with it and are remembered."""
    wish = [f"{key}={value}" for key, value in WISH.items()]
    refused = plane.kubectl("delete", "namespace", "kube-flannel", check=False).stderr
    plane.kubectl("annotate", "namespace", "kube-flannel", *wish)
    plane.kubectl("delete", "namespace", "kube-flannel", "--wait=false")
    gone_by = time.monotonic() + 60
    while plane.get("namespace", "kube-flannel") and time.monotonic() < gone_by:
        time.sleep(0.3)

    assert 'metadata.name: Forbidden: "kube-flannel" is the namespace of flannel\'s' in refused
    assert plane.get("namespace", "kube-flannel") is None
