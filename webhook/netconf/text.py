"""Bytes and strings as Go sees them: decoding, unquoting, folding, and quoting for messages.

Sources: Go's encoding/json/decode.go (`unquote`), encoding/json/fold.go (`foldName`),
unicode.ToLower.
"""

import re
import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_LONE = re.compile("[\ud800-\udfff]")
_UNIT = re.compile(r"\\u([0-9a-fA-F]{4})")
_ESCAPES = re.compile(
    r"\\(?:u[dD]([89abAB][0-9a-fA-F]{2})\\u[dD]([c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))",
    re.DOTALL,
)
_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LONGEST_NAME = 64
_FOLDS = str.maketrans({"\N{LATIN SMALL LETTER LONG S}": "S", "\N{KELVIN SIGN}": "K"})
_LOWERS = str.maketrans({"\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}": "i", "\N{KELVIN SIGN}": "k"})
_ASCII_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def encode(text: str | bytes) -> bytes:
    """Return the bytes flannel would read; a lone surrogate becomes U+FFFD as in Go."""
    if isinstance(text, bytes):
        return text
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _LONE.sub(REPLACEMENT, text).encode()


def decode(raw: bytes) -> str:
    """Decode UTF-8 as Go does: each byte of an invalid sequence becomes one U+FFFD."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return _LONE.sub(REPLACEMENT, raw.decode("utf-8", "surrogateescape"))


def unquote(raw: bytes, *, keep_surrogates: bool = False) -> str:
    """Return the text of a JSON string that the scanner has found valid.

    Args:
        raw: the string with its quotes.
        keep_surrogates: leave a lone surrogate as it is, where Go puts U+FFFD.
    """
    body = decode(raw[1:-1])
    if "\\" not in body:
        return body
    text = _ESCAPES.sub(_unescape, body)
    return text if keep_surrogates else _LONE.sub(REPLACEMENT, text)


def _unescape(match: re.Match[str]) -> str:
    high, low, unit, simple = match.groups()
    if unit is not None:
        return chr(int(unit, 16))
    if high is not None:
        return chr(0x10000 + ((int("d" + high, 16) - 0xD800) << 10) + int("d" + low, 16) - 0xDC00)
    return _SIMPLE.get(simple, simple)


def fold(name: str) -> str:
    """Return `name` folded as `foldName` does, as far as ASCII field names can tell.

    Two more letters than ASCII fold to an ASCII one: U+017F to S and U+212A to K. Dotted and
    dotless i do not.
    """
    if name.isascii():
        return name.upper()
    if len(name) > _LONGEST_NAME:  # No field has such a name; hostile ones take their time.
        return name
    return name.translate(_FOLDS).translate(_ASCII_UPPER)


def fold_all(data: bytes) -> str:
    """Return a whole text, valid or not, with every letter folded: what its keys may come to.

    An escape becomes its character wherever it stands.
    """
    text = _UNIT.sub(lambda match: chr(int(match[1], 16)), decode(data))
    return text.translate(_FOLDS).upper()


def to_lower(name: str) -> str:
    """Return `name` lowered as Go's strings.ToLower does, as far as ASCII names can tell."""
    if name.isascii() or len(name) > _LONGEST_NAME:
        return name.lower()
    return name.translate(_LOWERS).translate(_ASCII_LOWER)


def quoted(text: str, limit: int = 60) -> str:
    """Return `text` in double quotes, cut to `limit` characters, nothing invisible in it."""
    return '"' + visible(text.replace("\\", "\\\\").replace('"', '\\"'), limit) + '"'


def visible(text: str, limit: int = 60) -> str:
    """Return `text` cut to `limit` characters, what would not show escaped."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(map(_visible, cut))


def _visible(char: str) -> str:
    if unicodedata.category(char) not in _HIDDEN and (char == " " or not char.isspace()):
        return char
    return f"\\u{ord(char):04x}" if char <= "\uffff" else f"\\U{ord(char):08x}"
