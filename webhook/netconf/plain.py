"""JSON values as plain Python objects, for showing: iterative, bounded in depth."""

import re
from typing import Any

from webhook.netconf import grammar
from webhook.netconf.text import unquote

MAX_DEPTH = 900
"""Deeper values are not shown: json.dumps could not write them."""

_STRING = b'"' + grammar.repeated(rb'[^"\\]++|\\.') + b'"'
_TOKEN = re.compile(_STRING + rb'|[\[\]{}]|[^\s,:\[\]{}"]++', re.DOTALL)
_CONSTANTS: dict[bytes, Any] = {b"true": True, b"false": False, b"null": None}
_MOST_DIGITS = 4_000


class TooDeepError(ValueError):
    """The value is nested deeper than `MAX_DEPTH`."""


def to_python(data: bytes, start: int, end: int) -> Any:
    """Return the valid JSON value between two offsets as Python's json module would.

    Raises:
        TooDeepError: it is nested deeper than `MAX_DEPTH`.
    """
    root: list[Any] = []
    stack: list[Any] = [root]
    names: list[str | None] = [None]
    for match in _TOKEN.finditer(data, start, end):
        token = match.group()
        if token in b"]}":
            stack.pop()
            names.pop()
        elif isinstance(stack[-1], dict) and names[-1] is None:
            names[-1] = unquote(token, keep_surrogates=True)
        else:
            _add(token, stack, names)
    return root[0]


def _add(token: bytes, stack: list[Any], names: list[str | None]) -> None:
    value = _value(token)
    if names[-1] is None:
        stack[-1].append(value)
    else:
        stack[-1][names[-1]] = value
        names[-1] = None
    if token in b"[{":
        if len(stack) > MAX_DEPTH:
            raise TooDeepError
        stack.append(value)
        names.append(None)


def _value(token: bytes) -> Any:
    if token == b"{":
        return {}
    if token == b"[":
        return []
    if token.startswith(b'"'):
        return unquote(token, keep_surrogates=True)
    if token in _CONSTANTS:
        return _CONSTANTS[token]
    if grammar.INTEGER.fullmatch(token) and len(token) <= _MOST_DIGITS:
        return int(token)
    return float(token)
