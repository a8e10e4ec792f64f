"""What a report looks like: one module a format, each from a report to a text."""

from collections.abc import Callable, Mapping

from webhook.lint.render.github import github
from webhook.lint.render.json import json
from webhook.lint.render.junit import junit
from webhook.lint.render.sarif import sarif
from webhook.lint.render.text import text
from webhook.lint.report import Report

RENDERERS: Mapping[str, Callable[[Report], str]] = {
    "text": text,
    "json": json,
    "sarif": sarif,
    "junit": junit,
    "github": github,
}
"""Every format by its name on the command line."""
