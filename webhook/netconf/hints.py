"""What was meant where a text is no JSON: remarks, typographic quotes, missing commas, YAML."""

import re
import unicodedata

from webhook.netconf.grammar import SCALAR, STRING
from webhook.netconf.names import canonical, nearest
from webhook.netconf.scan import State, SyntaxFault
from webhook.netconf.text import decode, unquote, visible

_TYPOGRAPHIC = {
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{DOUBLE LOW-9 QUOTATION MARK}": '"',
    "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"',
    "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"',
    "\N{LEFT SINGLE QUOTATION MARK}": '"',
    "\N{RIGHT SINGLE QUOTATION MARK}": '"',
    "\N{IDEOGRAPHIC COMMA}": ",",
}
_STRUCTURAL = frozenset('{}[],:"')
_WORDS = {
    "True": "true",
    "TRUE": "true",
    "yes": "true",
    "on": "true",
    "False": "false",
    "FALSE": "false",
    "no": "false",
    "off": "false",
    "None": "null",
    "nil": "null",
    "NULL": "null",
}
_YAML = re.compile(r"\s*(?:---|[A-Za-z0-9_.-]+:(?:\s|$))")
_WORD = re.compile(r"[A-Za-z]+")
_NUMBER_LIKE = re.compile(r"[+.0-9]|-[^0-9]?")
_UNQUOTED = re.compile(r"[A-Za-z0-9_.:/-]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_AFTER = frozenset({State.AFTER_MEMBER, State.AFTER_ELEMENT, State.END})
_NAMES = frozenset({State.KEY, State.FIRST_KEY})
_LOOK = 240
_NO_COMMENTS = "JSON has no comments: remove it"


def hint(data: bytes, fault: SyntaxFault) -> str:
    """Return what was probably meant at a fault and how to write it; empty if it cannot be told.

    Args:
        data: the text.
        fault: where and how it stops being JSON.
    """
    found = decode(data[fault.offset : fault.offset + _LOOK])
    if fault.state is State.STRING:
        return _string_hint(found)
    if not found:
        return _end_hint(data, fault)
    return (
        _comment(found)
        or _character(found)
        or _comma(data, found, fault)
        or _name(found, fault)
        or _value(found, fault)
        or _remark(data, found, fault)
    )


def _string_hint(found: str) -> str:
    if not found:
        return "the string is not closed: its second quote is missing"
    if found[0] == "\\":
        return r"a backslash begins an escape: write \\ for the character itself"
    if found[0] in "\r\n":
        return "the string is not closed on its line, or holds a bare line break: close it there"
    return "control characters cannot stand in a string"


def _end_hint(data: bytes, fault: SyntaxFault) -> str:
    if fault.opener < 0:
        return "the text is empty; flannel needs at least {}"
    closer = "}" if data[fault.opener] == ord("{") else "]"
    return f"the text ends too soon: {closer} is missing"


def _comment(found: str) -> str:
    return _NO_COMMENTS if found.startswith(("//", "/*", "#")) else ""


def _character(found: str) -> str:
    """A hint on a character that looks like another one, or like nothing."""
    char = found[0]
    if char == "\ufeff":
        return "a byte order mark stands here: save the file as UTF-8 without it"
    plain = _TYPOGRAPHIC.get(char) or unicodedata.normalize("NFKC", char)
    if char not in _STRUCTURAL and plain in _STRUCTURAL:
        return f"{_named(char)} is a full-width or typographic sign: write {plain}"
    if char == "'":
        return "JSON strings stand in double quotes"
    if char.isspace() or unicodedata.category(char) == "Cf":
        return f"{_named(char)} is no blank in JSON: write a space"
    return ""


def _named(char: str) -> str:
    return f"U+{ord(char):04X} {unicodedata.name(char, '')}".rstrip()


def _comma(data: bytes, found: str, fault: SyntaxFault) -> str:
    """A hint on a comma too many or too few."""
    before = data[: fault.offset].rstrip(b" \t\r\n")[-1:]
    if found[0] in "}]" and before == b",":
        return f"remove the comma before the {found[0]}"
    if found[0] == "," and before == b",":
        return "one comma too many: remove it"
    if fault.state in {State.AFTER_MEMBER, State.AFTER_ELEMENT} and found[0] in '"{[':
        return "a comma is missing before it"
    if fault.state is State.END and found[0] in "{}[],":
        return "a net-conf.json is one object: nothing may follow it"
    return ""


def _name(found: str, fault: SyntaxFault) -> str:
    """A hint on what stands where a name or its colon should."""
    if fault.state is State.COLON:
        return "write : between a key and its value"
    name = _NAME.match(found) if fault.state in _NAMES else None
    return f'keys stand in double quotes: "{canonical(name.group())}"' if name else ""


def _value(found: str, fault: SyntaxFault) -> str:
    """A hint on what stands where a value should."""
    if fault.state not in {State.VALUE, State.FIRST_ELEMENT}:
        return ""
    word = _WORD.match(found)
    meant = _literal(word.group()) if word else None
    if meant:
        return f"write {meant}"
    if not fault.path and _YAML.match(found):
        return "this looks like YAML; net-conf.json has to be JSON"
    if (word and word.group() in {"NaN", "Infinity"}) or _NUMBER_LIKE.match(found):
        return "numbers are written without +, leading point, leading zero or letters"
    text = _UNQUOTED.match(found)
    return f'strings stand in double quotes: "{text.group()}"' if text else ""


def _literal(word: str) -> str | None:
    """The literal that a word of another language, or a slip, stands for."""
    return _WORDS.get(word) or nearest(word, ("true", "false", "null"))


def _remark(data: bytes, found: str, fault: SyntaxFault) -> str:
    """A hint on text behind a complete value: a remark, or a string without quotes."""
    if fault.state not in _AFTER or fault.value < 0:
        return ""
    value = data[fault.value : fault.offset]
    scalar = SCALAR.match(value)
    if scalar is None or scalar.end() != len(value.rstrip(b" \t\r\n")):
        return _NO_COMMENTS if fault.state is not State.END else "nothing may follow the object"
    shown = visible(decode(scalar.group()))
    if len(value) == scalar.end() and value[:1] not in b'"' and _UNQUOTED.match(found):
        whole = shown + _UNQUOTED.match(found).group()  # type: ignore[union-attr] # it matched
        return f'numbers end before it; a string stands in double quotes: "{whole}"'
    return f"text after the value {shown}: {_NO_COMMENTS}" + _meant(data, shown, fault)


def _meant(data: bytes, value: str, fault: SyntaxFault) -> str:
    if not fault.path or fault.path[-1] < 0:
        return ""
    name = STRING.match(data, fault.path[-1])
    assert name is not None
    return f'; probably meant is "{visible(canonical(unquote(name.group())))}": {value}'
