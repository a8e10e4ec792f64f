"""Text that reaches users through the API server, made to fit its limits.

Source: k8s.io/apiserver/pkg/endpoints/filters/warning.go: a warning with a
control character is dropped silently; beyond 4,096 runes in all, each is cut
to 256 and what still does not fit is dropped.
"""

from collections.abc import Iterable

MAX_WARNINGS = 15
MAX_WARNING_RUNES = 256
MAX_TOTAL_RUNES = 4096
_LOOKED_AT = 16
"""So many times its limit is read of a text."""


def one_line(text: str, limit: int = MAX_WARNING_RUNES) -> str:
    """The text on one line: control characters and runs of blanks become one blank.

    Lone surrogates, which UTF-8 cannot carry, become question marks. A megabyte of blanks is not
    searched for what comes after it.
    """
    if len(text) <= limit and text.isprintable() and "  " not in text and text.strip() == text:
        return text  # as nearly all of ours are
    printable = _encodable(text[: _LOOKED_AT * limit])
    if not printable.isprintable():
        printable = "".join(c if c.isprintable() else " " for c in printable)
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def quoted(text: str, limit: int = 80) -> str:
    """What a user wrote, on one line in double quotes."""
    return f'"{one_line(text, limit)}"'


def several_lines(text: str, limit: int) -> str:
    """The text with its newlines and blanks, so long at most, all else that moves a cursor gone.

    Control characters, U+2028 and signs that turn the direction of writing become U+FFFD.
    """
    kept = _encodable(text if len(text) <= limit else text[: limit - 1] + "…")
    if kept.isprintable():
        return kept
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in kept)


def fit_warnings(warnings: Iterable[str]) -> tuple[str, ...]:
    """The warnings that the API server will pass on, most important first.

    Equal ones are merged; at most 15 are kept; their sum stays under 4,096 runes.
    """
    kept: dict[str, None] = {}
    total = 0
    for warning in warnings:
        line = one_line(warning)
        if not line or line in kept:
            continue
        total += len(line)
        if total >= MAX_TOTAL_RUNES or len(kept) == MAX_WARNINGS:
            break
        kept[line] = None
    return tuple(kept)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text
