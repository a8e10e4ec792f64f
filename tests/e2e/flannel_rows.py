"""Changes of net-conf.json with the answer each gets: the rows of docs/flannel.md, and more.

Of a row: before, after, and what is told: of a warning a part, of a refusal its check behind a "!",
of what is nobody's business nothing. tests/test_flannel_page.py shows that no row is missing.
"""

from typing import Any, Final

import pytest

from tests.netconfs import conf

VXLAN: Final = conf()
WIREGUARD: Final = conf({"Type": "wireguard"})
UDP: Final = conf({"Type": "udp"})
IPIP: Final = conf({"Type": "ipip"})
IPSEC: Final = conf({"Type": "ipsec", "PSK": "k" * 96})
EXTENSION: Final = conf({"Type": "extension", "PreStartupCommand": "true"})
TENCENT: Final = conf({"Type": "tencent-vpc", "AccessKeyID": "a", "AccessKeySecret": "b"})
IP6: Final[dict[str, Any]] = {"EnableIPv6": True, "IPv6Network": "fd00::/48"}
DUAL: Final = conf(**IP6)

POD_CIDRS: Final = ("10.244.1.0/24",)
DUAL_POD_CIDRS: Final = ("10.244.1.0/24", "fd00:0:0:1::/64")

DIRECT: Final = "!netconf-directrouting-live"
SPLIT: Final = "!netconf-split-live"
BREAKS: Final = "!netconf-breaks-live"
OUTSIDE: Final = "!netconf-podcidr-outside"


def wireguard(**more: Any) -> str:
    return conf({"Type": "wireguard"} | more)


ROWS = [
    pytest.param(VXLAN, conf({"VNI": 1, "Port": 0}), "", id="S-explicit-defaults"),
    pytest.param(VXLAN, VXLAN.replace("Network", "NETWORK"), "", id="S-key-case"),
    pytest.param(VXLAN, conf(SubnetLen=25), "ignored in kube-subnet-mgr", id="S-ignored-key"),
    pytest.param(VXLAN, conf({"Directrouting": False}), "", id="S-explicit-false"),
    pytest.param(VXLAN, conf({"DirectRoutin": True}), "probably meant", id="S-misspelt-key"),
    pytest.param(VXLAN, conf(DirectRouting=True), 'inside "Backend"', id="S-misplaced-key"),
    pytest.param(WIREGUARD, wireguard(PersistentKeepaliveInterval=25), "", id="S-keepalive"),
    pytest.param(VXLAN, conf({"MTU": 1400}), "Backend.MTU absent -> 1400", id="R-mtu"),
    pytest.param(VXLAN, conf({"Learning": True}), "Backend.Learning false", id="R-learning"),
    pytest.param(VXLAN, conf(EnableNFTables=True), "EnableNFTables false", id="R-nftables"),
    pytest.param(VXLAN, conf(Network="10.0.0.0/8"), 'Network "10.244.0.0/16" ->', id="R-widened"),
    pytest.param(
        VXLAN, conf(Network="10.244.0.0/20"), 'Network "10.244.0.0/16" ->', id="R-narrowed"
    ),
    pytest.param(
        VXLAN, conf(IPv6Network="fd00::/48"), "IPv6Network absent ->", id="R-network-of-no-family"
    ),
    pytest.param(WIREGUARD, wireguard(MTU=1400), "Backend.MTU absent", id="R-wireguard-mtu"),
    pytest.param(WIREGUARD, wireguard(ListenPort=9), "Backend.ListenPort 51820", id="R-listenport"),
    pytest.param(
        WIREGUARD, wireguard(ListenPortV6=9), "Backend.ListenPortV6 51821", id="R-listenport-v6"
    ),
    pytest.param(EXTENSION, EXTENSION.replace("true", "id"), "runs its commands", id="R-extension"),
    pytest.param(TENCENT, TENCENT.replace('"a"', '"c"'), "Backend.AccessKeyID", id="R-tencent-vpc"),
    pytest.param(VXLAN, conf({"DirectRouting": True}), DIRECT, id="R-directrouting"),
    pytest.param(
        IPIP, conf({"Type": "ipip", "DirectRouting": True}), DIRECT, id="R-directrouting-of-ipip"
    ),
    pytest.param(VXLAN, conf({"VNI": 7}), SPLIT, id="X-vni"),
    pytest.param(VXLAN, conf({"Port": 4789}), SPLIT, id="X-port"),
    pytest.param(VXLAN, conf({"GBP": True}), SPLIT, id="X-gbp"),
    pytest.param(VXLAN, conf({"Type": "host-gw"}), SPLIT, id="X-to-host-gw"),
    pytest.param(VXLAN, IPIP, SPLIT, id="X-to-another-type"),
    pytest.param(WIREGUARD, wireguard(PSK="A" * 43 + "="), SPLIT, id="X-wireguard-psk"),
    pytest.param(WIREGUARD, wireguard(Mode="auto"), SPLIT, id="X-wireguard-mode"),
    pytest.param(UDP, conf({"Type": "udp", "Port": 9000}), SPLIT, id="X-udp-port"),
    pytest.param(IPSEC, IPSEC.replace("kkk", "xxx"), SPLIT, id="X-ipsec"),
    pytest.param(conf({"Port": 4789}), VXLAN, BREAKS, id="B-port-that-sticks"),
    pytest.param(VXLAN, WIREGUARD, BREAKS, id="B-to-wireguard"),
    pytest.param(WIREGUARD, VXLAN, BREAKS, id="B-from-wireguard"),
    pytest.param(VXLAN, conf({"Type": "alloc"}), BREAKS, id="B-to-alloc"),
    pytest.param(VXLAN, '{"Network": "10.244.0.0/16"}', BREAKS, id="B-no-backend"),
    pytest.param(VXLAN, conf(Network="10.9.0.0/16"), OUTSIDE, id="B-podcidr-outside"),
    pytest.param(VXLAN, DUAL, OUTSIDE, id="B-family-without-podcidrs"),
    pytest.param(VXLAN, "{", "!netconf-readable", id="unreadable"),
    pytest.param(VXLAN, conf({"VNI": 10_000_000}), "!netconf-limits", id="beyond-the-kernel"),
    pytest.param("{", conf({"MTU": 1400}), "", id="repaired"),
]
"""With a Node that has `POD_CIDRS`, and the newest flannel."""

DUAL_ROWS = [
    pytest.param(VXLAN, DUAL, SPLIT, id="X-family-on"),
    pytest.param(DUAL, VXLAN, BREAKS, id="B-ipv6-off"),
    pytest.param(DUAL, conf(EnableIPv4=False, **IP6), BREAKS, id="B-ipv4-off"),
]
"""With a Node that has `DUAL_POD_CIDRS`."""

OLDER_ROWS = [
    pytest.param("v0.26.5", WIREGUARD, wireguard(ListenPort=9), SPLIT, id="X-listenport"),
    pytest.param("v0.19.2", VXLAN, conf(SubnetLen=40), "!netconf-readable", id="subnets-are-read"),
]
"""With a DaemonSet of that flannel."""
