"""The table of ratings: what each change does to a cluster that stands."""

import json

import pytest

from webhook.netconf import (
    Context,
    Rating,
    Version,
    changes,
    effective_direct_routing,
    parse,
    worst,
)

SAFE, RESTART, SPLIT, BREAKS = Rating.SAFE, Rating.RESTART, Rating.SPLIT, Rating.BREAKS
NODES = Context(pod_cidrs=(("10.244.1.0/24",), ("10.244.2.0/24",)))
DUAL_NODES = Context(pod_cidrs=(("10.244.1.0/24", "fd00:10:244:1::/64"),))
PSK = "A" * 43 + "="


def conf(backend, **top):
    return parse(json.dumps({"Network": "10.244.0.0/16"} | top | {"Backend": backend}))


def typed(kind, **keys):
    secret = {"PSK": "x" * 96} if kind == "ipsec" else {}
    return {"Type": kind} | secret | keys


def rated(old, new, context=NODES):
    return [(change.key, change.rating) for change in changes(old, new, context)]


BACKEND_KEYS = [
    pytest.param(
        "vxlan", {"DirectRouting": False}, {"DirectRouting": True}, RESTART, id="direct-on"
    ),
    pytest.param("vxlan", {"DirectRouting": True}, {}, RESTART, id="direct-off"),
    pytest.param("ipip", {}, {"DirectRouting": True}, RESTART, id="ipip-direct-on"),
    pytest.param("vxlan", {}, {"VNI": 2}, SPLIT, id="vni"),
    pytest.param("vxlan", {}, {"Port": 4789}, SPLIT, id="port-set"),
    pytest.param("vxlan", {"Port": 4789}, {"Port": 8472}, SPLIT, id="port-to-8472"),
    pytest.param("vxlan", {"Port": 4789}, {}, BREAKS, id="port-removed-sticks"),
    pytest.param("vxlan", {"Port": 4789}, {"Port": 0}, BREAKS, id="port-zero-sticks"),
    pytest.param("vxlan", {"Port": 4789}, {"Port": 65536}, SPLIT, id="port-65536-is-made-anew"),
    pytest.param("vxlan", {}, {"GBP": True}, SPLIT, id="gbp"),
    pytest.param("vxlan", {}, {"MTU": 1400}, RESTART, id="mtu"),
    pytest.param("vxlan", {}, {"MTU": 0}, RESTART, id="mtu-zero-is-not-absent"),
    pytest.param("vxlan", {}, {"Learning": True}, RESTART, id="learning"),
    pytest.param("wireguard", {}, {"PSK": PSK}, SPLIT, id="wireguard-psk"),
    pytest.param("wireguard", {}, {"ListenPort": 1}, RESTART, id="wireguard-port"),
    pytest.param("wireguard", {}, {"ListenPortV6": 1}, RESTART, id="wireguard-port-v6"),
    pytest.param("wireguard", {}, {"Mode": "auto"}, SPLIT, id="wireguard-mode"),
    pytest.param("wireguard", {}, {"MTU": 1400}, RESTART, id="wireguard-mtu"),
    pytest.param("wireguard", {}, {"PersistentKeepaliveInterval": 25}, SAFE, id="keepalive"),
    pytest.param("udp", {}, {"Port": 8286}, SPLIT, id="udp-port"),
    pytest.param("ipsec", {}, {"UDPEncap": True}, SPLIT, id="ipsec-udp"),
    pytest.param("ipsec", {}, {"ESPProposal": "x"}, SPLIT, id="ipsec-proposal"),
    pytest.param("ipsec", {}, {"PSK": "y" * 96}, SPLIT, id="ipsec-psk"),
    pytest.param("extension", {}, {"SubnetAddCommand": "x"}, RESTART, id="extension"),
    pytest.param("tencent-vpc", {}, {"AccessKeyID": "x"}, RESTART, id="tencent"),
]


