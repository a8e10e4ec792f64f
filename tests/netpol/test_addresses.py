"""Addresses and CIDRs, as Go reads them."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.netpol.addresses import external_name, parse_address, parse_cidr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("10.0.0.0/8", "ext4:10.0.0.0-10.255.255.255", id="plain"),
        pytest.param("10.1.2.3/8", "ext4:10.0.0.0-10.255.255.255", id="host-bits-are-cut"),
        pytest.param("010.000.0.0/8", "ext4:10.0.0.0-10.255.255.255", id="leading-zeros-decimal"),
        pytest.param("::ffff:10.0.0.0/104", "ext4:10.0.0.0-10.255.255.255", id="mapped-is-ipv4"),
        pytest.param("0.0.0.0/0", "ext4:0.0.0.0-255.255.255.255", id="all-of-ipv4"),
        pytest.param("FD00:0:0::/48", "ext6:fd00::-fd00::ffff:ffff:ffff:ffff:ffff", id="ipv6"),
        pytest.param("::1/128", "ext6:::1-::1", id="one-address"),
    ],
)
def test_cidr(text, expected):
    """A CIDR is the range from its first to its last address."""
    assert expected == external_name(*parse_cidr(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0.0",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0/8",
        "::/129",
        "a/8",
        "::ffff:0.0.0.0/90",
    ],
)
def test_no_cidr(text):
    """What is no CIDR is refused."""
    with pytest.raises(ValueError, match=r"."):
        parse_cidr(text)


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6).filter(lambda a: not a.ipv4_mapped))
def test_addresses_read_as_the_standard_library_reads_them(address):
    """Canonical addresses keep family and value."""
    assert (address.version, int(address)) == parse_address(str(address))


@given(st.integers(0, (1 << 32) - 1), st.integers(0, 32))
def test_cidrs_read_as_the_standard_library_reads_them(number, length):
    """First and last address agree with the standard library's network."""
    text = f"{ipaddress.IPv4Address(number)}/{length}"
    network = ipaddress.ip_network(text, strict=False)

    assert (4, (int(network[0]), int(network[-1]))) == parse_cidr(text)
