"""Our own table of what flannel does with a text, so that the suite stands without the cases."""

import pytest

from webhook.netconf import NetConfError, Stage, parse
from webhook.netconf.backends import (
    Alloc,
    Extension,
    HostGw,
    Ipip,
    Ipsec,
    TencentVpc,
    Udp,
    Vxlan,
    Wireguard,
)
from webhook.netconf.nets import IP4Net, IP6Net


def backend(text):
    """A net-conf.json around the inside of Backend."""
    return f'{{"Network":"10.244.0.0/16","Backend":{{{text}}}}}'


DEEP = 9_998

STARTS = [
    pytest.param("null", Udp(), id="null-is-udp"),
    pytest.param("{}", Udp(), id="no-backend-is-udp"),
    pytest.param(" \t\r\n{} \n", Udp(), id="blanks"),
    pytest.param(backend('"Type":"vxlan"'), Vxlan(), id="defaults"),
    pytest.param(backend('"Type":"VXLAN"'), Vxlan(), id="type-any-case"),
    pytest.param(backend('"Type":"İpip"'), Ipip(), id="go-lowers-dotted-i"),
    pytest.param(
        backend('"Type":"vxlan","Directrouting":true'),
        Vxlan(direct_routing=True),
        id="key-any-case",
    ),
    pytest.param(backend('"Type":"vxlan","v\\u006ei":7'), Vxlan(vni=7), id="key-escaped"),
    pytest.param(backend('"Type":"vxlan","DırectRouting":true'), Vxlan(), id="dotless-i-is-none"),
    pytest.param('{"Bac\\u212aend":{"Type":"host-gw"}}', HostGw(), id="kelvin-is-k"),
    pytest.param('{"Backend":{"Type":"wireguard","P\\u017fK":""}}', Wireguard(), id="long-s-is-s"),
    pytest.param(backend('"Type":"vxlan","VNI ":7'), Vxlan(), id="no-trimming-of-keys"),
    pytest.param(backend('"Type":"vxlan","VNI":2,"vni":3'), Vxlan(vni=3), id="last-wins"),
    pytest.param(backend('"Type":"vxlan","GBP":true,"GBP":null'), Vxlan(gbp=True), id="null-keeps"),
    pytest.param(
        '{"Backend":{"Type":5},"backend":{"Type":"alloc"}}', Alloc(), id="backend-as-a-whole"
    ),
    pytest.param(backend('"Type":"vxlan","Port":-0'), Vxlan(), id="int-minus-zero"),
    pytest.param(backend('"Type":"vxlan","X":1e400'), Vxlan(), id="unknown-needs-only-be-json"),
    pytest.param(backend('"Type":"host-gw","Port":"x"'), HostGw(), id="host-gw-looks-at-nothing"),
    pytest.param(backend('"Type":"vxlan","Name":5'), Vxlan(), id="windows-key-on-linux"),
    pytest.param(
        backend('"Type":"extension","PreStartupCommand":"x"'), Extension("x"), id="extension"
    ),
    pytest.param(backend('"Type":"tencent-vpc","AccessKeyID":"a"'), TencentVpc("a"), id="tencent"),
    pytest.param(
        backend(f'"Type":"ipsec","PSK":"{"é" * 48}"'), Ipsec(psk="é" * 48), id="psk-in-bytes"
    ),
    pytest.param(f'{{"X":{"[" * (DEEP + 1)}{"]" * (DEEP + 1)}}}', Udp(), id="depth-10000"),
]

STOPS = [
    pytest.param("", Stage.PARSE, "", 1, 1, id="empty"),
    pytest.param("[]", Stage.PARSE, "", 1, 1, id="array"),
    pytest.param('"x"', Stage.PARSE, "", 1, 1, id="string"),
    pytest.param("\ufeff{}", Stage.PARSE, "", 1, 1, id="bom"),
    pytest.param("{}\n{}", Stage.PARSE, "", 2, 1, id="second-value"),
    pytest.param('{"a":1,}', Stage.PARSE, "", 1, 8, id="trailing-comma"),
    pytest.param('{"a":[1,]}', Stage.PARSE, "a[]", 1, 9, id="trailing-comma-in-array"),
    pytest.param('{"a":010}', Stage.PARSE, "a", 1, 7, id="leading-zero"),
    pytest.param('{"a":1.}', Stage.PARSE, "a", 1, 7, id="bare-point"),
    pytest.param('{"a":NaN}', Stage.PARSE, "a", 1, 6, id="nan"),
    pytest.param('{"a":"\x01"}', Stage.PARSE, "a", 1, 7, id="control-character"),
    pytest.param('{"a":"\\x"}', Stage.PARSE, "a", 1, 7, id="bad-escape"),
    pytest.param('{"a"\xa0:1}', Stage.PARSE, "a", 1, 5, id="nbsp"),
    pytest.param(
        f'{{"X":{"[" * (DEEP + 2)}', Stage.PARSE, "X[][][][][][][].…", 1, 10005, id="depth"
    ),
    pytest.param('{"Network":null}', Stage.PARSE, "Network", 1, 12, id="network-null"),
    pytest.param(
        '{"Network":"10.244.0.0\\/16"}', Stage.PARSE, "Network", 1, 12, id="cidr-not-unescaped"
    ),
    pytest.param('{"Network":"fd00::/48"}', Stage.PARSE, "Network", 1, 12, id="ip6-in-network"),
    pytest.param('{"SubnetLen":-0}', Stage.PARSE, "SubnetLen", 1, 14, id="uint-minus-zero"),
    pytest.param('{"SubnetLen":"24"}', Stage.PARSE, "SubnetLen", 1, 14, id="no-conversion"),
    pytest.param(
        '{"SubnetLen":"x","SubnetLen":1}', Stage.PARSE, "SubnetLen", 1, 14, id="each-is-checked"
    ),
    pytest.param('{"Backend":[]}', Stage.PARSE, "Backend", 1, 12, id="backend-array"),
    pytest.param('{"Backend":{"Type":5}}', Stage.PARSE, "Backend.Type", 1, 20, id="type-number"),
    pytest.param('{"EnableIPv4":false}', Stage.FAMILY, "EnableIPv4", 1, 15, id="no-family"),
    pytest.param('{"Backend":null}', Stage.BACKEND_TYPE, "Backend.Type", 1, 12, id="backend-null"),
    pytest.param(
        '{"Backend":{"Type":"vxlan "}}', Stage.BACKEND_TYPE, "Backend.Type", 1, 20, id="no-trim"
    ),
    pytest.param(
        '{"Backend":{"Type":"gce"}}', Stage.BACKEND_TYPE, "Backend.Type", 1, 20, id="gone-type"
    ),
    pytest.param(
        '{"Backend":{"Type":"vxlan","VNI":1.0}}',
        Stage.BACKEND_CONFIG,
        "Backend.VNI",
        1,
        34,
        id="vni",
    ),
    pytest.param(
        '{"Backend":{"Type":"ipsec"}}', Stage.BACKEND_CONFIG, "Backend.PSK", 1, 12, id="short-psk"
    ),
    pytest.param(
        '{"Backend":{"Type":"wireguard","Mode":"AUTO"}}',
        Stage.BACKEND_CONFIG,
        "Backend.Mode",
        1,
        39,
        id="mode",
    ),
    pytest.param(
        '{"EnableIPv4":false,"EnableIPv6":true}',
        Stage.BACKEND_CONFIG,
        "EnableIPv4",
        1,
        1,
        id="udp-panics-on-ip6",
    ),
    pytest.param(
        '{"Backend":{"Type":"extension","PreStartupCommand":" "}}',
        Stage.BACKEND_CONFIG,
        "Backend.PreStartupCommand",
        1,
        52,
        id="blank-command",
    ),
]


