"""The marks of a Namespace are written by Portcullis alone."""

import pytest

from webhook.checks.namespace_marks_reserved import namespace_marks_reserved
from webhook.checks.subjects import MarksChange

SEAL = "portcullis.dev/seal"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("pending", "sealed", 'must stay "pending", got "sealed"', id="sealed-by-hand"),
        pytest.param("sealed", None, 'must stay "sealed", got unset', id="taken-off"),
        pytest.param(None, "exempt", 'must stay unset, got "exempt"', id="set-later"),
        pytest.param("sealed", "sealed", None, id="unchanged"),
        pytest.param(None, None, None, id="absent"),
    ],
)
def test_marks(old, new, message) -> None:
    """Setting, changing and removing a mark are all refused."""
    found = [str(v) for v in namespace_marks_reserved.run(MarksChange(((SEAL, old, new),)))]

    if message is None:
        assert found == []
    else:
        assert f"metadata.labels[{SEAL}]: Forbidden: " in found[0]
        assert message in found[0]
