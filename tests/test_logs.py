"""Logs are one JSON object a line."""

import json
import logging

from webhook.logs import JsonFormatter


def line(**fields) -> dict:
    record = logging.LogRecord("webhook.x", logging.INFO, "f", 1, "a\nb %s", ("c",), None)
    vars(record).update(fields)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    return json.loads(text)


def test_fields_stand_beside_the_message() -> None:
    """What is given as extra is a field; a newline cannot forge a second record."""
    written = line(uid="705ab4f5", checks=["netconf-readable"])

    assert written["message"] == "a\nb c"
    assert written["level"] == "info"
    assert written["uid"] == "705ab4f5"
    assert written["checks"] == ["netconf-readable"]


def test_what_is_no_json_is_told_as_text() -> None:
    """A field of any type is written, not lost."""
    assert line(where=ValueError("x"))["where"] == "x"
