"""The Calico guards: what is sent to them, whom they let, and what they ask of the cluster."""

import json

import pytest

from tests.enforcement.manifests import CALICO, CANAL, FLANNEL
from tests.reviews import calico_config, felix_configuration, ip_pool
from webhook.calico.pool import FINALIZER
from webhook.errors import UnavailableError

BLOCK, FAR_BLOCK = "10.244.3.64/26", "10.99.0.0/26"
IPIP = ip_pool(ipipMode="Always", natOutgoing=True)
PLAIN = ip_pool(natOutgoing=True)
VXLAN = ip_pool(vxlanMode="Always", natOutgoing=True)
V3 = ("projectcalico.org", "v3")
CRD = ("crd.projectcalico.org", "v1")
API_SERVER = "system:serviceaccount:calico-apiserver:calico-apiserver"
OPERATOR = "system:serviceaccount:tigera-operator:tigera-operator"
COLLECTOR = "system:serviceaccount:kube-system:generic-garbage-collector"
CHECK = "ippool-encapsulation-live"
WISH = {"annotations": {"portcullis.dev/override": "CHG-7"}}


@pytest.fixture
def in_use(cluster) -> None:
    """A block lies in the pool."""
    cluster.block_cidrs = [FAR_BLOCK, BLOCK]
    cluster.daemon_set_list = [CALICO]


@pytest.mark.usefixtures("in_use")
@pytest.mark.parametrize("api", [V3, CRD], ids=["v3", "crd"])
@pytest.mark.parametrize(
    ("operation", "new", "old", "field"),
    [
        pytest.param("UPDATE", PLAIN, IPIP, "spec.ipipMode", id="ipip-off"),
        pytest.param("UPDATE", IPIP, PLAIN, "spec.ipipMode", id="ipip-on"),
        pytest.param(
            "UPDATE", {**IPIP, "spec": {**IPIP["spec"], "cidr": "10.0.0.0/8"}}, IPIP, "spec.cidr",
            id="cidr",
        ),
        pytest.param(
            "UPDATE", ip_pool(blockSize=24, natOutgoing=True), PLAIN, "spec.blockSize", id="size"
        ),
        pytest.param("UPDATE", ip_pool(), PLAIN, "spec.natOutgoing", id="nat-off"),
        pytest.param("DELETE", None, IPIP, "metadata.name", id="deleted"),
        pytest.param("CREATE", ip_pool(blockSize=24), None, "spec.blockSize", id="over-blocks"),
        pytest.param("UPDATE", ip_pool(natOutgoing=True, disabled=True), PLAIN, None, id="disable"),
        pytest.param("UPDATE", ip_pool(natOutgoing=True, nodeSelector="a"), PLAIN, None, id="sel"),
        pytest.param("CREATE", IPIP, None, None, id="created"),
        pytest.param("UPDATE", IPIP, IPIP, None, id="unchanged"),
    ],
)  # fmt: skip
def test_a_pool_in_use(validate, api, operation, new, old, field) -> None:
    """In both groups alike, and each refusal names its field."""
    response = validate(operation, new, old, api=api)

    assert response.allowed is (field is None)
    assert [cause.field for cause in response.causes] == ([field] if field else [])


@pytest.mark.parametrize(
    ("blocks", "daemon_sets", "allowed"),
    [
        pytest.param([BLOCK], [], False, id="block"),
        pytest.param([FAR_BLOCK], [CALICO], True, id="blocks-elsewhere"),
        pytest.param([], [CALICO], False, id="host-local-ipam"),
        pytest.param([], [CANAL], True, id="canal"),
        pytest.param([], [FLANNEL], True, id="flannel"),
        pytest.param([], [], True, id="new-cluster"),
    ],
)
def test_what_makes_a_pool_live(validate, cluster, blocks, daemon_sets, allowed) -> None:
    """Blocks in it; or calico-node, where there are no blocks at all."""
    cluster.block_cidrs, cluster.daemon_set_list = blocks, daemon_sets

    assert validate("UPDATE", PLAIN, IPIP).allowed is allowed


