"""The flannel guard as kubectl's user meets it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane.installation import Installation
from tests.controlplane.plane import ControlPlane
from tests.e2e import world

pytestmark = pytest.mark.controlplane

OWNER = Path(__file__).parents[2] / "examples" / "owner"
HERE = ("-n", "kube-flannel")
DENIED = 'admission webhook "flannel.portcullis.dev" denied the request: '
TOGGLE = (
    "data[net-conf.json].Backend.DirectRouting: Forbidden: must stay false on a live cluster: "
    "flanneld reads it only when it starts, so each node changes over at its next restart, and "
    "until the last one has, nodes with and without direct routes lose each other's packets where "
    "rp_filter=1; set it before a cluster is built; else first set net.ipv4.conf.all.rp_filter=2 "
    "on every node, then override, and restart the flannel pods node by node"
    '\nto override, annotate the object with portcullis.dev/override: "<reason>"; this needs the '
    'verb "override" on guards.portcullis.dev/netconf-directrouting-live'
)
REMOVAL = (
    "data[net-conf.json]: Forbidden: must not be removed from a live cluster: flannel pods that "
    "start without it leave their nodes without a network; change it in place instead"
    '\nto override, annotate the object with portcullis.dev/override: "<reason>"; this needs the '
    'verb "override" on guards.portcullis.dev/netconf-removed-live'
)


@pytest.fixture(scope="module")
def plane(flannel: Installation) -> ControlPlane:
    """A cluster on which flannel runs."""
    return flannel.plane


@pytest.fixture
def not_live(plane: ControlPlane) -> Iterator[None]:
    """For a test: flannel has never run."""
    (annotation, value), *_ = world.RUNS_FLANNEL.items()
    plane.kubectl("annotate", "node", "worker", f"{annotation}-")
    yield
    plane.kubectl("annotate", "node", "worker", f"{annotation}={value}")


def patch_of(net_conf: str | None) -> str:
    return json.dumps({"data": {"net-conf.json": net_conf}})


@pytest.mark.parametrize(("where", "name"), world.LISTED)
@pytest.mark.parametrize(
    "verb", [["apply"], ["replace"], ["apply", "--server-side", "--force-conflicts"]]
)
def test_a_live_toggle_is_refused(
    plane: ControlPlane, where: str, name: str, verb: list[str]
) -> None:
    """Whatever kubectl is used with, the refusal is Forbidden, and ends with the whole message."""
    toggled = world.config_map(where, name, world.DIRECT)
    told = world.refused(plane.kubectl(*verb, "-f", "-", stdin=toggled, check=False))

    assert "Error from server (Forbidden): " in told
    assert told.endswith(DENIED + TOGGLE)


@pytest.mark.parametrize(("where", "name"), world.LISTED)
def test_a_live_toggle_by_patch_reads_well(plane: ControlPlane, where: str, name: str) -> None:
    """With patch nothing of kubectl's own stands between: this is all that the user sees."""
    command = ("patch", "configmap", name, "-n", where, "--type=merge", "-p")
    told = world.refused(plane.kubectl(*command, patch_of(world.DIRECT), check=False))

    assert told == f"Error from server (Forbidden): {DENIED}{TOGGLE}"


def test_a_toggle_in_old_spelling_is_refused_too(plane: ControlPlane) -> None:
    """Go reads keys in any case, so `Directrouting` of old notes works, and is judged."""
    spelt = world.DIRECT.replace("DirectRouting", "Directrouting")
    command = ("patch", "configmap", "kube-flannel-cfg", *HERE, "--type=merge", "-p")
    told = world.refused(plane.kubectl(*command, patch_of(spelt), check=False))

    assert told == f"Error from server (Forbidden): {DENIED}{TOGGLE}"


def test_another_spelling_of_the_same_is_allowed(plane: ControlPlane) -> None:
    """White space, order and case of keys and explicit defaults are no change."""
    spelt = """
    {"Backend": {"directrouting": false, "TYPE": "vxlan"},
     "network": "10.244.0.0/16"}
    """
    command = ("patch", "configmap", "kube-flannel-cfg", *HERE, "--type=merge", "-p")
    plane.kubectl(*command, patch_of(spelt))
    found = plane.get("configmap", "kube-flannel-cfg", "kube-flannel")
    plane.kubectl(*command, patch_of(world.VXLAN))

    assert found is not None
    assert found["data"]["net-conf.json"] == spelt


