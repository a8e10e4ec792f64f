"""What commands over manifests print, and how they fail."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence

from webhook.errors import PortcullisError

EXIT_ERROR = 2
"""The input cannot be read, or the question cannot be asked of it."""


def write(pieces: Iterable[str]) -> int:
    """Print pieces as they come; an error on the way goes to standard error.

    Returns:
        The exit status: 0, or 2 after an error.
    """
    try:
        for text in pieces:
            sys.stdout.write(text)
        sys.stdout.flush()
    except PortcullisError as error:
        return fail(error)
    except BrokenPipeError:
        # The reader has seen enough; keep the interpreter from flushing into the pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lay rows out in columns, the head first; a line each."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip() + "\n"


def fail(error: PortcullisError) -> int:
    """Tell an error, and return the exit status."""
    sys.stderr.write(f"portcullis: {printable(str(error))}\n")
    return EXIT_ERROR


def note(text: str) -> None:
    """Tell what changes no exit status, on standard error."""
    sys.stderr.write(f"portcullis: {printable(text)}\n")


def printable(text: str) -> str:
    """Keep what objects say from moving the cursor of a terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
