"""Which network plugin a cluster runs, and whether it enforces NetworkPolicies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.enforcement.manifests import (
    CALICO,
    CALICO_POLICY,
    CANAL,
    FLANNEL,
    KUBE_PROXY,
    container,
    daemon_set,
    node,
)
from webhook.enforcement import Cni, Enforced, Verdict, judge
from webhook.model.objects import Node, ObjectMeta
from webhook.model.workloads import Container

CILIUM = ("kube-system/cilium", "cilium-agent", "quay.io/cilium/cilium:v1.18.0@sha256:aa")
ROUTER = ("kube-system/kube-router", "kube-router", "docker.io/cloudnativelabs/kube-router:v2.6")
AWS = container("aws-node", "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:v1.20")
AWS_AGENT = "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon/aws-network-policy-agent:v1.2"
RANCHER = container("kube-flannel", "rancher/hardened-flannel:v0.27.4-build2")
RANCHER_CALICO = container(
    "calico-node", "rancher/hardened-calico:v3.31", CALICO_NETWORKING_BACKEND="none"
)
WEAVE = container("weave", "rajchaudhuri/weave-kube:2.9")
NPC = container("weave-npc", "rajchaudhuri/weave-npc:2.9")


def one(where, name, image, *args):
    return daemon_set(where, container(name, image, *args))


def aws(*args):
    return daemon_set("kube-system/aws-node", AWS, container("agent", AWS_AGENT, *args))


@pytest.mark.parametrize(
    ("daemon_sets", "cni", "enforced"),
    [
        pytest.param([FLANNEL, KUBE_PROXY], "flannel", "no", id="flannel-alone"),
        pytest.param([CANAL], "canal", "yes", id="canal"),
        pytest.param([FLANNEL, CALICO_POLICY], "canal", "yes", id="canal-in-two"),
        pytest.param(
            [daemon_set("kube-system/rke2-canal", RANCHER_CALICO, RANCHER)], "canal", "yes",
            id="rke2-canal",
        ),
        pytest.param([CALICO], "calico", "yes", id="calico"),
        pytest.param(
            [one("calico-system/calico-node", "calico-node", "quay.io/calico/calico:v3.33")],
            "calico", "yes", id="calico-one-image",
        ),
        pytest.param([one(*CILIUM)], "cilium", "yes", id="cilium"),
        pytest.param([one(*CILIUM, "--enable-policy=never")], "cilium", "no", id="cilium-never"),
        pytest.param([one(*CILIUM), FLANNEL], "flannel", "yes", id="cilium-chained"),
        pytest.param([one(*ROUTER)], "kube-router", "yes", id="kube-router"),
        pytest.param([one(*ROUTER, "--run-firewall=false")], "kube-router", "no", id="no-firewall"),
        pytest.param(
            [FLANNEL, one(*ROUTER, "--run-router=false", "--run-firewall=true")],
            "flannel", "yes", id="flannel-with-firewall",
        ),
        pytest.param(
            [FLANNEL, one("kube-system/np", "np", "registry.k8s.io/networking/"
                          "kube-network-policies:v0.9.2")],
            "flannel", "yes", id="flannel-with-kube-network-policies",
        ),
        pytest.param(
            [one("kube-system/antrea-agent", "antrea-agent", "antrea/antrea-agent-ubuntu:v2.4")],
            "antrea", "yes", id="antrea",
        ),
        pytest.param([daemon_set("kube-system/weave-net", WEAVE, NPC)], "weave", "yes", id="weave"),
        pytest.param([daemon_set("kube-system/weave-net", WEAVE)], "weave", "no", id="no-npc"),
        pytest.param([aws("--enable-network-policy=true")], "aws-vpc-cni", "yes", id="aws-on"),
        pytest.param([aws("--enable-network-policy=false")], "aws-vpc-cni", "no", id="aws-off"),
        pytest.param([aws()], "aws-vpc-cni", "no", id="aws-default"),
        pytest.param([aws(), CALICO_POLICY], "aws-vpc-cni", "yes", id="aws-with-calico"),
        pytest.param([CALICO_POLICY], "unknown", "yes", id="policy-alone"),
        pytest.param([KUBE_PROXY], "unknown", "unknown", id="nothing-known"),
        pytest.param([], "unknown", "unknown", id="nothing"),
        pytest.param(
            [one("default/app", "app", "docker.io/library/node:22")], "unknown", "unknown",
            id="node-js-is-not-calico",
        ),
    ],
)  # fmt: skip
def test_daemon_sets_tell(daemon_sets, cni, enforced) -> None:
    """Images and arguments decide; who enforces may stand beside who carries the packets."""
    verdict = judge(daemon_sets)

    assert (verdict.cni, verdict.enforced) == (cni, enforced)
    assert bool(verdict.evidence) is (cni != "unknown" or enforced != "unknown")


SUBNET = "flannel_alpha_coreos_com__kube-subnet-manager"


@pytest.mark.parametrize(
    ("nodes", "cni", "enforced"),
    [
        pytest.param([node("a", **{SUBNET: "true"})], "flannel", "unknown", id="flannel-was-here"),
        pytest.param(
            [node("a", **{SUBNET: "true", "k3s_io__node-args": '["server"]'})],
            "flannel", "yes", id="k3s",
        ),
        pytest.param(
            [
                node("a", **{SUBNET: "true", "k3s_io__node-args": '["agent"]'}),
                node("b", **{SUBNET: "true",
                             "k3s_io__node-args": '["server","--disable-network-policy"]'}),
            ],
            "flannel", "no", id="k3s-without-controller",
        ),
        pytest.param(
            [node("a", projectcalico_org__IPv4Address="10.0.0.1/24")], "calico", "unknown",
            id="calico-was-here",
        ),
        pytest.param([node("a")], "unknown", "unknown", id="bare"),
    ],
)  # fmt: skip
def test_annotations_tell_where_no_daemon_set_does(nodes, cni, enforced) -> None:
    """They outlive who wrote them, so they alone give no "no"; k3s tells its arguments."""
    verdict = judge([KUBE_PROXY], nodes)

    assert (verdict.cni, verdict.enforced) == (cni, enforced)


def test_blocks_tell_last() -> None:
    """A block was made by Calico's IPAM."""
    assert judge([], [], ["10.244.0.0/26"]).cni is Cni.CALICO


