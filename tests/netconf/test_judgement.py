"""Modes, versions, leases, limits and advice."""

import json

import pytest

from webhook.netconf import (
    Mode,
    Stage,
    Version,
    judge,
    kernel_limits,
    lease,
    parse,
    warnings,
    windows_limits,
)
from webhook.netconf.names import TOP_LEVEL, nearest


def conf(backend=None, **top):
    return json.dumps(
        {"Network": "10.244.0.0/16"} | top | {"Backend": backend or {"Type": "vxlan"}}
    )


def vxlan(**keys):
    return conf({"Type": "vxlan"} | keys)


@pytest.mark.parametrize(
    ("top", "message"),
    [
        pytest.param({}, None, id="defaults"),
        pytest.param({"Network": "0.0.0.0/0"}, "please define a correct Network", id="empty"),
        pytest.param({"SubnetLen": 31}, "must be less than /31", id="long"),
        pytest.param({"SubnetLen": 17}, "at least four subnets", id="short"),
        pytest.param({"Network": "10.0.0.0/29"}, "is /28", id="small"),
        pytest.param({"SubnetMin": "10.1.0.0"}, "SubnetMin is not in the range", id="outside"),
        pytest.param({"SubnetMax": "10.244.1.1"}, "boundary: 10.244.1.1", id="boundary"),
        pytest.param({"SubnetMin": "10.244.9.0", "SubnetMax": "10.244.1.0"}, None, id="reversed"),
        pytest.param({"EnableIPv6": True}, "correct IPv6Network", id="no-ip6-network"),
        pytest.param({"EnableIPv6": True, "IPv6Network": "fd00::/125"}, "is /124", id="ip6-small"),
        pytest.param(
            {"EnableIPv6": True, "IPv6Network": "0.0.0.0/0"}, "boundary", id="ip6-beyond-128-bits"
        ),
    ],
)
def test_etcd_mode(top, message):
    """Etcd mode checks what kube mode does not look at."""
    found = judge(conf(**top), mode=Mode.ETCD)

    assert judge(conf(**top)).ok
    if message is None:
        assert found.ok
    else:
        assert found.stage is Stage.NETWORK
        assert message in (found.etcd_error or "")


@pytest.mark.parametrize(
    ("version", "text", "ok"),
    [
        pytest.param("v0.19.2", conf(SubnetLen=17), False, id="range-checked-before-0.20"),
        pytest.param("v0.20.0", conf(SubnetLen=17), True, id="not-since"),
        pytest.param("v0.14.0", conf(EnableIPv4=False), True, id="families-since-0.15"),
        pytest.param("v0.15.0", conf({"Type": "wireguard"}), False, id="wireguard-since-0.16"),
        pytest.param("v0.21.2", vxlan(MTU="x"), True, id="mtu-since-0.21.3"),
        pytest.param("v0.24.4", conf(EnableNFTables="x"), True, id="nftables-since-0.25"),
        pytest.param("v0.25.0", conf(EnableNFTables="x"), False, id="nftables-0.25"),
    ],
)
def test_versions(version, text, ok):
    """Older flannel does otherwise where its code did."""
    assert ok is judge(text, version=Version.parse(version)).ok


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("v0.28.10", Version(0, 28, 10)),
        ("0.19.2-amd64", Version(0, 19, 2)),
        ("v0.20", Version(0, 20)),
        ("latest", None),
    ],
)
def test_version_tags(tag, version):
    """An image tag tells the version, where it does."""
    assert version == Version.parse(tag)


OUTSIDE = "specified in the flannel net config doesn't contain"


@pytest.mark.parametrize(
    ("top", "cidrs", "error"),
    [
        pytest.param({}, ["10.244.1.0/24"], "", id="within"),
        pytest.param({}, ["10.244.0.0/16"], "", id="equal"),
        pytest.param({}, ["10.0.0.0/8"], OUTSIDE, id="larger"),
        pytest.param({}, ["10.245.1.0/24"], OUTSIDE, id="outside"),
        pytest.param({}, [], "not assigned", id="none"),
        pytest.param({}, ["10.244.1.0/24"] * 3, "IPv4/IPv6 only or dualstack", id="three"),
        pytest.param({}, ["10.245.1.0/24", "10.244.1.0/24"], "", id="last-of-a-family-wins"),
        pytest.param({}, ["fd00::/64"], "IPv4 is enabled but the lease", id="other-family"),
        pytest.param({}, ["x"], "invalid CIDR address: x", id="no-cidr"),
        pytest.param({"EnableIPv6": True}, ["10.244.1.0/24"], "IPv6 is enabled", id="no-ip6"),
    ],
)
def test_lease(top, cidrs, error):
    """A node gets its lease as AcquireLease gives it."""
    found = lease(parse(conf(**top)), cidrs)

    assert (error == "") is found.ok
    assert error in found.error


def test_lease_that_panics_later():
    """Backends that do not check a missing IPv6 lease panic when they write subnet.env."""
    found = lease(parse(conf({"Type": "host-gw"}, EnableIPv6=True)), ["10.244.1.0/24"])

    assert found.ok
    assert "panics" in found.note


