"""The datastore stays on a live cluster."""

import pytest

from tests.checks.calico import config_fields
from webhook.checks.calico_datastore_live import calico_datastore_live

CNI = '{"datastore_type": "kubernetes", "ipam": {"type": "calico-ipam"}}'
KUBERNETES = {"calico_backend": "bird", "cni_network_config": CNI}
ETCD = {**KUBERNETES, "etcd_endpoints": "https://a:2379,https://b:2379"}


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        pytest.param(KUBERNETES, ETCD, ["etcd_endpoints"], id="to-etcd"),
        pytest.param(ETCD, KUBERNETES, ["etcd_endpoints"], id="to-kubernetes"),
        pytest.param(
            ETCD, {**ETCD, "etcd_endpoints": "https://c:2379"}, ["etcd_endpoints"], id="moved"
        ),
        pytest.param(
            ETCD, {**ETCD, "etcd_endpoints": "https://b:2379,https://a:2379"}, [], id="order"
        ),
        pytest.param(
            KUBERNETES,
            {**KUBERNETES, "cni_network_config": CNI.replace("kubernetes", "etcdv3")},
            ["cni_network_config"],
            id="plugin",
        ),
        pytest.param(
            KUBERNETES, {**KUBERNETES, "calico_backend": "none"}, [], id="backend-is-another's"
        ),
        pytest.param(None, ETCD, [], id="installed-with-etcd"),
    ],
)
def test_on_a_live_cluster(old, new, refused) -> None:
    """Either is free to be installed, and not to be switched."""
    fields = [f"data[{key}]" for key in refused]

    assert config_fields(calico_datastore_live, old, new, live="calico-node runs") == fields
    assert config_fields(calico_datastore_live, old, new, live="") == []
