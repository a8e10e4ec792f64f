"""NAT of an IP pool in use is not switched off."""

import pytest

from tests.checks.calico import BLOCK, pool_fields
from webhook.checks.ippool_nat_live import ippool_nat_live

ON, OFF = {"natOutgoing": True}, {"natOutgoing": False}


@pytest.mark.parametrize(
    ("old", "new", "block", "refused"),
    [
        pytest.param(ON, OFF, BLOCK, ["spec.natOutgoing"], id="off"),
        pytest.param(ON, {}, BLOCK, ["spec.natOutgoing"], id="left-out"),
        pytest.param(OFF, ON, BLOCK, [], id="on"),
        pytest.param(OFF, {}, BLOCK, [], id="default"),
        pytest.param(ON, OFF, "", [], id="unused"),
    ],
)
def test_nat(old, new, block, refused) -> None:
    """Without it answers from outside find no way back to pod addresses."""
    assert pool_fields(ippool_nat_live, old, new, block=block) == refused