@pytest.mark.parametrize(("kind", "old", "new", "rating"), BACKEND_KEYS)
def test_backend_keys(kind, old, new, rating):
    """A key of a backend that stays what it is has the table's rating."""
    (key,) = {key for key in old | new if old.get(key) != new.get(key)}

    assert [(f"Backend.{key}", rating)] == rated(conf(typed(kind, **old)), conf(typed(kind, **new)))


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        pytest.param({}, {"Port": 4789}, ("0 (that is 8472)", "4789"), id="default"),
        pytest.param({"Port": 4789}, {"Port": -1}, ("4789", "-1 (that is 8472)"), id="negative"),
        pytest.param({"Port": 74008}, {"Port": 1}, ("74008 (that is 8472)", "1"), id="truncated"),
        pytest.param({"MTU": 1400}, {}, ("1400", "absent"), id="absent"),
    ],
)
def test_values_are_shown_as_they_take_effect(old, new, shown):
    """What is written, and what comes of it where that is another."""
    (found,) = changes(conf(typed("vxlan", **old)), conf(typed("vxlan", **new)))

    assert shown == (found.old, found.new)


TYPES = [
    pytest.param("vxlan", "host-gw", SPLIT, id="vxlan-host-gw"),
    pytest.param("host-gw", "vxlan", SPLIT, id="host-gw-vxlan"),
    pytest.param("vxlan", "wireguard", BREAKS, id="to-wireguard-unencrypted"),
    pytest.param("extension", "wireguard", BREAKS, id="extension-wireguard"),
    pytest.param("wireguard", "vxlan", BREAKS, id="from-wireguard"),
    pytest.param("vxlan", "udp", SPLIT, id="to-udp"),
    pytest.param("ipip", "vxlan", SPLIT, id="from-ipip"),
    pytest.param("ipsec", "vxlan", SPLIT, id="from-ipsec"),
    pytest.param("vxlan", "alloc", BREAKS, id="to-alloc"),
    pytest.param("alloc", "vxlan", SPLIT, id="from-alloc"),
    pytest.param("vxlan", "extension", SPLIT, id="to-extension"),
]


@pytest.mark.parametrize(("old", "new", "rating"), TYPES)
def test_types(old, new, rating):
    """A change of the type has the table's rating, and is told alone."""
    assert [("Backend.Type", rating)] == rated(conf(typed(old)), conf(typed(new)))


def test_backend_removed():
    """Without Backend flannel uses udp: that breaks, unless it was udp."""
    bare = parse('{"Network":"10.244.0.0/16"}')

    assert [("Backend.Type", BREAKS)] == rated(conf(typed("vxlan")), bare)
    assert [] == rated(conf(typed("udp")), bare)


NETWORKS = [
    pytest.param("10.244.0.0/16", "10.240.0.0/12", NODES, RESTART, id="widened"),
    pytest.param("10.244.0.0/16", "10.244.0.0/22", NODES, RESTART, id="narrowed-all-within"),
    pytest.param("10.244.0.0/16", "10.244.2.0/23", NODES, BREAKS, id="narrowed-one-outside"),
    pytest.param("10.244.0.0/16", "10.245.0.0/16", NODES, BREAKS, id="moved"),
    pytest.param("10.244.0.0/16", "0.0.0.0/0", NODES, BREAKS, id="removed"),
    pytest.param("10.244.0.0/16", "::ffff:10.244.0.0/112", NODES, BREAKS, id="written-as-ip6"),
    pytest.param("10.244.0.0/16", "10.240.0.0/12", Context(), RESTART, id="widened-nodes-unknown"),
    pytest.param("10.244.0.0/16", "10.244.0.0/20", Context(), BREAKS, id="narrowed-nodes-unknown"),
    pytest.param("10.244.0.0/16", "10.9.0.0/16", Context(pod_cidrs=()), RESTART, id="no-nodes"),
]


@pytest.mark.parametrize(("old", "new", "context", "rating"), NETWORKS)
def test_network(old, new, context, rating):
    """Network may be widened, or narrowed down to what holds every podCIDR."""
    before, after = (conf(typed("vxlan"), Network=network) for network in (old, new))

    assert [("Network", rating)] == rated(before, after, context)


