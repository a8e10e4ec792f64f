"""What the connections of a client are counted by."""

import selectors
import socket

import pytest

from webhook.server.census import Census
from webhook.server.door import Door
from webhook.server.peers import peer_of


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        pytest.param("192.0.2.1", "192.0.2.1", id="ipv4-as-it-is"),
        pytest.param("::ffff:192.0.2.1", "192.0.2.1", id="ipv4-at-an-ipv6-socket"),
        pytest.param("::ffff:c000:201", "192.0.2.1", id="the-same-in-hexadecimal"),
        pytest.param("2001:db8:0:1::1", "2001:db8:0:1::/64", id="ipv6-by-its-subnet"),
        pytest.param("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64", id="its-last"),
        pytest.param("2001:db8:0:2::", "2001:db8:0:2::/64", id="the-next-subnet"),
        pytest.param("2001:DB8:0:0:1:0:0:1", "2001:db8::/64", id="as-rfc-5952-writes-it"),
        pytest.param("::1", "::/64", id="loopback"),
        pytest.param("fe80::1%eth0", "fe80::%eth0/64", id="on-a-link"),
        pytest.param("fe80::1%7", "fe80::%7/64", id="on-another-link"),
        pytest.param("::192.0.2.1", "::/64", id="ipv4-compatible-is-no-ipv4"),
        pytest.param("64:ff9b::192.0.2.1", "64:ff9b::/64", id="behind-a-translator"),
    ],
)
def test_whom_a_connection_counts_for(address, peer) -> None:
    """An IPv6 host may take any address of its subnet; an IPv4 one has one."""
    assert peer_of(address) == peer


@pytest.mark.parametrize(
    ("family", "bound", "reached", "peer"),
    [
        pytest.param(socket.AF_INET, "127.0.0.1", "127.0.0.1", "127.0.0.1", id="ipv4"),
        pytest.param(socket.AF_INET6, "::1", "::1", "::/64", id="ipv6"),
        pytest.param(socket.AF_INET6, "::", "127.0.0.1", "127.0.0.1", id="ipv4-on-dual-stack"),
    ],
)
def test_a_connection_comes_in_with_whom_it_counts_for(family, bound, reached, peer) -> None:
    """Told once, where it is accepted; whatever counts peers later need not parse addresses."""
    if family == socket.AF_INET6 and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    let_in = []
    with (
        socket.create_server((bound, 0), family=family, dualstack_ipv6=bound == "::") as listener,
        selectors.DefaultSelector() as selector,
    ):
        census = Census(1)
        admit = lambda accepted, peer, _now: let_in.append((accepted, peer))  # noqa: E731
        door = Door([listener.dup()], selector, census, census.enter(), admit)
        door.open()
        with socket.create_connection((reached, listener.getsockname()[1])):
            ((key, mask),) = selector.select(10)
            key.data(mask, 0.0)
        door.close()
    for accepted, _ in let_in:
        accepted.close()

    assert [it for _, it in let_in] == [peer]