def test_where_flannel_never_ran_all_is_allowed(plane: ControlPlane, not_live: None) -> None:
    """No Node has the annotation: toggle, back, and deletion pass."""
    toggled = world.config_map("kube-flannel", "kube-flannel-cfg", world.DIRECT)
    before = world.config_map("kube-flannel", "kube-flannel-cfg", world.VXLAN)
    for verb, manifest in (("replace", toggled), ("delete", toggled), ("create", before)):
        plane.kubectl(verb, "-f", "-", stdin=manifest)

    assert plane.get("configmap", "kube-flannel-cfg", "kube-flannel") is not None


def test_the_owners_config_map_is_refused_with_the_place(plane: ControlPlane) -> None:
    """The API server takes any text in a ConfigMap; we show line, column and what was meant."""
    done = plane.kubectl("apply", "-f", str(OWNER / "kube-flannel-cfg.yaml"), check=False)
    told = world.refused(done)

    assert "kube-flannel-cfg" in told.splitlines()[0]
    assert "data[net-conf.json].Backend.Directrouting: Invalid value: " in told
    assert 'probably meant is "DirectRouting": true (line 5, column 26)' in told
    assert '    "Directrouting": true默认没有这一项' in told
    assert "flanneld exits on this at its next start, and the node loses its network" in told
    assert "guards.portcullis.dev/netconf-readable" in told


def test_the_owners_policy_is_refused_by_the_api_server(plane: ControlPlane) -> None:
    """Its own validation runs before our webhook, and names the value."""
    plane.kubectl("create", "namespace", "dev")
    told = world.refused(plane.kubectl("apply", "-f", str(OWNER / "ingress-def.yaml"), check=False))

    assert told.startswith('The NetworkPolicy "deny-all-ingress" is invalid: spec.policyTypes[0]: ')
    assert 'Unsupported value: "Ingress默认拒绝 而没写Egres' in told
    assert told.endswith('supported values: "Ingress", "Egress"')


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["delete", "configmap", "kube-flannel-cfg", *HERE], id="by-name"),
        pytest.param(["delete", "configmap", "--all", *HERE], id="all"),
        pytest.param(
            ["delete", "--raw", "/api/v1/namespaces/kube-flannel/configmaps"], id="collection"
        ),
        pytest.param(
            ["patch", "configmap", "kube-flannel-cfg", *HERE, "--type=merge", "-p", patch_of(None)],
            id="key",
        ),
        pytest.param(
            ["patch", "configmap", "kube-flannel-cfg", *HERE, "--type=json",
             '-p=[{"op": "move", "from": "/data/net-conf.json", "path": "/data/net-conf.old"}]'],
            id="renamed",
        ),
    ],
)  # fmt: skip
def test_removal_from_a_live_cluster_is_refused(plane: ControlPlane, command: list[str]) -> None:
    """By name, all at once, as a collection (whose reviews have no name), or the key alone."""
    told = world.refused(plane.kubectl(*command, check=False))

    assert told == f"Error from server (Forbidden): {DENIED}{REMOVAL}"
    assert plane.get("configmap", "kube-flannel-cfg", "kube-flannel") is not None


def test_creation_with_a_toggle_is_refused(plane: ControlPlane) -> None:
    """A ConfigMap made anew must not bring what a change of the old one might not."""
    made = world.config_map("kube-system", "kube-flannel-cfg", world.DIRECT)
    told = world.refused(plane.kubectl("create", "-f", "-", stdin=made, check=False))

    assert told.endswith(DENIED + TOGGLE)


def test_other_config_maps_never_reach_us(plane: ControlPlane) -> None:
    """Neither other names, nor other namespaces, nor a change of a listed one's labels."""
    before = world.reviews_sent(plane, "flannel")
    for where in ("kube-flannel", "default"):
        name = "other" if where == "kube-flannel" else "kube-flannel-cfg"
        world.create(plane, world.config_map(where, name, world.DIRECT))
        plane.kubectl("delete", "configmap", name, "-n", where)
    plane.kubectl("label", "configmap", "kube-flannel-cfg", "a=b", *HERE)
    unsent = world.reviews_sent(plane, "flannel") - before
    command = ("patch", "configmap", "kube-flannel-cfg", *HERE, "--type=merge", "-p")
    plane.kubectl(*command, '{"data": {"note": "b"}}')

    assert unsent == 0
    assert world.reviews_sent(plane, "flannel") - before == 1
