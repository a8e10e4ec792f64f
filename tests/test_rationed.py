"""What a client can cause to be logged."""

import logging

from webhook.rationed import PERIOD_SECONDS, RationedLog


def test_a_flood_is_counted_instead_of_written(caplog) -> None:
    """So many lines in a period, then one that says how many were left out."""
    now = [0.0]
    rationed = RationedLog(logging.getLogger("flood"), lines=3, clock=lambda: now[0])
    for number in range(10):
        rationed.tell("no", {"number": number})
    now[0] = PERIOD_SECONDS
    rationed.tell("again", {})

    assert [record.message for record in caplog.records] == ["no"] * 3 + ["lines left out", "again"]
    assert caplog.records[3].lines == 7


def test_a_bug_is_told_with_its_traceback(caplog) -> None:
    """Where there is room for it; the line is an error."""
    rationed = RationedLog(logging.getLogger("flood"), lines=1)
    for _ in range(3):
        rationed.tell("failed", {}, ZeroDivisionError("a bug"))

    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", "failed")
    ]
    assert "ZeroDivisionError: a bug" in caplog.text
