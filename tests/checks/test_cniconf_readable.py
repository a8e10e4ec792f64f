"""The CNI configuration is one that can be loaded."""

import pytest

from webhook.checks.cniconf_readable import cniconf_readable
from webhook.checks.subjects import CniChange
from webhook.netconf import CniFault

FIELD = "data[cni-conf.json]"


@pytest.mark.parametrize(
    ("fault", "fields"),
    [
        pytest.param(CniFault("plugins", "must be a list"), [f"{FIELD}.plugins"], id="a-key"),
        pytest.param(CniFault("", "must be a JSON object"), [FIELD], id="the-whole"),
        pytest.param(CniFault("plugins[0].delegate.mtu", "x", fatal=False), [], id="not-fatal"),
    ],
)
@pytest.mark.parametrize("live", [True, False])
def test_faults(fault, fields, live) -> None:
    """What cannot be loaded is refused, on a new cluster too."""
    change = CniChange(((FIELD, fault),), (), live)

    assert [violation.field for violation in cniconf_readable.run(change)] == fields
