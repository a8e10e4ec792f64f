"""Places in a text: line and column, and the line shown with a caret under the place."""

import unicodedata
from dataclasses import dataclass

from webhook.netconf.text import decode

WINDOW = 96
"""The most columns of a line that are shown."""

_LEAD = 32


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a text.

    Args:
        line: 1-based.
        column: 1-based, in characters.
    """

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


def place_of(data: bytes, offset: int) -> Place:
    """Return the place of a byte offset; an offset at the end stands behind the last character."""
    start = data.rfind(b"\n", 0, offset) + 1
    return Place(data.count(b"\n", 0, offset) + 1, len(decode(data[start:offset])) + 1)


def caret(data: bytes, offset: int) -> str:
    """Return the line of `offset` and under it a caret; of a long line, a window around it."""
    start = data.rfind(b"\n", 0, offset) + 1
    end = data.find(b"\n", offset)
    before = decode(data[max(start, offset - 4 * WINDOW) : offset])
    after = decode(data[offset : end if end >= 0 else len(data)][: 4 * WINDOW]).rstrip("\r")
    if len(before) + len(after) > WINDOW:
        before, after = _window(before, after)
    shown = "".join(map(_cell, before + after))
    return f"{shown}\n{' ' * sum(map(_width, before))}^"


def _window(before: str, after: str) -> tuple[str, str]:
    """Cut a long line so that the place stands in sight."""
    if len(before) > WINDOW - _LEAD:
        before = "…" + before[-(WINDOW - _LEAD) :]
    room = WINDOW - len(before)
    return before, after if len(after) <= room else after[:room] + "…"


def _cell(char: str) -> str:
    """A character as it is shown: blanks as a space, what would not print as a dot."""
    if char.isspace():
        return " "
    return char if unicodedata.category(char)[0] != "C" else "·"


def _width(char: str) -> int:
    """The columns a terminal gives to a character."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
