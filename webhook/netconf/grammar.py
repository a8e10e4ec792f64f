r"""The grammar of JSON as Go's encoding/json v1 reads it, compiled to linear-time patterns.

Every repetition is possessive (`*+`): nothing is ever given back, so no pattern can take more
than one look at a byte. Where what repeats is a group it is written as an atomic group, which
means the same and which CPython before 3.11.5 matches rightly (cpython issue 106052). Blanks are
space, tab, CR and LF only; a string may hold any byte from 0x20 up, valid UTF-8 or not; a number
has neither a leading zero nor a bare point.

Source: Go's encoding/json/scanner.go.
"""

import re

BLANK = rb"[ \t\r\n]*+"
_ESCAPE = rb'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})'
_STRING_BODY = rb'"(?>(?:[^"\\\x00-\x1f]++|' + _ESCAPE + rb")*)"
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
    return rb"(?>(?:" + one + rb"){0," + str(limit).encode() + rb"})"


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
