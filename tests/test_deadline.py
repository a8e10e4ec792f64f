"""The time a request has left."""

import pytest

from webhook.deadline import Deadline, parse_timeout


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("5s", 5.0, id="seconds"),
        pytest.param("1m30s", 90.0, id="minutes-and-seconds"),
        pytest.param("1.5s", 1.5, id="fraction"),
        pytest.param("250ms", 0.25, id="milliseconds"),
        pytest.param("", None, id="empty"),
        pytest.param("5", None, id="no-unit"),
        pytest.param("-5s", None, id="negative"),
        pytest.param("5s junk", None, id="junk-behind"),
        pytest.param("junk5s", None, id="junk-before"),
    ],
)
def test_go_durations(text: str, seconds: float | None) -> None:
    """A Go duration is read; what is none gives None."""
    assert parse_timeout(text) == seconds


def test_remaining_counts_down_to_nothing() -> None:
    """What remains shrinks with the clock and is never negative."""
    now = [100.0]
    deadline = Deadline.after(5, lambda: now[0])
    seen = []
    for now[0] in (100.0, 103.0, 110.0):
        seen.append(deadline.remaining())

    assert seen == [5.0, 2.0, 0.0]
