"""The encapsulation of an IP pool in use stays."""

import pytest

from tests.checks.calico import BLOCK, pool, pool_fields
from webhook.checks.calico_subjects import PoolChange
from webhook.checks.ippool_encapsulation_live import ippool_encapsulation_live

IPIP, CROSS, NONE = {"ipipMode": "Always"}, {"ipipMode": "CrossSubnet"}, {}
VXLAN = {"vxlanMode": "Always"}
IPIP_FIELD, VXLAN_FIELD = "spec.ipipMode", "spec.vxlanMode"


@pytest.mark.parametrize("use", [{"block": BLOCK}, {"unblocked": True}], ids=["block", "runs"])
@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        pytest.param(IPIP, NONE, [IPIP_FIELD], id="off"),
        pytest.param(NONE, IPIP, [IPIP_FIELD], id="on"),
        pytest.param(IPIP, CROSS, [IPIP_FIELD], id="mode"),
        pytest.param(IPIP, VXLAN, [IPIP_FIELD, VXLAN_FIELD], id="to-vxlan"),
        pytest.param(VXLAN, {"vxlanMode": "CrossSubnet"}, [VXLAN_FIELD], id="vxlan-mode"),
        pytest.param(IPIP, {**IPIP, "vxlanMode": "Never"}, [], id="explicit-default"),
        pytest.param(IPIP, {**IPIP, "disabled": True}, [], id="another-field"),
        pytest.param(None, NONE, [], id="created"),
        pytest.param(IPIP, None, [], id="deleted-is-another-check's"),
    ],
)
def test_in_use(old, new, refused, use) -> None:
    """Whether a block or calico-node shows the use."""
    assert pool_fields(ippool_encapsulation_live, old, new, **use) == refused


@pytest.mark.parametrize(("old", "new"), [(IPIP, NONE), (NONE, IPIP), (IPIP, VXLAN)])
def test_unused_it_is_free(old, new) -> None:
    """An empty pool, or canal's, loses nothing."""
    assert pool_fields(ippool_encapsulation_live, old, new) == []


def test_the_message_tells_all() -> None:
    """What must stay, what shows the use, what would happen, and what to do."""
    change = PoolChange("p", pool(**IPIP), pool(), block=BLOCK)
    (violation,) = ippool_encapsulation_live.run(change)

    assert f"must stay Always (block {BLOCK} lies in it): each node's Felix" in violation.message
    assert "make a new pool beside it" in violation.message