@pytest.mark.parametrize(
    ("new", "old", "needle"),
    [
        pytest.param(PLAIN, None, "pool with no encapsulation; keep ipip on", id="new-without"),
        pytest.param(VXLAN, None, "pool with VXLAN; keep ipip on", id="new-vxlan"),
        pytest.param(PLAIN, IPIP, "keep ipip on", id="unused-loses-it"),
        pytest.param(IPIP, None, None, id="new-with"),
        pytest.param(ip_pool(cidr="fd00::/48"), None, None, id="ipv6-has-no-ipip"),
        pytest.param(
            ip_pool(natOutgoing=True, nodeSelector="a"), PLAIN, None, id="it-was-off-before"
        ),
    ],
)
def test_without_ipip_there_is_a_warning(validate, new, old, needle) -> None:
    """The owner's rule, where nothing forbids it yet."""
    response = validate("UPDATE" if old else "CREATE", new, old)

    assert response.allowed
    assert [needle in warning for warning in response.warnings] == ([True] if needle else [])


@pytest.mark.usefixtures("in_use")
def test_what_is_tolerable_is_warned_of(validate) -> None:
    """R is let through, with what it does."""
    response = validate("UPDATE", ip_pool(natOutgoing=True, disabled=True), PLAIN)

    (warning,) = response.warnings
    assert warning.startswith("spec.disabled: running pods keep their addresses")


@pytest.mark.usefixtures("in_use")
@pytest.mark.parametrize(
    ("user", "api", "allowed"),
    [
        pytest.param(API_SERVER, CRD, True, id="api-server-writes-what-it-asked-about"),
        pytest.param(API_SERVER, V3, False, id="api-server-as-a-user-of-itself"),
        pytest.param(OPERATOR, CRD, False, id="operator"),
        pytest.param(COLLECTOR, CRD, False, id="garbage-collector"),
        pytest.param("system:serviceaccount:kube-system:calico-node", CRD, False, id="calico-node"),
    ],
)
def test_whose_writes_are_judged(validate, user, api, allowed) -> None:
    """All but those that were judged when Calico's API server was asked for them."""
    assert validate("UPDATE", PLAIN, IPIP, user=user, api=api).allowed is allowed
    assert validate("DELETE", None, IPIP, user=user, api=api).allowed is allowed


@pytest.mark.usefixtures("in_use")
def test_a_pool_that_calico_holds_may_be_deleted(validate) -> None:
    """Its finalizer keeps the pool until it is empty; that is told."""
    response = validate("DELETE", None, ip_pool(metadata={"finalizers": [FINALIZER]}))

    assert response.allowed
    assert "calico-kube-controllers keeps it" in response.warnings[0]


@pytest.mark.usefixtures("in_use")
def test_finalizers_come_and_go_unasked(validate, cluster) -> None:
    """What kube-controllers writes asks nothing of the cluster."""
    terminating = {"finalizers": [FINALIZER], "deletionTimestamp": "2026-01-01T00:00:00Z"}
    response = validate(
        "UPDATE", ip_pool(metadata={**terminating, "finalizers": []}), ip_pool(metadata=terminating)
    )

    assert response.allowed
    assert cluster.calls["ipam_blocks"] == 0


def test_host_local_deletion_is_warned(validate, cluster) -> None:
    """Without blocks nobody can tell whether the pool is in use."""
    cluster.daemon_set_list = [CALICO]
    response = validate("DELETE", None, IPIP)

    assert response.allowed
    assert "no block shows" in response.warnings[0]


@pytest.mark.parametrize("method", ["ipam_blocks", "daemon_sets"])
def test_a_cluster_that_does_not_answer_refuses(validate, cluster, method) -> None:
    """Whether the pool is in use could not be told, so the change waits."""
    cluster.fail(method, UnavailableError("the API server is away"))
    response = validate("UPDATE", PLAIN, IPIP)

    assert (response.allowed, response.code) == (False, 503)


