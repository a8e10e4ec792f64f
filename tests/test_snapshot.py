"""The cluster read from manifests behaves as the live one does."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.enforcement.manifests import container, manifest
from tests.netconfs import conf
from tests.reviews import body, config_map
from webhook.bootstrap import admission as compose
from webhook.deadline import Deadline
from webhook.errors import ConflictError, NotFoundError
from webhook.manifests import read_manifests
from webhook.metrics import SilentRecorder
from webhook.model.namespace import Marks, Namespace, Seal
from webhook.model.profiles import Profile
from webhook.model.review import UserInfo, decode_review
from webhook.settings import load
from webhook.snapshot import SnapshotCluster

EXAMPLES = Path(__file__).parents[1] / "examples/cluster"
INSTALLATION = ("portcullis-system", "portcullis")
SOON = Deadline.after(60)


@pytest.fixture
def cluster() -> SnapshotCluster:
    """The cluster of `make run`."""
    objects = [manifest.value for manifest in read_manifests([str(EXAMPLES)])]
    return SnapshotCluster(objects, INSTALLATION)


def test_nodes_carry_annotations_and_cidrs(cluster) -> None:
    """What tells that flannel runs, and which leases are out."""
    nodes = list(cluster.nodes(SOON))

    assert [node.metadata.name for node in nodes] == ["node-1", "node-2", "node-3"]
    assert nodes[0].spec.pod_cidrs == ["10.244.0.0/24"]
    key = "flannel.alpha.coreos.com/kube-subnet-manager"
    assert {node.metadata.annotation_map[key] for node in nodes} == {"true"}


def test_daemon_sets_and_blocks() -> None:
    """What tells which network plugin runs, and which pools are in use."""
    block = {"kind": "IPAMBlock", "spec": {"cidr": "10.244.0.0/26"}}
    flannel = container("kube-flannel", "ghcr.io/flannel-io/flannel:v0.28.10", "--ip-masq")
    snapshot = SnapshotCluster(
        [block, {"kind": "IPAMBlock"}, manifest("kube-flannel/kube-flannel-ds", flannel)],
        INSTALLATION,
    )
    (found,) = snapshot.daemon_sets(SOON)

    assert found.full_name == "kube-flannel/kube-flannel-ds"
    assert [c.arguments for c in found.containers()] == [("--ip-masq",)]
    assert list(snapshot.ipam_blocks(SOON)) == ["10.244.0.0/26", ""]


def test_namespaces(cluster) -> None:
    """With their marks and their age; what is not there is None."""
    assert cluster.namespace("team-a", SOON).seal == "pending"
    assert cluster.namespace("legacy", SOON).created < cluster.installed_at(SOON)
    assert cluster.namespace("absent", SOON) is None


def test_the_time_of_the_installation() -> None:
    """Without the ConfigMap everything is newer than we are."""
    assert SnapshotCluster([], INSTALLATION).installed_at(SOON) == datetime(1970, 1, 1, tzinfo=UTC)


def test_what_is_written_is_read_back(cluster) -> None:
    """Policies and marks stay in memory."""
    cluster.apply_policy("team-a", {"metadata": {"name": "deny"}}, SOON)
    cluster.mark(cluster.namespace("team-a", SOON), Marks(Seal.SEALED, Profile.DENY_ALL), SOON)

    assert [policy["metadata"]["name"] for policy in cluster.policies("team-a")] == ["deny"]
    assert cluster.namespace("team-a", SOON).seal == "sealed"


class TestMemory:
    """What of flannel's configuration was taken away, as an installed Portcullis keeps it."""

    def test_what_is_remembered_is_recalled(self, cluster) -> None:
        """Key by key, and the latest text of each."""
        for text in ("earlier", "later"):
            cluster.remember("kube-flannel.kube-flannel-cfg", text, SOON)
        cluster.remember("kube-system.canal-config", "another", SOON)

        assert cluster.recall("kube-flannel.kube-flannel-cfg", SOON) == "later"
        assert cluster.recall("kube-system.canal-config", SOON) == "another"

    def test_nothing_is_recalled_of_what_never_went(self, cluster) -> None:
        """Standing ConfigMaps are compared with what the review carries."""
        assert cluster.recall("kube-flannel.kube-flannel-cfg", SOON) is None

    def test_each_cluster_has_its_own(self, cluster) -> None:
        """It lasts as long as the run: another one begins with what the manifests say."""
        cluster.remember("kube-flannel.kube-flannel-cfg", "text", SOON)
        another = SnapshotCluster([], INSTALLATION)

        assert another.recall("kube-flannel.kube-flannel-cfg", SOON) is None

    def test_a_toggle_by_delete_and_create_is_seen(self, cluster) -> None:
        """Offline as on an API server: the guard compares with what was taken away."""
        admission = compose(load({"POD_NAMESPACE": INSTALLATION[0]}), SilentRecorder(), cluster)
        wish = {"portcullis.dev/override": "a test"}
        direct = config_map(conf({"DirectRouting": True}), annotations=wish)
        removed, anew = (
            admission.validate(decode_review(body(*what, groups=("system:masters",))), SOON)
            for what in (("DELETE", None, direct), ("CREATE", config_map(conf())))
        )

        assert removed.allowed, removed.message
        assert not anew.allowed
        assert "Backend.DirectRouting: Forbidden: must stay true" in anew.message


def test_writing_where_nothing_is(cluster) -> None:
    """A namespace that is gone, or another one now, is told as the API server tells it."""
    stranger = Namespace("team-a", "another-uid", None, None, terminating=False)
    gone = Namespace("absent", "uid", None, None, terminating=False)

    with pytest.raises(NotFoundError):
        cluster.apply_policy("absent", {"metadata": {"name": "deny"}}, SOON)
    with pytest.raises(ConflictError):
        cluster.mark(stranger, Marks(Seal.SEALED), SOON)
    with pytest.raises(NotFoundError):
        cluster.mark(gone, Marks(Seal.SEALED), SOON)


@pytest.mark.parametrize(
    ("user", "check", "allowed"),
    [
        pytest.param(
            UserInfo("omar", groups=["network-admins"]),
            "netconf-directrouting-live",
            True,
            id="bound",
        ),
        pytest.param(
            UserInfo("omar", groups=["network-admins"]), "netconf-readable", False, id="other-check"
        ),
        pytest.param(UserInfo("jane"), "netconf-directrouting-live", False, id="unbound"),
        pytest.param(
            UserInfo("root", groups=["system:masters"]), "anything-at-all", True, id="master"
        ),
    ],
)
def test_who_may_override(cluster, user, check, allowed) -> None:
    """ClusterRoles and their bindings decide, as RBAC does."""
    assert cluster.may_override(user, check, SOON) is allowed


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        pytest.param({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, True, id="stars"),
        pytest.param(
            {"apiGroups": ["portcullis.dev"], "resources": ["guards"], "verbs": ["get"]},
            False,
            id="another-verb",
        ),
        pytest.param(
            {"apiGroups": [""], "resources": ["guards"], "verbs": ["override"]},
            False,
            id="another-group",
        ),
    ],
)
def test_rules(rule, allowed) -> None:
    """Group, resource and verb must all fit."""
    role = {"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": [rule]}
    subject = {"kind": "User", "name": "jane"}
    binding = {
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "b"},
        "roleRef": {"name": "r"},
        "subjects": [subject],
    }
    cluster = SnapshotCluster([role, binding], INSTALLATION)

    assert cluster.may_override(UserInfo("jane"), "netconf-readable", SOON) is allowed
