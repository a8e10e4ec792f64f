"""States of namespaces as people are told of them."""

import pytest

from webhook.model.namespace import Namespace
from webhook.model.status import Status, statuses

OURS = ("portcullis-deny-all",)


def namespace(
    seal: str | None, profile: str | None = "deny-all", reason: str | None = None
) -> Namespace:
    return Namespace("shop", "u", seal, None, False, profile, profile, reason)


@pytest.mark.parametrize(
    ("given", "policies", "state", "wrong"),
    [
        pytest.param(namespace("sealed"), OURS, "sealed", False, id="sealed"),
        pytest.param(namespace("sealed", reason="quota"), OURS, "drifted", True, id="refused"),
        pytest.param(namespace("sealed"), (), "drifted", True, id="nothing stands"),
        pytest.param(namespace("pending"), (), "pending", True, id="pending"),
        pytest.param(namespace("exempt", None), (), "exempt", False, id="exempt"),
        pytest.param(namespace("exempt", "none"), OURS, "drifted", True, id="not yet released"),
        pytest.param(namespace(None, None), (), "unmarked", False, id="unmarked"),
        pytest.param(namespace(None, None, "taken"), (), "unmarked", True, id="not adopted"),
    ],
)
def test_states(given: Namespace, policies: tuple[str, ...], state: str, wrong: bool) -> None:
    """A seal that is not true is drift, and drift has a reason; so has a refused adoption."""
    (row,) = statuses([given], [("shop", name) for name in policies])

    assert (row.state, row.policies, row.wrong) == (state, policies, wrong)
    assert bool(row.reason) is (wrong and state != "pending")


def test_rows_are_sorted() -> None:
    """By name, whatever order the API server has."""
    spaces = [Namespace(name, "u", None, None, False) for name in "bca"]
    rows: list[Status] = list(statuses(spaces, []))

    assert [row.namespace for row in rows] == ["a", "b", "c"]