def test_nodes_are_not_read_where_daemon_sets_tell() -> None:
    """A large cluster's Nodes are megabytes."""

    def nodes():
        raise AssertionError
        yield Node(ObjectMeta())

    assert judge([FLANNEL], nodes()).enforced is Enforced.NO


def test_the_warning_of_flannel_alone() -> None:
    """One line that says what is wrong and what to do."""
    assert judge([FLANNEL]).warning == (
        "flannel alone does not enforce NetworkPolicy: this policy has no effect; "
        "install calico or canal"
    )
    assert "weave does not" in (judge([daemon_set("a/w", WEAVE)]).warning or "")


@given(st.sampled_from(Cni), st.sampled_from(Enforced))
def test_only_a_plain_no_is_warned_of(cni, enforced) -> None:
    """In doubt nobody is told that a policy has no effect."""
    warning = Verdict(cni, enforced, ()).warning

    assert (warning is not None) is (enforced is Enforced.NO)
    assert warning is None or (len(warning) <= 120 and warning.isprintable())


@given(st.text())
def test_any_image_can_be_read(image) -> None:
    """The API server takes any text for an image."""
    judge([daemon_set("a/b", container("c", image))])


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("flannel", "flannel"),
        ("calico/node:v3", "calico/node"),
        ("quay.io/calico/node:v3@sha256:aa", "calico/node"),
        ("localhost:5000/a/b:1", "a/b"),
        ("registry:5000/a", "a"),
        ("localhost/a", "a"),
        ("a:1", "a"),
        ("", ""),
    ],
)
def test_the_repository_of_an_image(image, repository) -> None:
    """Host, tag and digest are left out."""
    assert Container(image=image).repository == repository
