"""Warnings of an admitted change fit on one line of a terminal."""

import dataclasses
from collections.abc import Iterator

import pytest

from tests.netconfs import conf
from tools.flannel_page import EXAMPLES, change_of
from webhook.admission.netconf_advice import LONGEST, UPSTREAM, cni_warnings, net_conf_warnings
from webhook.checks.subjects import CniChange, FlannelNodes, NetConfChange
from webhook.netconf import parse

LIVE = FlannelNodes(live=True, pod_cidrs=(("node-1", ("10.244.0.0/24", "fd00::/64")),))
LONG_IP6 = "fdaa:bbbb:cccc:dddd:eeee:ffff:1234:{}/126"


def told(change: NetConfChange) -> Iterator[str]:
    """What is said of a change where a toggle of DirectRouting is only warned of, too."""
    yield from net_conf_warnings(change)
    yield from net_conf_warnings(dataclasses.replace(change, direct_routing_denied=False))


def change(old: str, new: str) -> NetConfChange:
    return NetConfChange("data[net-conf.json]", parse(old), parse(new), LIVE)


CHANGES = {
    **{each.title: change_of(each) for each in EXAMPLES},
    "long networks": change(
        conf(EnableIPv6=True, IPv6Network=LONG_IP6.format(5670)),
        conf(EnableIPv6=True, IPv6Network=LONG_IP6.format(5678)),
    ),
    "network of a family that is off": change(conf(), conf(IPv6Network=LONG_IP6.format(5678))),
    "long commands": change(
        conf({"Type": "extension", "PreStartupCommand": "a" * 80}),
        conf({"Type": "extension", "PreStartupCommand": "b" * 80}),
    ),
    "back to upstream's values": change(conf({"MTU": 1400}), conf()),
}


@pytest.mark.parametrize("title", CHANGES)
def test_what_a_change_needs_fits(title: str) -> None:
    """Every row of the table that may be admitted, with values as long as they get."""
    assert [] == [line for line in told(CHANGES[title]) if len(line) > LONGEST]


FAULTS = {
    "no backend": '{"Network": "10.244.0.0/16"}',
    "misplaced": conf(PersistentKeepaliveInterval=1),
    "misplaced top": conf({"IPv6SubnetLen": 64}),
    "misspelt": conf({"PersistentKeepaliveIntervall": 1, "Type": "wireguard"}),
    "of all other backends": conf({"PSK": "x", "DirectRouting": True, "Type": "host-gw"}),
    "unknown and long": conf({"x" * 200: 1}, **{"y z" * 200: 1}),
    "gone": conf(Networks=["10.0.0.0/8"], IPv6Networks=[]),
    "subnets": conf(SubnetLen=25, IPv6SubnetMin="fd00::", IPv6SubnetMax="fd00::ffff"),
    "host bits": conf(Network="10.244.7.7/16", IPv6Network="fdaa:bbbb:cccc:dddd:eeee::7/80"),
    "empty": conf(Network="0.0.0.0/0", EnableIPv6=True),
    "mapped": conf(Network="::ffff:10.244.0.0/112", IPv6Network="10.0.0.0/8"),
    "family unknown to the backend": conf({"Type": "tencent-vpc"}, EnableIPv6=True),
    "large MTU": conf({"Type": "wireguard", "MTU": 9000, "Mode": "ipv4"}),
    "limits": conf({"VNI": 99_999_999, "Port": 74_008, "MTU": 60}),
    "no MTU": conf({"MTU": 10}),
    "ports": conf({"Type": "udp", "Port": 99_999}),
    "commands": conf({"Type": "extension", "PostStartupCommand": "  "}),
}


@pytest.mark.parametrize("title", FAULTS)
def test_what_is_odd_fits(title: str) -> None:
    """Each remark on a file by itself, under the longest field that it may stand in."""
    odd = NetConfChange("binaryData[net-conf.json]", None, parse(FAULTS[title]), FlannelNodes())
    lines = list(net_conf_warnings(odd))

    assert lines
    assert [] == [line for line in lines if len(line) > LONGEST]


def test_what_is_left_out_first_are_the_values() -> None:
    """Key and reason stand; a long command does not push them out."""
    first = next(told(CHANGES["long commands"]))

    assert first.startswith("Backend.PreStartupCommand: run as root on every node")
    assert UPSTREAM in set(told(CHANGES["back to upstream's values"]))


def test_the_other_keys_fit() -> None:
    """cni-conf.json and canal's."""
    keys = ("cni-conf.json", "cni_network_config", "veth_mtu", "canal_iface", "masquerade")
    old, new = dict.fromkeys(keys, 1), dict.fromkeys(keys, 2)
    lines = list(cni_warnings(CniChange((), (), live=True), old, new))

    assert len(keys) == len(lines)
    assert [] == [line for line in lines if len(line) > LONGEST]
