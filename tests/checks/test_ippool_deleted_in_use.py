"""An IP pool is not deleted under its pods."""

import pytest

from tests.checks.calico import BLOCK, pool_fields
from webhook.checks.ippool_deleted_in_use import ippool_deleted_in_use

FIELD = ["metadata.name"]


@pytest.mark.parametrize(
    ("old", "new", "known", "refused"),
    [
        pytest.param({}, None, {"block": BLOCK}, FIELD, id="in-use"),
        pytest.param({"disabled": True}, None, {"block": BLOCK}, FIELD, id="disabled-in-use"),
        pytest.param({"held": True}, None, {"block": BLOCK}, [], id="held-by-calico"),
        pytest.param({}, None, {}, [], id="empty"),
        pytest.param({}, None, {"unblocked": True}, [], id="no-blocks-anywhere"),
        pytest.param({}, {}, {"block": BLOCK}, [], id="changed"),
        pytest.param(None, {}, {"block": BLOCK}, [], id="created"),
    ],
)
def test_deletion(old, new, known, refused) -> None:
    """Blocks in it show that addresses of the pool are in use."""
    assert pool_fields(ippool_deleted_in_use, old, new, **known) == refused
