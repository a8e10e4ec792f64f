"""An iterative scanner of JSON, accepting exactly what Go's encoding/json v1 accepts.

The scanner checks the whole value and keeps, of the outermost object, every member with its
spans, duplicates included, in order. What lies deeper is checked and left as raw bytes, as
flannel does with `Backend` (json.RawMessage). It never recurses and looks at each byte a bounded
number of times; `Document.steps` counts what it did.

Sources: Go's encoding/json/scanner.go (`maxNestingDepth`) and decode.go (`checkValid`).
"""

import re
from enum import StrEnum
from typing import NamedTuple

from webhook.netconf import grammar
from webhook.netconf.text import unquote

MAX_DEPTH = 10_000
"""The deepest nesting Go accepts."""
UNMETERED_BYTES = 1 << 18
"""Texts up to this length are always read; flannel's own have some hundred bytes."""
MAX_STEPS = 40_000
"""The most work spent on a text beyond `UNMETERED_BYTES`."""
MAX_ESCAPES = 600_000
"""The most backslashes of a text beyond `UNMETERED_BYTES`."""
IN_ARRAY = -1
"""In a fault's path: an array, whose elements have no name."""
NO_KEY = -2
"""In a fault's path: an object whose first name was not read yet."""
_BYTES_A_STEP = 32
# Longer names are no field's, however they are escaped: their beginning is enough to show.
_LONGEST_NAME = 512


class Kind(StrEnum):
    """The kinds of JSON values, as Go's error messages name them."""

    OBJECT = "object"
    ARRAY = "array"
    STRING = "string"
    NUMBER = "number"
    BOOL = "bool"
    NULL = "null"


class State(StrEnum):
    """What the scanner looked for when it stopped; the value says it in a message."""

    VALUE = "a value"
    KEY = "a key in double quotes"
    FIRST_KEY = "a key in double quotes, or }"
    COLON = "a colon after the key"
    FIRST_ELEMENT = "a value, or ]"
    AFTER_MEMBER = 'a comma or "}" after the value'
    AFTER_ELEMENT = 'a comma or "]" after the value'
    END = "the end of the text after the value"
    STRING = "the rest of the string"
    DEPTH = "no more than 10,000 levels of nesting"
    SIZE = "no more than 262,144 bytes of text"


class Member(NamedTuple):
    """A member of an object.

    Args:
        key: the name, unescaped.
        at: offset of the name's opening quote.
        kind: the value's kind.
        start: offset of the value's first byte.
        end: offset behind the value's last byte.
    """

    key: str
    at: int
    kind: Kind
    start: int
    end: int


class Document(NamedTuple):
    """A valid JSON text: its kind, the members if it is an object, the work it took."""

    kind: Kind
    members: tuple[Member, ...]
    start: int
    steps: int


class SyntaxFault(Exception):  # noqa: N818 - a fault of the text, told to users as NetConfError
    """The text is no JSON.

    Args:
        offset: where the text stops being JSON.
        state: what the scanner looked for there.
        path: offsets of the names of the members it was in, outermost first, or `IN_ARRAY`,
            or `NO_KEY`.
        value: offset of the value that ended last or was begun last, -1 for none.
        opener: offset of the bracket of the innermost open container, -1 for none.
    """

    def __init__(
        self, offset: int, state: State, path: tuple[int, ...], value: int, opener: int
    ) -> None:
        super().__init__(offset, state)
        self.offset = offset
        self.state = state
        self.path = path
        self.value = value
        self.opener = opener


_KINDS = {
    ord("{"): Kind.OBJECT,
    ord("["): Kind.ARRAY,
    ord('"'): Kind.STRING,
    ord("t"): Kind.BOOL,
    ord("f"): Kind.BOOL,
    ord("n"): Kind.NULL,
}
_OPEN_OBJECT, _OPEN_ARRAY = ord("{"), ord("[")
_CLOSE_OBJECT, _CLOSE_ARRAY = ord("}"), ord("]")
_COMMA, _QUOTE, _BACKSLASH = ord(","), ord('"'), ord("\\")
_END_OF_TEXT = -1


def scan(data: bytes, start: int = 0, end: int | None = None) -> Document:
    """Check one JSON value and return it with the members of its outermost object.

    Args:
        data: the text.
        start: where the value's text begins.
        end: where it ends; the end of `data` if None.

    Raises:
        SyntaxFault: it is not one JSON value.
    """
    return _Scanner(data, start, len(data) if end is None else end).run()


def kind_at(data: bytes, offset: int) -> Kind:
    """Return the kind of the valid value that begins at `offset`."""
    return _KINDS.get(data[offset], Kind.NUMBER)


