"""Warnings fit what the API server passes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.model.text import (
    MAX_TOTAL_RUNES,
    MAX_WARNINGS,
    fit_warnings,
    one_line,
    several_lines,
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("plain", "plain", id="plain"),
        pytest.param("two\nlines\r\n", "two lines", id="newlines"),
        pytest.param("bell\x07 nul\x00 esc\x1b[1m", "bell nul esc [1m", id="control"),
        pytest.param("right\u202eto-left\u2028", "right to-left", id="bidi-and-separators"),
        pytest.param("默认没有这一项", "默认没有这一项", id="other-scripts"),
        pytest.param("lone \ud800", "lone ?", id="lone-surrogate"),
        pytest.param("x" * 300, "x" * 255 + "…", id="long"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    """A text becomes one printable line of bounded length."""
    assert one_line(text) == line


@given(st.text(st.characters() | st.sampled_from(" \t\xa0\u2028\ud800")), st.integers(1, 40))
def test_a_text_that_is_a_line_already_stays(text: str, limit: int) -> None:
    """The short way for it and the long way, which a blank in front asks for, tell the same."""
    assert one_line(text, limit) == one_line(" " + text, limit)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("  two\n    lines", "  two\n    lines", id="newlines-and-blanks"),
        pytest.param("esc\x1b[1m csi\x9b2J\r", "esc\ufffd[1m csi\ufffd2J\ufffd", id="control"),
        pytest.param("x" * 30, "x" * 19 + "…", id="long"),
    ],
)
def test_several_lines(text: str, shown: str) -> None:
    """What is made of several lines stays so, and nothing else moves a cursor."""
    assert several_lines(text, 20) == shown


@given(st.lists(st.text(st.characters(codec=None), max_size=400), max_size=40))
def test_the_api_server_would_drop_none(warnings: list[str]) -> None:
    """No control character, at most 15, under 4,096 runes in all, none twice, none empty."""
    kept = fit_warnings(warnings)

    assert len(kept) <= MAX_WARNINGS
    assert sum(map(len, kept)) < MAX_TOTAL_RUNES
    assert len(set(kept)) == len(kept)
    for warning in kept:
        assert warning.isprintable()
        assert warning.encode("utf-8")
        assert warning


def test_the_first_are_kept() -> None:
    """Warnings come most important first, so the last ones go."""
    assert fit_warnings([f"warning {i}" for i in range(20)])[:2] == ("warning 0", "warning 1")
