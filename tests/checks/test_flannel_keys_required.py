"""Keys that the pods need stay."""

import pytest

from webhook.checks.flannel_keys_required import flannel_keys_required
from webhook.checks.subjects import CniChange


@pytest.mark.parametrize(
    ("removed", "live", "fields"),
    [
        pytest.param(("canal_iface", "veth_mtu"), True, 2, id="canal"),
        pytest.param(("cni-conf.json",), True, 1, id="flannel"),
        pytest.param(("cni-conf.json",), False, 0, id="not-live"),
        pytest.param((), True, 0, id="none"),
    ],
)
def test_removed_keys(removed, live, fields) -> None:
    """Each key that goes is a finding of its own, on a live cluster."""
    found = list(flannel_keys_required.run(CniChange((), removed, live)))

    assert [f"data[{key}]" for key in removed][:fields] == [each.field for each in found]