TOP_LEVEL = [
    pytest.param({}, {"EnableNFTables": True}, NODES, {"EnableNFTables": RESTART}, id="nftables"),
    pytest.param({}, {"SubnetLen": 25}, NODES, {"SubnetLen": SAFE}, id="subnet-len"),
    pytest.param({}, {"SubnetMin": "10.244.9.0"}, NODES, {"SubnetMin": SAFE}, id="subnet-min"),
    pytest.param(
        {},
        {"SubnetLen": 25},
        Context(etcd_mode=True),
        {"SubnetLen": BREAKS},
        id="subnet-len-in-etcd-mode",
    ),
    pytest.param(
        {},
        {"EnableIPv6": True, "IPv6Network": "fd00:10:244::/48"},
        NODES,
        {"IPv6Network": RESTART, "EnableIPv6": BREAKS},
        id="ip6-on-nodes-without",
    ),
    pytest.param(
        {},
        {"EnableIPv6": True, "IPv6Network": "fd00:10:244::/48"},
        DUAL_NODES,
        {"IPv6Network": RESTART, "EnableIPv6": SPLIT},
        id="ip6-on-dual-nodes",
    ),
    pytest.param(
        {"EnableIPv6": True, "IPv6Network": "fd00:10:244::/48"},
        {"IPv6Network": "fd00:10:244::/48"},
        DUAL_NODES,
        {"EnableIPv6": BREAKS},
        id="ip6-off",
    ),
    pytest.param(
        {"EnableIPv6": True, "IPv6Network": "fd00:10:244::/48"},
        {"EnableIPv6": True, "IPv6Network": "fd01::/48"},
        DUAL_NODES,
        {"IPv6Network": BREAKS},
        id="ip6-network-moved",
    ),
]


@pytest.mark.parametrize(("old", "new", "context", "ratings"), TOP_LEVEL)
def test_top_level(old, new, context, ratings):
    """Families, subnets and nftables have the table's ratings."""
    before, after = conf(typed("vxlan"), **old), conf(typed("vxlan"), **new)

    assert ratings == dict(rated(before, after, context))


SAME = [
    pytest.param(typed("vxlan"), typed("VXLAN"), id="type-case"),
    pytest.param(typed("vxlan"), typed("vxlan", VNI=1), id="default-vni"),
    pytest.param(typed("vxlan"), typed("vxlan", Port=0), id="port-zero"),
    pytest.param(typed("vxlan"), typed("vxlan", Port=8472), id="port-8472"),
    pytest.param(typed("vxlan", Port=8472), typed("vxlan"), id="port-8472-removed"),
    pytest.param(typed("vxlan"), typed("vxlan", Port=74008), id="port-mod-65536"),
    pytest.param(typed("vxlan"), typed("vxlan", Port=-1), id="port-negative"),
    pytest.param(typed("vxlan"), typed("vxlan", GBP=False, Learning=None), id="default-flags"),
    pytest.param(typed("vxlan"), typed("vxlan", Name="x", Colour=1), id="unknown-keys"),
    pytest.param(typed("udp"), typed("udp", Port=8285), id="udp-default"),
    pytest.param(typed("wireguard"), typed("wireguard", Mode="separate"), id="wireguard-default"),
    pytest.param(typed("host-gw"), typed("host-gw", Port="x"), id="host-gw-looks-at-nothing"),
]


@pytest.mark.parametrize(("old", "new"), SAME)
def test_same_effect(old, new):
    """What takes the same effect is no change."""
    assert () == changes(conf(old), conf(new), NODES)


def test_direct_routing_with_strict_rp_filter():
    """With rp_filter=1 DirectRouting loses all traffic while nodes differ."""
    old, new = conf(typed("vxlan")), conf(typed("vxlan", DirectRouting=True))

    assert [("Backend.DirectRouting", SPLIT)] == rated(old, new, Context(strict_rp_filter=True))
    assert (False, True) == (effective_direct_routing(old), effective_direct_routing(new))


def test_wireguard_port_of_old_flannel():
    """Before v0.26.6 peers do not learn each other's port."""
    old, new = conf(typed("wireguard")), conf(typed("wireguard", ListenPort=1))

    context = Context(version=Version(0, 26, 5))
    assert [("Backend.ListenPort", SPLIT)] == rated(old, new, context)


def test_secrets_are_not_shown():
    """The change of a PSK is told, its values are not."""
    (change,) = changes(conf(typed("wireguard")), conf(typed("wireguard", PSK=PSK)))

    assert ('""', "(hidden)") == (change.old, change.new)


def test_worst():
    """The gravest rating of several counts; none is safe."""
    new = conf(typed("vxlan", MTU=1400, VNI=2))

    assert SPLIT is worst(changes(conf(typed("vxlan")), new))
    assert SAFE is worst(())


@pytest.mark.parametrize("rating", Rating)
def test_ratings_are_explained(rating):
    """Every rating says what it means."""
    assert rating.meaning