class _Scanner:
    """The state of one scan: a position, the open containers, the members kept so far."""

    __slots__ = ("data", "end", "keys", "members", "metered", "opened", "pos", "steps", "value")

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self.data = data
        self.pos = start
        self.end = end
        self.steps = 0
        self.value = -1
        self.opened: list[int] = []
        self.keys: list[int] = []
        self.members: list[Member] = []
        self.metered = end - start > UNMETERED_BYTES

    def run(self) -> Document:
        if self.metered and self.data.count(b"\\", self.pos, self.end) > MAX_ESCAPES:
            raise self._fault(State.SIZE)
        start = self._skip_blanks()
        finished = self._read_value()
        while self.opened:
            finished = self._after_value() if finished else self._read_value()
        if self._skip_blanks() < self.end:
            raise self._fault(State.END)
        return Document(kind_at(self.data, start), tuple(self.members), start, self.steps)

    def _skip_blanks(self) -> int:
        match = grammar.BLANKS.match(self.data, self.pos, self.end)
        self.pos = match.end() if match else self.pos
        return self.pos

    def _peek(self) -> int:
        return self.data[self.pos] if self.pos < self.end else _END_OF_TEXT

    def _read_value(self) -> bool:
        """Read a scalar and return True, or open a container and return False."""
        self._step(1)
        self._skip_blanks()
        self.value = self.pos
        char = self._peek()
        if char == _OPEN_OBJECT:
            return self._open(_CLOSE_OBJECT)
        if char == _OPEN_ARRAY:
            return self._open(_CLOSE_ARRAY)
        match = grammar.SCALAR.match(self.data, self.pos, self.end)
        if match is None:
            raise self._value_fault(char)
        self.pos = match.end()
        return self._value_ends()

    def _open(self, closer: int) -> bool:
        """Enter the container at the position; return True if it is empty and so has ended."""
        if len(self.opened) >= MAX_DEPTH:
            raise self._fault(State.DEPTH)
        self.opened.append(self.pos)
        self.keys.append(NO_KEY if closer == _CLOSE_OBJECT else IN_ARRAY)
        self.pos += 1
        self._skip_blanks()
        if self._peek() == closer:
            return self._close()
        if closer == _CLOSE_OBJECT:
            self._read_name(State.FIRST_KEY)
        else:
            self._read_elements(State.FIRST_ELEMENT)
        return False

    def _close(self) -> bool:
        self.pos += 1
        self.value = self.opened.pop()
        self.keys.pop()
        return self._value_ends()

    def _value_ends(self) -> bool:
        """Keep the member that ends here, if it is one of the outermost object."""
        if len(self.opened) == 1 and self.keys[0] >= 0:
            self._keep(self.keys[0], self.value, self.pos)
        return True

    def _keep(self, at: int, start: int, end: int) -> None:
        name = grammar.STRING.match(self.data, at, self.end)
        assert name is not None
        key = name.group()
        if len(key) > _LONGEST_NAME:
            key = key[:_LONGEST_NAME] + b'"'
        self.members.append(Member(unquote(key), at, kind_at(self.data, start), start, end))

    def _after_value(self) -> bool:
        """Go on behind a value inside a container; return True if that container ends too."""
        self._skip_blanks()
        char = self._peek()
        in_object = self.data[self.opened[-1]] == _OPEN_OBJECT
        if char == _COMMA:
            self.pos += 1
            if in_object:
                self._read_name(State.KEY)
            else:
                self._read_elements(State.VALUE)
            return False
        if char == (_CLOSE_OBJECT if in_object else _CLOSE_ARRAY):
            return self._close()
        raise self._fault(State.AFTER_MEMBER if in_object else State.AFTER_ELEMENT)

    def _read_elements(self, state: State) -> None:
        """Swallow small elements of an array in bulk; the next one stands at the position."""
        self._bulk(grammar.BULK_ELEMENTS.match(self.data, self.pos, self.end))
        self._skip_blanks()
        if self._peek() == _CLOSE_ARRAY:
            raise self._fault(state)

    def _read_name(self, state: State) -> None:
        """Read members up to the name of the next one that is not small, and that name."""
        if len(self.opened) == 1:
            self._keep_simple_members()
        else:
            self._bulk(grammar.BULK_MEMBERS.match(self.data, self.pos, self.end))
        match = grammar.NAME.match(self.data, self.pos, self.end)
        if match is None:
            self.keys[-1] = NO_KEY
            raise self._name_fault(state)
        self.keys[-1] = match.start(1)
        self.pos = match.end()

    def _keep_simple_members(self) -> None:
        match = grammar.SIMPLE_MEMBER.match(self.data, self.pos, self.end)
        while match is not None:
            self._step(1)
            self._keep(match.start(1), match.start(2), match.end(2))
            self.pos = match.end()
            match = grammar.SIMPLE_MEMBER.match(self.data, self.pos, self.end)

    def _bulk(self, match: re.Match[bytes] | None) -> None:
        if match is not None:
            self._step((match.end() - self.pos) // _BYTES_A_STEP)
            self.pos = match.end()

    def _step(self, count: int) -> None:
        self.steps += count
        if self.metered and self.steps > MAX_STEPS:
            raise self._fault(State.SIZE)

    def _fault(self, state: State) -> SyntaxFault:
        opener = self.opened[-1] if self.opened else -1
        return SyntaxFault(self.pos, state, tuple(self.keys), self.value, opener)

    def _value_fault(self, char: int) -> SyntaxFault:
        if char == _QUOTE:
            return self._string_fault()
        return self._fault(State.VALUE)

    def _name_fault(self, state: State) -> SyntaxFault:
        self._skip_blanks()
        if self._peek() != _QUOTE:
            return self._fault(state)
        match = grammar.STRING.match(self.data, self.pos, self.end)
        if match is None:
            return self._string_fault()
        self.keys[-1] = self.pos
        self.pos = match.end()
        self._skip_blanks()
        return self._fault(State.COLON)

    def _string_fault(self) -> SyntaxFault:
        """Point at the first byte that the string cannot hold."""
        self.value = self.pos
        body = grammar.STRING_BODY.match(self.data, self.pos, self.end)
        assert body is not None
        self.pos = body.end()
        return self._fault(State.STRING)
