"""calico-config: what a change of it does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.calico import config_changes, read_config

CNI = """{"plugins": [{"type": "calico", "datastore_type": "kubernetes", "mtu": __CNI_MTU__,
  "ipam": {"type": "calico-ipam"}, "policy": {"type": "k8s"}}]}"""
ETCD_CNI = CNI.replace('"datastore_type": "kubernetes"', '"etcd_endpoints": "__ETCD_ENDPOINTS__"')
BASE = {
    "calico_backend": "bird",
    "cni_network_config": CNI,
    "veth_mtu": "0",
    "typha_service_name": "none",
}


def rated(old: dict, new: dict) -> list[tuple[str, str]]:
    changes = config_changes(read_config(old), read_config(new))
    return [(c.key, c.rating.value) for c in changes]


def without(key: str) -> dict:
    return {k: v for k, v in BASE.items() if k != key}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(BASE, BASE, [], id="same"),
        pytest.param(BASE, BASE | {"calico_backend": "vxlan"}, [("calico_backend", "X")], id="vx"),
        pytest.param(BASE, BASE | {"calico_backend": "none"}, [("calico_backend", "X")], id="none"),
        pytest.param(BASE, without("calico_backend"), [("calico_backend", "B")], id="removed"),
        pytest.param(without("calico_backend"), BASE, [], id="repaired"),
        pytest.param(
            BASE, BASE | {"etcd_endpoints": "http://e:2379"}, [("etcd_endpoints", "B")], id="etcd"
        ),
        pytest.param(BASE, BASE | {"etcd_endpoints": ""}, [], id="empty-endpoints"),
        pytest.param(
            {"etcd_endpoints": "http://a:1,http://b:1"},
            {"etcd_endpoints": "http://b:1/, http://a:1"},
            [],
            id="members-in-another-order",
        ),
        pytest.param(
            BASE,
            BASE | {"cni_network_config": ETCD_CNI},
            [("cni_network_config", "B")],
            id="plugins-datastore",
        ),
        pytest.param(
            BASE,
            BASE | {"cni_network_config": CNI.replace("calico-ipam", "host-local")},
            [("cni_network_config", "B")],
            id="ipam",
        ),
        pytest.param(
            BASE,
            BASE | {"cni_network_config": CNI.replace("k8s", "none")},
            [("cni_network_config", "R")],
            id="rest-of-the-plugin",
        ),
        pytest.param(
            BASE, without("cni_network_config"), [("cni_network_config", "R")], id="plugin-removed"
        ),
        pytest.param(BASE, BASE | {"veth_mtu": "1440"}, [("veth_mtu", "R")], id="mtu"),
        pytest.param(
            BASE,
            BASE | {"typha_service_name": "calico-typha"},
            [("typha_service_name", "R")],
            id="typha",
        ),
        pytest.param(BASE, BASE | {"other": "x"}, [], id="other-keys"),
    ],
)
def test_each_change_has_its_rating(old, new, expected) -> None:
    """The backend, the datastore and the IPAM are what splits or breaks a cluster."""
    assert expected == rated(old, new)


full = st.fixed_dictionaries(
    {
        "calico_backend": st.sampled_from(["bird", "vxlan", "none"]),
        "etcd_endpoints": st.sampled_from(["", "http://a:1", "http://a:1,http://b:1"]),
        "cni_network_config": st.sampled_from([CNI, ETCD_CNI, CNI.replace("k8s", "x")]),
        "veth_mtu": st.sampled_from(["0", "1440"]),
        "typha_service_name": st.sampled_from(["none", "t"]),
    }
)


@given(full, full)
def test_ratings_are_symmetrical(one, other) -> None:
    """What breaks one way breaks the other, and nothing is no change."""
    assert rated(one, one) == []
    assert rated(one, other) == rated(other, one)