@pytest.mark.usefixtures("in_use")
class TestOverride:
    """Break-glass, by check."""

    def test_with_permission(self, validate, cluster) -> None:
        """Let through, told of, recorded on the cluster-scoped object."""
        cluster.overriders.add(("omar", CHECK))
        new = ip_pool(natOutgoing=True, metadata=WISH)
        response = validate("UPDATE", new, IPIP, user="omar")

        assert response.allowed
        assert f"overridden {CHECK} at spec.ipipMode: CHG-7" in response.warnings
        (event,) = cluster.events
        assert (event.about.kind, event.about.namespace) == ("IPPool", "")

    def test_without_permission(self, validate) -> None:
        """The annotation alone opens nothing."""
        assert not validate("UPDATE", ip_pool(natOutgoing=True, metadata=WISH), IPIP).allowed

    @pytest.mark.parametrize(
        ("kept", "allowed"), [(json.dumps(WISH), True), ("{}", False), ("not JSON", False)]
    )
    def test_a_wish_by_calicoctl(self, validate, cluster, kept, allowed) -> None:
        """The tool keeps its user's annotations inside one of its own."""
        cluster.overriders.add(("omar", CHECK))
        metadata = {"annotations": {"projectcalico.org/metadata": kept}}
        new = ip_pool(natOutgoing=True, metadata=metadata)

        assert validate("UPDATE", new, IPIP, user="omar").allowed is allowed


@pytest.mark.parametrize(
    ("operation", "new", "old", "refused", "warned"),
    [
        pytest.param("UPDATE", {"ipipEnabled": False}, {}, True, False, id="ipip-off"),
        pytest.param("CREATE", {"vxlanVNI": 7}, None, True, False, id="created-with-vni"),
        pytest.param("DELETE", None, {"vxlanPort": 8472}, True, False, id="deleted-with-port"),
        pytest.param("CREATE", {"logSeverityScreen": "Info"}, None, False, False, id="calicos-own"),
        pytest.param("UPDATE", {"bpfEnabled": True}, {}, False, True, id="ebpf"),
        pytest.param("DELETE", None, {}, False, False, id="deleted-empty"),
    ],
)
def test_felix(validate, cluster, operation, new, old, refused, warned) -> None:
    """Judged where Calico carries packets, free where it does not."""
    sides = [None if spec is None else felix_configuration(**spec) for spec in (new, old)]
    free = validate(operation, *sides)
    cluster.daemon_set_list = [CALICO]
    live = validate(operation, *sides)

    assert (free.allowed, free.warnings) == (True, ())
    assert live.allowed is not refused
    assert bool(live.warnings) is warned


@pytest.mark.parametrize(
    ("operation", "new", "old", "refused"),
    [
        pytest.param(
            "UPDATE", calico_config(calico_backend="vxlan"), calico_config(), True, id="b"
        ),
        pytest.param("UPDATE", calico_config(etcd_endpoints="x"), calico_config(), True, id="etcd"),
        pytest.param("DELETE", None, calico_config(), True, id="deleted"),
        pytest.param("CREATE", calico_config(etcd_endpoints="x"), None, False, id="installed"),
        pytest.param("UPDATE", calico_config(veth_mtu="1"), calico_config(), False, id="mtu"),
        pytest.param(
            "UPDATE",
            calico_config(calico_backend="vxlan", namespace="dev"),
            calico_config(namespace="dev"),
            False,
            id="some-other-config-map",
        ),
    ],
)
def test_calico_config(validate, cluster, operation, new, old, refused) -> None:
    """Found by its name, beside flannel's ConfigMaps; free before calico-node runs."""
    assert validate(operation, new, old).allowed
    cluster.daemon_set_list = [CALICO]

    assert validate(operation, new, old).allowed is not refused


def test_calico_config_goes_with_its_namespace(validate, cluster) -> None:
    """The namespace controller deletes it, and asks nothing."""
    cluster.daemon_set_list = [CALICO]
    controller = "system:serviceaccount:kube-system:namespace-controller"

    assert validate("DELETE", None, calico_config(), user=controller).allowed
    assert not validate("DELETE", None, calico_config()).allowed


@pytest.mark.parametrize("raw", [{"spec": 3}, {"spec": {"cidr": []}}, {"metadata": {}, "spec": {}}])
def test_odd_objects_are_no_errors(validate, raw) -> None:
    """Reading is lenient: the CRD's schema is the one to refuse."""
    odd = {"kind": "IPPool", "metadata": {"name": "x"}, **raw}

    assert validate("CREATE", odd).allowed
