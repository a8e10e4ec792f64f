"""An IP pool has the size of the blocks in it."""

import pytest

from tests.checks.calico import BLOCK, pool_fields
from webhook.checks.ippool_blocksize_live import ippool_blocksize_live

FIELD = ["spec.blockSize"]


@pytest.mark.parametrize(
    ("old", "new", "known", "refused"),
    [
        pytest.param({}, {"blockSize": 24}, {"block": BLOCK}, FIELD, id="changed"),
        pytest.param({}, {"blockSize": 26}, {"block": BLOCK}, [], id="default-written-out"),
        pytest.param({"blockSize": 24}, {}, {"block": BLOCK}, FIELD, id="back-to-default"),
        pytest.param({}, {"blockSize": 24}, {}, [], id="unused"),
        pytest.param(None, {"blockSize": 24}, {"other_block": BLOCK}, FIELD, id="created-over"),
        pytest.param(None, {"blockSize": 26}, {"block": BLOCK}, [], id="created-fitting"),
        pytest.param({}, {}, {"block": BLOCK, "other_block": "10.244.0.0/28"}, [], id="left"),
    ],
)
def test_block_size(old, new, known, refused) -> None:
    """Blocks of two sizes would overlap."""
    assert pool_fields(ippool_blocksize_live, old, new, **known) == refused
