"""Felix's tunnels stay on a live cluster."""

import pytest

from tests.checks.calico import felix_fields
from webhook.checks.felix_tunnel_live import felix_tunnel_live


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        pytest.param({}, {"ipipEnabled": False}, ["spec.ipipEnabled"], id="ipip-off"),
        pytest.param({"vxlanEnabled": False}, {}, ["spec.vxlanEnabled"], id="vxlan-back"),
        pytest.param({}, {"vxlanVNI": 1}, ["spec.vxlanVNI"], id="vni"),
        pytest.param({}, {"vxlanPort": 8472}, ["spec.vxlanPort"], id="port"),
        pytest.param({}, {"ipipEnabled": True}, [], id="explicit"),
        pytest.param({}, {"bpfEnabled": True}, [], id="ebpf-is-warned"),
        pytest.param({}, {"vxlanMTU": 1400}, [], id="mtu-is-warned"),
        pytest.param({}, {"logSeverityScreen": "Debug"}, [], id="other"),
    ],
)
def test_on_a_live_cluster(old, new, refused) -> None:
    """What all nodes must have alike does not change."""
    assert felix_fields(felix_tunnel_live, old, new, live="calico-node runs") == refused
    assert felix_fields(felix_tunnel_live, old, new, live="") == []
