"""No change of a live cluster's net-conf.json breaks it for good."""

import pytest

from tests.netconfs import NEW, change, conf, found
from webhook.checks.netconf_breaks_live import netconf_breaks_live

WIREGUARD = {"Type": "wireguard"}
NO_BACKEND = '{"Network": "10.244.0.0/16"}'
DUAL = {"EnableIPv6": True, "IPv6Network": "fd00::/48"}


@pytest.mark.parametrize(
    ("old", "new", "keys"),
    [
        pytest.param(conf(), NO_BACKEND, ["Backend.Type"], id="backend-removed"),
        pytest.param(conf(), conf(WIREGUARD), ["Backend.Type"], id="to-wireguard"),
        pytest.param(conf(WIREGUARD), conf(), ["Backend.Type"], id="from-wireguard"),
        pytest.param(conf(), conf({"Type": "alloc"}), ["Backend.Type"], id="to-alloc"),
        pytest.param(conf({"Port": 4789}), conf(), ["Backend.Port"], id="port-that-sticks"),
        pytest.param(conf({"Port": 4789}), conf({"Port": 0}), ["Backend.Port"], id="port-zero"),
        pytest.param(
            conf(**DUAL),
            conf(EnableIPv4=False, **DUAL),
            ["EnableIPv4"],
            id="family-off",
        ),
        pytest.param(conf(), conf(SubnetLen=25), [], id="ignored-subnets"),
        pytest.param(conf(), conf(Network="10.0.0.0/8"), [], id="widened"),
        pytest.param(conf(), conf(Network="10.20.0.0/16"), [], id="podcidrs-are-another-check's"),
        pytest.param("{", NO_BACKEND, [], id="repaired"),
        pytest.param(None, NO_BACKEND, [], id="made-anew"),
    ],
)
def test_on_a_live_cluster(old, new, keys) -> None:
    """Whatever breaks for good is refused; before a cluster is built all is free."""
    assert list(found(netconf_breaks_live, change(old, new))) == keys
    assert found(netconf_breaks_live, change(old, new, NEW)) == {}
