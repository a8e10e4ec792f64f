"""From a fault of the text to the error a user reads: place, key path, what was found."""

import re

from webhook.netconf.errors import NetConfError, Stage
from webhook.netconf.grammar import STRING
from webhook.netconf.hints import hint
from webhook.netconf.scan import IN_ARRAY, Document, State, SyntaxFault, scan
from webhook.netconf.text import decode, quoted, unquote

_TOKEN = re.compile(r'"[^"\n]*"?|[^\s,\]}"{\[:]+[^\n,\]}"]*|.', re.DOTALL)
_LOOK = 240
_DEEPEST_PATH = 8
_LONGEST_NAME = 60


def read_document(data: bytes) -> Document:
    """Scan a whole text.

    Raises:
        NetConfError: it is no JSON (stage parse).
    """
    try:
        return scan(data)
    except SyntaxFault as fault:
        raise syntax_error(data, fault) from None


def syntax_error(data: bytes, fault: SyntaxFault) -> NetConfError:
    """Return the error that tells users of a fault."""
    return NetConfError(
        Stage.PARSE,
        key=_path(data, fault.path),
        expected=_expected(fault.state),
        got=_found(data, fault),
        hint="" if fault.state is State.SIZE else hint(data, fault),
        data=data,
        offset=fault.offset,
    )


def _expected(state: State) -> str:
    if state is State.SIZE:
        return f"expected {state}: a larger one this dense is not judged, as it takes too long"
    return f"not valid JSON, expected {state}"


def _found(data: bytes, fault: SyntaxFault) -> str:
    if fault.state in {State.SIZE, State.DEPTH}:
        return ""
    match = _TOKEN.match(decode(data[fault.offset : fault.offset + _LOOK]))
    return quoted(match.group().rstrip()) if match else "the end of the text"


def _path(data: bytes, keys: tuple[int, ...]) -> str:
    """The key path: names with dots between, [] for the elements of an array."""
    path = "".join(_segment(data, key) for key in keys[:_DEEPEST_PATH])
    return path.lstrip(".") + (".…" if len(keys) > _DEEPEST_PATH else "")


def _segment(data: bytes, key: int) -> str:
    if key < 0:
        return "[]" if key == IN_ARRAY else ""
    name = STRING.match(data, key)
    assert name is not None
    text = unquote(name.group())
    plain = len(text) <= _LONGEST_NAME and text.isidentifier()
    return f".{text}" if plain else f".{quoted(text)}"
