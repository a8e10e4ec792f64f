"""Every node gets its lease."""

import pytest

from tests.netconfs import change, conf, found
from webhook.checks.netconf_podcidr_outside import netconf_podcidr_outside
from webhook.checks.subjects import FlannelNodes
from webhook.netconf import Version

ELSEWHERE = conf(Network="10.20.0.0/16")
DUAL = conf(EnableIPv6=True, IPv6Network="fd00::/48")


def nodes(*cidrs: str, live: bool = True) -> FlannelNodes:
    return FlannelNodes(
        live, tuple((f"node-{i}", tuple(c.split(","))) for i, c in enumerate(cidrs, 1))
    )


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize(
    ("old", "new", "cidrs", "keys"),
    [
        pytest.param(conf(), ELSEWHERE, ["10.244.0.0/24"], ["Network"], id="moved-away"),
        pytest.param(None, ELSEWHERE, ["10.244.0.0/24"], ["Network"], id="made-anew"),
        pytest.param("{", ELSEWHERE, ["10.244.0.0/24"], ["Network"], id="repaired-wrongly"),
        pytest.param("{", conf(), ["10.244.0.0/24"], [], id="repaired"),
        pytest.param(ELSEWHERE, conf(), ["10.244.0.0/24"], [], id="moved-back"),
        pytest.param(conf(), ELSEWHERE, [], [], id="no-podcidrs-yet"),
        pytest.param(
            conf(), conf({"MTU": 1400}), ["10.20.0.0/24"], [], id="a-stray-node-stays-stray"
        ),
        pytest.param(conf(), ELSEWHERE, ["10.9.0.0/24"], ["Network"], id="still-outside"),
        pytest.param(conf(), DUAL, ["10.244.0.0/24"], ["EnableIPv6"], id="no-ipv6-podcidr"),
        pytest.param(conf(), DUAL, ["10.244.0.0/24,fd00::/64"], [], id="dual-stack"),
        pytest.param(conf(), DUAL, ["10.244.0.0/24,fe00::/64"], ["IPv6Network"], id="ipv6-outside"),
    ],
)
def test_leases(old, new, cidrs, keys, live) -> None:
    """A node that flannel would newly exit on is a refusal, whether the cluster is live or not."""
    assert list(found(netconf_podcidr_outside, change(old, new, nodes(*cidrs, live=live)))) == keys


def test_the_message_names_nodes_and_says_what_flannel_says() -> None:
    """Three names and the number of the rest; flannel's own words of the first."""
    cidrs = [f"10.244.{i}.0/24" for i in range(5)]
    (message,) = found(netconf_podcidr_outside, change(conf(), ELSEWHERE, nodes(*cidrs))).values()

    assert message.startswith('Invalid value: "10.20.0.0/16": ')
    assert "node-1, node-2, node-3 and 2 more" in message
    assert 'doesn\'t contain "10.244.0.0/24" PodCIDR of the "node-1" node' in message


@pytest.mark.parametrize(
    ("live", "backend", "told"),
    [
        pytest.param(True, {"Port": 4789}, "with Backend.Port changed too", id="port"),
        pytest.param(True, {"GBP": True}, "with Backend.GBP changed too", id="gbp"),
        pytest.param(True, {"VNI": 2}, "", id="another-device"),
        pytest.param(True, {}, "", id="network-alone"),
        pytest.param(False, {"Port": 4789}, "", id="not-live"),
    ],
)
def test_the_device_goes_before_the_node_is_judged(live, backend, told) -> None:
    """RegisterNetwork remakes the device, then exits: pods that run lose their traffic too."""
    new = conf(backend, Network="10.20.0.0/16")
    subject = change(conf(), new, nodes("10.244.0.0/24", live=live))
    (message,) = found(netconf_podcidr_outside, subject).values()

    assert ("deletes its device first" in message) is bool(told)
    assert told in message


def test_before_flannel_looked_it_is_not_this_checks_business() -> None:
    """Up to v0.17 it started with a mismatch (#1428); then the change is rated."""
    subject = change(conf(), ELSEWHERE, nodes("10.244.0.0/24"), version=Version(0, 17))

    assert found(netconf_podcidr_outside, subject) == {}
    assert [each.key for each in subject.rated] == ["Network"]
