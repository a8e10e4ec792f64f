"""Logs: one JSON object a line, for machines; fields given as ``extra`` stand beside.

Secrets have no way in: nothing logs an object's data, a header or a key, and the libraries that
would at debug level (kubernetes logs bodies) are kept above it.
"""

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec

from webhook.model.text import several_lines

MAX_FIELD = 2048
"""Longest text of a field; what strangers wrote may have come into an error's message."""
MAX_TRACEBACK = 16_384

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Render the record; an exception becomes the field ``traceback``."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _tame(record.getMessage()),
        }
        line |= {key: _tame(value) for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            # Its end tells what was raised.
            end = self.formatException(record.exc_info)[-MAX_TRACEBACK:]
            line["traceback"] = several_lines(end, MAX_TRACEBACK)
        return msgspec.json.encode(line).decode()


def _tame(value: object) -> object:
    """A field fit for terminals: JSON escapes a newline, but not U+009B, which xterm obeys.

    What JSON does not know becomes its text: msgspec would write out every field of a dataclass,
    those too that its repr hides, which are keys.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_tame(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _tame(each) for key, each in value.items()}
    return several_lines(str(value), MAX_FIELD)


def config(level: str = "info") -> dict[str, Any]:
    """A ``logging.config.dictConfig`` that sends everything to stderr as JSON lines.

    Args:
        level: the least severe that is told, of ours and gunicorn's; libraries tell warnings.
    """
    level = level.upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {
            # gunicorn puts handlers of its own on these unless they are named here.
            "gunicorn.error": {"level": level, "handlers": [], "propagate": True},
            "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": True},
            "kubernetes": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
        },
    }