@pytest.mark.parametrize(
    ("text", "effects"),
    [
        pytest.param(vxlan(), [], id="defaults"),
        pytest.param(vxlan(VNI=9_999_999), [], id="largest-vni"),
        pytest.param(vxlan(VNI=10_000_000), ["exits"], id="vni-too-large"),
        pytest.param(vxlan(VNI=-1), ["exits"], id="vni-negative"),
        pytest.param(
            conf({"Type": "vxlan", "VNI": 10_000}, EnableIPv6=True), ["exits"], id="vni-ip6"
        ),
        pytest.param(vxlan(Port=65_536), ["differs"], id="port-truncated"),
        pytest.param(vxlan(MTU=50), ["broken"], id="mtu-50"),
        pytest.param(vxlan(MTU=51), ["exits"], id="mtu-51"),
        pytest.param(vxlan(MTU=117), ["exits"], id="mtu-117"),
        pytest.param(vxlan(MTU=118), [], id="mtu-118"),
        pytest.param(vxlan(MTU=65_585), [], id="mtu-65585"),
        pytest.param(vxlan(MTU=65_586), ["exits"], id="mtu-65586"),
        pytest.param(conf({"Type": "udp", "Port": 65_536}), ["exits"], id="udp-port"),
        pytest.param(conf({"Type": "wireguard", "MTU": 80}), ["broken"], id="wireguard-mtu"),
    ],
)
def test_kernel_limits(text, effects):
    """The kernel's limits are those measured."""
    assert effects == [limit.effect for limit in kernel_limits(parse(text))]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        pytest.param(vxlan(), [], id="absent-is-right"),
        pytest.param(vxlan(VNI=4096, Port=4789), [], id="written-out"),
        pytest.param(vxlan(VNI=1, Port=8472), ["Backend.VNI", "Backend.Port"], id="linux-defaults"),
        pytest.param(vxlan(GBP=True), ["Backend.GBP"], id="gbp"),
        pytest.param(vxlan(DirectRouting=True), ["Backend.DirectRouting"], id="direct"),
        pytest.param(vxlan(MacPrefix="0E2A"), ["Backend.MacPrefix"], id="mac-prefix"),
        pytest.param(vxlan(MacPrefix="0E-2A", Name=5), ["Backend.Name"], id="name"),
        pytest.param(conf({"Type": "host-gw"}), [], id="host-gw"),
    ],
)
def test_windows_limits(text, keys):
    """Flannel on Windows refuses what its code refuses."""
    assert keys == [limit.key for limit in windows_limits(parse(text))]


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        pytest.param("{}", "Backend", "absent means udp", id="udp"),
        pytest.param(conf(SubnetLen=24), "SubnetLen", "ignored", id="ignored"),
        pytest.param(conf(DirectRouting=True), "DirectRouting", 'inside "Backend"', id="misplaced"),
        pytest.param(vxlan(EnableIPv6=True), "Backend.EnableIPv6", "the top level", id="top-level"),
        pytest.param(conf(Networks=[]), "Networks", "only flannel v0.21.0", id="gone"),
        pytest.param(conf(Netwrok="x"), "Netwrok", '"Network"', id="misspelt"),
        pytest.param(
            vxlan(**{"Direct-Routing": 1}), 'Backend."Direct-Routing"', '"DirectRouting"', id="dash"
        ),
        pytest.param(
            vxlan(PSK="x"), "Backend.PSK", "a key of backend wireguard, ipsec", id="other"
        ),
        pytest.param(vxlan(Colour=1), "Backend.Colour", "unknown and so ignored", id="unknown"),
        pytest.param(conf(Network="10.244.5.0/16"), "Network", "it means 10.244.0.0/16", id="bits"),
        pytest.param(conf(Network="::ffff:10.0.0.0/104"), "Network", "with dots", id="mapped"),
        pytest.param(conf(IPv6Network="fd00::/48"), "IPv6Network", "not true", id="ip6-off"),
        pytest.param(conf(EnableIPv6=True), "IPv6Network", "absent or ::/0", id="ip6-absent"),
        pytest.param(vxlan(MTU=9000), "Backend.MTU", "a black hole", id="mtu"),
        pytest.param(
            conf({"Type": "wireguard", "Mode": "auto"}), "Backend.Mode", "panics", id="mode"
        ),
        pytest.param(conf({"Type": "extension"}), "Backend.Type", "as root", id="root"),
        pytest.param(
            conf({"Type": "extension", "PostStartupCommand": " "}),
            "Backend.PostStartupCommand",
            "panics",
            id="blank-command",
        ),
    ],
)
def test_warnings(text, key, message):
    """What is probably not meant is told, with the key and what was meant."""
    found = {entry.key: entry.message for entry in warnings(parse(text))}

    assert message in found[key]


def test_few_of_many_unknown_keys():
    """A text of nothing but unknown keys gets few remarks: each is looked up among the known."""
    many = {f"Portx{number}": 1 for number in range(500)}
    found = warnings(parse(conf({"Type": "vxlan"} | many, **many)))

    assert 22 == len(found)
    assert "…: 490 more unknown keys, ignored" == str(found[-2])
    assert "Backend.…: 490 more unknown keys, ignored" == str(found[-1])


def test_no_warnings():
    """The upstream manifest's text draws no remark."""
    assert () == warnings(parse(conf(EnableNFTables=False)))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Netwrk", "Network"),
        ("SubnetLenn", "SubnetLen"),
        ("subnet_len", "SubnetLen"),
        ("EnableNFTabels", "EnableNFTables"),
        ("Colour", None),
        ("x", None),
        ("", None),
        ("é" * 10_000, None),
    ],
)
def test_near_misses(name, meant):
    """A slip is recognised, another word is not."""
    assert meant == nearest(name, TOP_LEVEL)
