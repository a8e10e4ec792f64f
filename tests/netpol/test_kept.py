"""What is kept of results: as many as told, and only of small arguments."""

import pytest

from webhook.netpol import intervals, parse_text, ports
from webhook.netpol.kept import Bounded, kept
from webhook.netpol.labels import Operator, Requirement, Selector
from webhook.netpol.model import Pod
from webhook.netpol.table import PodTable


def test_only_what_is_small_is_kept() -> None:
    """A large argument is worked out each time, with the same result."""
    worked: list[str] = []

    @kept(10, len, 3)
    def shout(text: str) -> str:
        worked.append(text)
        return text.upper()

    said = [shout(text) for text in ("abc", "abc", "abcd", "abcd")]

    assert said == ["ABC", "ABC", "ABCD", "ABCD"]
    assert worked == ["abc", "abcd", "abcd"]


MANY = tuple((2 * n, 2 * n) for n in range(100))
PADDED = b'{"podSelector": {' + b" " * 5000 + b"}}"


@pytest.mark.parametrize(
    "results",
    [
        pytest.param(lambda: intervals.union(MANY, ((1, 1),)), id="union"),
        pytest.param(lambda: intervals.intersection(MANY, ((0, 99),)), id="intersection"),
        pytest.param(lambda: intervals.difference(MANY, ((0, 1),)), id="difference"),
        pytest.param(lambda: ports.conn_text(MANY), id="ports"),
        pytest.param(lambda: parse_text.parse_spec("a", "b", PADDED), id="spec"),
    ],
)
def test_what_a_client_can_make_large_is_not_kept(results) -> None:
    """The fuzz's workers grew: thousands of results of a megabyte would fill a Pod's memory."""
    first, second = results(), results()

    assert first == second
    assert first is not second


def test_results_go_when_they_weigh_too_much() -> None:
    """All of them at once, and those that are asked for again come back."""
    known: Bounded[str, int] = Bounded(10)
    for number, key in enumerate("abc"):
        assert known.keep(key, number, 5) == number

    assert known == {"c": 2}


def test_a_table_keeps_no_more_than_so_much_of_what_is_asked() -> None:
    """A picture of a large cluster serves for minutes, and each review brings another selector."""
    table = PodTable((Pod("a", "one", labels={"app": "web"}),), {"a": {}})
    for number in range(20_000):
        values = tuple(f"{number}-{each}" for each in range(40))
        selector = Selector((Requirement(f"key-{number}", Operator.NOT_IN, values),))

        assert table.matching(selector) == 1
        assert table.in_namespaces(selector) == 1
        table.addressed(4, tuple((each, each) for each in range(number, number + 80, 2)))
    kept_at_all = (table._by_selector, table._by_namespace_selector, table._addressed)

    assert all(len(each) < 4_000 for each in kept_at_all)
    assert len(table._indexes) < 10
