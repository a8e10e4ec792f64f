"""What is kept of results: as many as told, and only of small arguments."""

import pytest

from webhook.netpol import intervals, parse_text, ports
from webhook.netpol.kept import kept


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
