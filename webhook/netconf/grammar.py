r"""The grammar of JSON as Go's encoding/json v1 reads it, compiled to linear-time patterns.

Every repetition is possessive (`*+`): nothing is ever given back, so no pattern can take more
than one look at a byte. Blanks are space, tab, CR and LF only; a string may hold any byte from
0x20 up, valid UTF-8 or not; a number has neither a leading zero nor a bare point.

Source: Go's encoding/json/scanner.go.
"""

import re

_EXACT = re.fullmatch(r"(?:ab?c)*+", "a") is None
"""Before 3.11.5 CPython lets a group that repeats possessively match this (its issue 106052)."""


def repeated(group: bytes, times: bytes = b"*") -> bytes:
    """A group that repeats, and gives nothing back.

    Where `(?:…)*+` is not to be trusted it is an atomic group, which means the same but remembers
    each of its repetitions until it ends: 170 bytes.
    """
    if _EXACT:
        return rb"(?:" + group + rb")" + times + rb"+"
    return rb"(?>(?:" + group + rb")" + times + rb")"


BLANK = rb"[ \t\r\n]*+"
_ESCAPE = rb'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})'
_STRING_BODY = b'"' + repeated(rb'[^"\\\x00-\x1f]++|' + _ESCAPE)
_STRING = _STRING_BODY + rb'"'
_NUMBER = rb"-?+(?:0|[1-9][0-9]*+)(?>(?:\.[0-9]++)?(?:[eE][+-]?+[0-9]++)?)"
_SCALAR = rb"(?:" + _STRING + rb"|" + _NUMBER + rb"|true|false|null)"

# The bulk patterns swallow runs of small values in one step. Their parts are bounded, so that
# the bytes they consume measure the work they did (`Scanner` meters hostile texts by it).
_SHORT_BLANK = rb"[ \t\r\n]{0,32}+"
_SHORT_SCALAR = (
    rb'(?:"[^"\\\x00-\x1f]{0,64}+"|-?+(?:0|[1-9][0-9]{0,20}+)(?=[ \t\r\n,\]}])|true|false|null)'
)
_SHORT_KEY = rb'"[^"\\\x00-\x1f]{0,64}+"' + _SHORT_BLANK + rb":" + _SHORT_BLANK


def _run(item: bytes, limit: int) -> bytes:
    """A pattern of up to `limit` items, each followed by a comma."""
    one = _SHORT_BLANK + item + _SHORT_BLANK + rb","
    return repeated(one, b"{0,%d}" % limit)


_FLAT = (
    rb"(?:"
    + _SHORT_SCALAR
    + rb"|\[(?:\]|"
    + _run(_SHORT_SCALAR, 16)
    + _SHORT_BLANK
    + _SHORT_SCALAR
    + _SHORT_BLANK
    + rb"\])|\{(?:\}|"
    + _run(_SHORT_KEY + _SHORT_SCALAR, 16)
    + _SHORT_BLANK
    + _SHORT_KEY
    + _SHORT_SCALAR
    + _SHORT_BLANK
    + rb"\}))"
)

BLANKS = re.compile(BLANK)
STRING = re.compile(_STRING)
STRING_BODY = re.compile(_STRING_BODY)
SCALAR = re.compile(_SCALAR)
NAME = re.compile(BLANK + rb"(" + _STRING + rb")" + BLANK + rb":" + BLANK)
SIMPLE_MEMBER = re.compile(NAME.pattern + rb"(" + _SCALAR + rb")" + BLANK + rb",")
BULK_ELEMENTS = re.compile(_run(_FLAT, 64))
BULK_MEMBERS = re.compile(_run(_SHORT_KEY + _FLAT, 64))
INTEGER = re.compile(rb"-?[0-9]+")
DIGITS = re.compile(rb"[0-9]+")
