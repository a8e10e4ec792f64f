"""What the control plane raises: one type, whose text already carries the log's tail."""

from pathlib import Path


class ControlPlaneError(Exception):
    """The control plane could not be built, started or asked; the message says where to look."""


class UnavailableError(ControlPlaneError):
    """What is not on this machine cannot be fetched from here either: Go, or a module's sources."""


def tail(path: Path, lines: int = 25) -> str:
    """The last lines of a log, indented so that they stand apart from the message."""
    if not path.exists():
        return "    (no log)"
    text = path.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in text) or "    (empty log)"


def tail_of(text: str, lines: int = 25) -> str:
    """The last lines of captured output, indented as `tail` does."""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (no output)"