@pytest.mark.parametrize(("text", "expected"), STARTS)
def test_starts(text, expected):
    """Flannel starts with the text and works with these values."""
    assert expected == parse(text).backend


@pytest.mark.parametrize(("text", "stage", "key", "line", "column"), STOPS)
def test_stops(text, stage, key, line, column):
    """Flannel stops at the stage; the error names the key and the place."""
    with pytest.raises(NetConfError) as caught:
        parse(text)

    error = caught.value
    assert (stage, key, line, column) == (error.stage, error.key, error.line, error.column)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        pytest.param("10.244.5.7/16", IP4Net(0x0AF40000, 16), id="host-bits-masked"),
        pytest.param("10.244.0.0/016", IP4Net(0x0AF40000, 16), id="zeros-before-length"),
        pytest.param(
            "::ffff:10.244.0.0/112", IP4Net(0x0AF40000, 112), id="mapped-keeps-its-length"
        ),
        pytest.param("10.0.0.0/0", IP4Net(), id="zero-is-none"),
    ],
)
def test_network(text, network):
    """Networks are read as net.ParseCIDR and IP4Net do."""
    assert network == parse(f'{{"Network":"{text}"}}').config.network


@pytest.mark.parametrize(
    ("text", "network", "shown"),
    [
        pytest.param("10.0.0.0/8", IP6Net(0xFFFF0A000000, 8), "10.0.0.0/8", id="ip4"),
        pytest.param("::10.0.0.0/104", IP6Net(0x0A000000, 104), "10.0.0.0/104", id="four-bytes"),
        pytest.param("FD00:0:0::/048", IP6Net(0xFD00 << 112, 48), "fd00::/48", id="any-spelling"),
    ],
)
def test_ip6_network(text, network, shown):
    """IPv6 networks are read and shown as IP6Net does, oddities included."""
    found = parse(f'{{"IPv6Network":"{text}"}}').config.ip6_network

    assert (network, shown) == (found, str(found))


@pytest.mark.parametrize(
    "text",
    [
        "10.244.0.0",
        "10.244.0/16",
        "10.0244.0.0/16",
        "256.0.0.0/8",
        "10.0.0.0/33",
        "10.0.0.0/+8",
        "10.0.0.0/8/8",
        " 10.0.0.0/8",
        "10.0.0.0/ 8",
        "1.2.3.4:5/8",
        "１0.0.0.0/8",
        "::1%eth0/64",
        "::ffff:1.2.3.4.5/96",
        "1.2.3.4::/16",
        "1:2:3:4:5:6:7:8::/16",
        ":1::/16",
        "1:::/16",
        "g::/16",
        "12345::/16",
        "fd00::/129",
        "/8",
        "",
    ],
)
def test_no_network(text):
    """What net.ParseCIDR refuses is refused, for both families."""
    for key in ("Network", "IPv6Network"):
        with pytest.raises(NetConfError, match="must be an IPv"):
            parse(f'{{"{key}":"{text}"}}')


def test_bytes_that_are_no_utf8():
    """Each byte of invalid UTF-8 in a value becomes one U+FFFD, as in Go."""
    found = parse(b'{"Backend":{"Type":"extension","PreStartupCommand":"a\xe4\xbd\xff"}}')

    assert Extension("a\ufffd\ufffd\ufffd") == found.backend


def test_lone_surrogates():
    """A lone surrogate becomes U+FFFD, written as an escape or in a Python string."""
    for unit in ("\\ud800", "\udfff"):
        found = parse(backend(f'"Type":"extension","PreStartupCommand":"{unit}x"'))

        assert Extension("\ufffdx") == found.backend
