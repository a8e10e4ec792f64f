"""A net-conf.json made anew is what the nodes run with."""

import pytest

from tests.netconfs import NEW, change, conf, found
from webhook.checks.netconf_recreated_live import netconf_recreated_live
from webhook.checks.subjects import FlannelNodes

VXLAN = FlannelNodes(live=True, backends=frozenset({"vxlan"}), vnis=frozenset({1}))
MIXED = FlannelNodes(live=True, backends=frozenset({"vxlan", "host-gw"}), vnis=frozenset({1}))
UDP = FlannelNodes(live=True, backends=frozenset({""}))
SILENT = FlannelNodes(live=True)
HOST_GW = conf({"Type": "host-gw"})


@pytest.mark.parametrize(
    ("old", "new", "nodes", "anew", "keys"),
    [
        pytest.param(None, conf(), VXLAN, True, [], id="as-it-was"),
        pytest.param(None, HOST_GW, VXLAN, True, ["Backend.Type"], id="another-backend"),
        pytest.param(None, conf({"VNI": 7}), VXLAN, True, ["Backend.VNI"], id="another-vni"),
        pytest.param(None, HOST_GW, MIXED, True, [], id="a-migration-underway"),
        pytest.param(None, conf({"Type": "udp"}), UDP, True, [], id="udp-writes-no-name"),
        pytest.param(None, conf(), UDP, True, ["Backend.Type"], id="not-udp"),
        pytest.param(None, HOST_GW, SILENT, True, [], id="no-node-tells"),
        pytest.param("{", HOST_GW, VXLAN, False, ["Backend.Type"], id="repaired-to-another"),
        pytest.param("{", conf(), VXLAN, False, [], id="repaired"),
        pytest.param(conf(), HOST_GW, VXLAN, False, [], id="a-change-is-rated-instead"),
        pytest.param(conf(), HOST_GW, VXLAN, True, [], id="memory-tells-it-already"),
        pytest.param(HOST_GW, HOST_GW, VXLAN, True, ["Backend.Type"], id="memory-is-stale"),
        pytest.param(None, "{", VXLAN, True, [], id="unreadable-is-another-check's"),
        pytest.param(None, HOST_GW, NEW, True, [], id="not-live"),
    ],
)
def test_the_nodes_are_asked(old, new, nodes, anew, keys) -> None:
    """Where the text before cannot be compared, the annotations are."""
    assert list(found(netconf_recreated_live, change(old, new, nodes, anew=anew))) == keys
