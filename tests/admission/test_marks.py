"""The marks guard: the labels by which pods are gated."""

import pytest

from tests.admission.conftest import OURS
from tests.reviews import namespace

PENDING = namespace("shop", {"portcullis.dev/seal": "pending", "team": "a"})
SEALED = namespace("shop", {"portcullis.dev/seal": "sealed", "team": "a"})
RENAMED = namespace("shop", {"portcullis.dev/seal": "pending", "team": "b"})


@pytest.mark.parametrize(
    ("new", "user", "allowed"),
    [
        pytest.param(SEALED, "jane", False, id="sealed-by-hand"),
        pytest.param(namespace("shop", {}), "jane", False, id="stripped"),
        pytest.param(SEALED, OURS, True, id="sealed-by-us"),
        pytest.param(RENAMED, "jane", True, id="another-label"),
    ],
)
def test_update(validate, new, user, allowed) -> None:
    """The marks are written by us alone; everything else is free."""
    assert validate("UPDATE", new, PENDING, user=user).allowed is allowed


@pytest.mark.parametrize(
    ("labels", "allowed"),
    [
        pytest.param({"portcullis.dev/seal": "sealed"}, False, id="born-sealed"),
        pytest.param({"portcullis.dev/seal": "exempt"}, False, id="born-exempt"),
        pytest.param({"portcullis.dev/profile": "none"}, False, id="profile-of-ones-own"),
        pytest.param({"portcullis.dev/seal": "pending"}, True, id="as-we-mark"),
        pytest.param({"team": "a"}, True, id="born-unmarked"),
    ],
)
def test_create(validate, labels, allowed) -> None:
    """While nobody answered the mutating webhook, a forged mark must not get through."""
    assert validate("CREATE", namespace("shop", labels)).allowed is allowed
