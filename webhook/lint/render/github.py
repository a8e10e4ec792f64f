"""Workflow commands of GitHub Actions, which annotate the lines of a pull request.

Escaping: actions/toolkit, packages/core/src/command.ts (``escapeData``, ``escapeProperty``).
"""

from webhook.lint.registry import Severity
from webhook.lint.render.text import about
from webhook.lint.report import Place, Placed, Report

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def github(report: Report) -> str:
    """Print a command a line."""
    return "".join(f"{_command(each)}\n" for each in report.placed)


def _position(place: Place) -> dict[str, str]:
    return {"file": place.file, "line": str(place.line), "col": str(place.column)}


def _command(placed: Placed) -> str:
    finding, place = placed.finding, placed.place
    properties = {
        **(_position(place) if place.line else {}),
        "title": finding.label,
    }
    listed = ",".join(f"{key}={value.translate(_PROPERTY)}" for key, value in properties.items())
    return f"::{_COMMANDS[finding.severity]} {listed}::{about(finding).translate(_DATA)}"
