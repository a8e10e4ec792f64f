"""The range of an IP pool in use stays."""

import pytest

from tests.checks.calico import BLOCK, pool_fields
from webhook.checks.ippool_cidr_live import ippool_cidr_live


@pytest.mark.parametrize(
    ("cidr", "block", "refused"),
    [
        pytest.param("10.245.0.0/16", BLOCK, ["spec.cidr"], id="moved"),
        pytest.param("10.244.0.0/15", BLOCK, ["spec.cidr"], id="widened"),
        pytest.param("10.244.0.0/17", BLOCK, ["spec.cidr"], id="narrowed"),
        pytest.param("", BLOCK, ["spec.cidr"], id="emptied"),
        pytest.param("10.244.0.0/16", BLOCK, [], id="same"),
        pytest.param("10.244.1.0/16", BLOCK, [], id="host-bits"),
        pytest.param("10.245.0.0/16", "", [], id="unused"),
    ],
)
def test_cidr(cidr, block, refused) -> None:
    """Another network is another pool; the same one may be written otherwise."""
    assert pool_fields(ippool_cidr_live, {}, {"cidr": cidr}, block=block) == refused


def test_ipv6_forms_are_the_same_network() -> None:
    """Zeros may be written out."""
    old, new = {"cidr": "fd00:0:0::/48"}, {"cidr": "fd00::/48"}

    assert pool_fields(ippool_cidr_live, old, new, block="fd00::/122") == []
