"""Numbers are within what the kernel, Windows and CNI can do."""

import pytest

from tests.netconfs import LIVE, NEW, change, conf, found
from webhook.checks.netconf_limits import netconf_limits
from webhook.checks.subjects import FlannelNodes

WINDOWS = FlannelNodes(windows=True)
BAD_FOR_WINDOWS = conf({"VNI": 7})


@pytest.mark.parametrize(
    ("new", "nodes", "keys"),
    [
        pytest.param(conf({"VNI": 10_000_000}), NEW, ["Backend.VNI"], id="vni"),
        pytest.param(conf({"VNI": 9_999_999}), NEW, [], id="largest-vni"),
        pytest.param(
            conf({"VNI": 10_000}, EnableIPv6=True, IPv6Network="fd00::/48"),
            NEW,
            ["Backend.VNI"],
            id="vni-with-ipv6",
        ),
        pytest.param(conf({"MTU": 100}), NEW, ["Backend.MTU"], id="mtu-the-kernel-refuses"),
        pytest.param(conf({"MTU": 0}), LIVE, ["Backend.MTU"], id="mtu-that-leaves-nothing"),
        pytest.param(conf({"Port": 65536 + 8472}), NEW, [], id="port-is-truncated"),
        pytest.param(BAD_FOR_WINDOWS, NEW, [], id="linux-alone"),
        pytest.param(BAD_FOR_WINDOWS, WINDOWS, ["Backend.VNI"], id="windows-vni"),
        pytest.param(
            conf({"VNI": 4096, "Port": 4789, "DirectRouting": True}),
            WINDOWS,
            ["Backend.DirectRouting"],
            id="windows-direct-routing",
        ),
        pytest.param(conf({"VNI": 4096, "Port": 4789}), WINDOWS, [], id="good-for-both"),
        pytest.param("{", WINDOWS, [], id="unreadable-is-another-check's"),
    ],
)
def test_limits(new, nodes, keys) -> None:
    """What flannel takes and the system does not is refused, on new clusters too."""
    assert list(found(netconf_limits, change(None, new, nodes))) == keys


@pytest.mark.parametrize(
    ("old", "new", "nodes", "keys"),
    [
        pytest.param(
            BAD_FOR_WINDOWS, conf({"VNI": 7, "MTU": 1400}), WINDOWS, [], id="windows-another-key"
        ),
        pytest.param(
            conf({"MTU": 0}), conf({"MTU": 0, "GBP": True}), LIVE, [], id="kernel-another-key"
        ),
        pytest.param(
            conf({"MTU": 0}), conf({"MTU": 20}), LIVE, ["Backend.MTU"], id="another-fault"
        ),
        pytest.param("{", conf({"MTU": 0}), LIVE, ["Backend.MTU"], id="repaired-wrongly"),
    ],
)
def test_what_was_refused_before_does_not_stand_in_the_way(old, new, nodes, keys) -> None:
    """Another key may be changed though the file is a faulty one either way."""
    assert list(found(netconf_limits, change(old, new, nodes))) == keys
