"""A live cluster keeps its net-conf.json."""

import pytest

from webhook.checks.netconf_removed_live import netconf_removed_live
from webhook.checks.subjects import FlannelNodes, NetConfChange
from webhook.netconf import parse

CONF = parse('{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}')


@pytest.mark.parametrize(
    ("old", "new", "live", "refused"),
    [
        pytest.param(CONF, None, True, True, id="removed-live"),
        pytest.param(CONF, None, False, False, id="removed-before-it-is-built"),
        pytest.param(CONF, CONF, True, False, id="kept"),
        pytest.param(None, CONF, True, False, id="added"),
        pytest.param(None, None, True, False, id="never-there"),
    ],
)
def test_removal(old, new, live, refused) -> None:
    """Taking the file away is refused exactly where flannel runs."""
    found = list(
        netconf_removed_live.run(NetConfChange("data[net-conf.json]", old, new, FlannelNodes(live)))
    )

    assert bool(found) is refused
