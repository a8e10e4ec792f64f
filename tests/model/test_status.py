"""States of namespaces as people are told of them."""

import pytest

from webhook.model.namespace import Namespace
from webhook.model.status import SYSTEM, Status, statuses

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


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param(namespace(None, None), ("unmarked", SYSTEM, False), id="unmarked"),
        pytest.param(namespace(None, None, "taken"), ("unmarked", "taken", True), id="refused"),
        pytest.param(namespace("sealed"), ("sealed", "", False), id="sealed-before"),
    ],
)
def test_a_system_namespace_is_told_to_be_one(
    given: Namespace, told: tuple[str, str, bool]
) -> None:
    """Nobody need look at it; what its marks say comes first."""
    (row,) = statuses([given], [("shop", name) for name in OURS], {"shop"})

    assert (row.state, row.reason, row.wrong) == told


def test_rows_are_sorted() -> None:
    """By name, whatever order the API server has."""
    spaces = [Namespace(name, "u", None, None, False) for name in "bca"]
    rows: list[Status] = list(statuses(spaces, []))

    assert [row.namespace for row in rows] == ["a", "b", "c"]
