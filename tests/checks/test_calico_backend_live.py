"""Backend and IPAM stay on a live cluster."""

import pytest

from tests.checks.calico import config_fields
from webhook.checks.calico_backend_live import calico_backend_live

CNI = '{"datastore_type": "kubernetes", "ipam": {"type": "calico-ipam"}}'
BASE = {"calico_backend": "bird", "cni_network_config": CNI}


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        pytest.param(BASE, BASE | {"calico_backend": "vxlan"}, ["calico_backend"], id="backend"),
        pytest.param(BASE, {"cni_network_config": CNI}, ["calico_backend"], id="removed"),
        pytest.param({"cni_network_config": CNI}, BASE, [], id="repaired"),
        pytest.param(
            BASE,
            BASE | {"cni_network_config": CNI.replace("calico-ipam", "host-local")},
            ["cni_network_config"],
            id="ipam",
        ),
        pytest.param(
            BASE,
            BASE | {"cni_network_config": CNI.replace("kubernetes", "etcdv3")},
            [],
            id="datastore-is-another-check's",
        ),
        pytest.param(BASE, BASE | {"veth_mtu": "1"}, [], id="mtu-is-warned"),
        pytest.param(BASE, None, [], id="deleted-is-another-check's"),
        pytest.param(None, BASE, [], id="created"),
    ],
)
def test_on_a_live_cluster(old, new, refused) -> None:
    """calico-node would change over node by node."""
    fields = [f"data[{key}]" for key in refused]

    assert config_fields(calico_backend_live, old, new, live="calico-node runs") == fields
    assert config_fields(calico_backend_live, old, new, live="") == []
