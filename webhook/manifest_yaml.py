"""YAML as Kubernetes reads it, from libyaml's events straight to JSON values.

kubectl and the API server read YAML through sigs.k8s.io/yaml, that is go-yaml v2 and then
JSON: YAML 1.1 booleans (``y``, ``n``, ``on``, ``off``, ``yes``, ``no``), octal ``0755``,
``1e3`` a number, no sexagesimal numbers, timestamps as text, keys made text. PyYAML
resolves each of these otherwise. Resolution: ``goyaml.v2/resolve.go``.

Reading does not recurse, so that no depth of nesting can exhaust the stack.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from webhook.errors import PortcullisError

MAX_DEPTH = 500
"""Nesting that no Kubernetes object comes near to."""
MAX_ALIASED = 1_000_000
"""Values that aliases may stand for in one file; more is an alias bomb."""

_WORDS: dict[str, Any] = {
    **dict.fromkeys(
        ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(
        ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False
    ),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INTEGER = re.compile(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9]\d{0,18}))"
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASES = (16, 2, 8, 10)
_MERGE = "<<"
_TAG_PREFIX = "tag:yaml.org,2002:"
_TAGGED_TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
    "null": (type(None),),
}


class YamlError(PortcullisError):
    """A text is no YAML, or none that Kubernetes reads.

    Args:
        message: what is wrong.
        line: where, counted from 1.
        column: where, counted from 1.
    """

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@lru_cache(maxsize=1 << 16)
def resolve(text: str) -> Any:
    """Return the value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    plain = text if text[0] == "." else text.replace("_", "")
    integer = _INTEGER.fullmatch(plain)
    if integer:
        digits = next(
            (group, base)
            for group, base in zip(integer.groups()[1:], _BASES, strict=True)
            if group is not None
        )
        return int(integer[1] + digits[0], digits[1])
    if _FLOAT.fullmatch(plain):
        number = float(plain)
        if number.is_integer():
            return int(number)
        return number if abs(number) != float("inf") else text
    return text


@dataclass(slots=True)
class _Frame:
    """A container that is being read, with the key that waits for its value."""

    container: Any
    anchor: str | None
    began: int
    key: str | None = None
    merged: list[Any] = field(default_factory=list)
    merging: bool = False


def documents(text: str) -> Iterator[Any]:
    """Yield the JSON value of every document.

    Raises:
        YamlError: syntax, a duplicate key, a tag or an alias that Kubernetes refuses.
    """
    parser = yaml.CSafeLoader(text)
    try:
        yield from _Builder(parser).documents()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = ", ".join(filter(None, (error.context, error.problem)))
        raise _at(mark, message) from None
    except yaml.reader.ReaderError as error:
        raise _unreadable(text, error) from None


def _at(mark: Any, message: str) -> YamlError:
    return YamlError(message, mark.line + 1, mark.column + 1)


def _unreadable(text: str, error: yaml.reader.ReaderError) -> YamlError:
    """Find the character that YAML does not allow, since libyaml counts bytes."""
    before = text.encode()[: error.position].decode(errors="ignore")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return YamlError(f"{error.reason}: U+{error.character:04X}", line, column)


class _Builder:
    """Builds values from events, one document after the other."""

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0
        self._aliased = 0
        self._root: Any = None

    def documents(self) -> Iterator[Any]:
        """Yield the value of every document."""
        handlers = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._begin,
            yaml.SequenceStartEvent: self._begin,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
        }
        next_event = self._parser.get_event
        while (event := next_event()) is not None:
            kind = type(event)
            if kind in handlers:
                handlers[kind](event)
            elif kind is yaml.DocumentEndEvent:
                yield self._root
                self._root = None
                self._anchors.clear()

    def _scalar(self, event: Any) -> None:
        value = event.value
        if event.implicit[0]:
            value = resolve(value)
        elif event.tag is not None and not event.implicit[1]:
            value = self._tagged(event)
        self._values += 1
        if event.anchor is not None:
            self._anchors[event.anchor] = value, 1
        self._attach(value, event)

    def _tagged(self, event: Any) -> Any:
        tag = event.tag.removeprefix(_TAG_PREFIX)
        if tag in ("!", "str"):
            return event.value
        types = _TAGGED_TYPES.get(tag)
        if types is None:
            raise _at(event.start_mark, f"unsupported tag {event.tag!r}")
        value = resolve(event.value)
        if type(value) not in types:
            raise _at(event.start_mark, f"cannot read {event.value!r} as a {tag}")
        return value

    def _begin(self, event: Any) -> None:
        container: Any = {} if type(event) is yaml.MappingStartEvent else []
        if event.tag not in (None, "!", _TAG_PREFIX + "map", _TAG_PREFIX + "seq"):
            raise _at(event.start_mark, f"unsupported tag {event.tag!r}")
        if len(self._frames) >= MAX_DEPTH:
            raise _at(event.start_mark, f"nested deeper than {MAX_DEPTH} levels")
        if self._expects_key():
            raise _at(event.start_mark, "a key must be a scalar")
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)
        self._values += 1
        self._frames.append(_Frame(container, event.anchor, self._values))

    def _end(self, event: Any) -> None:
        frame = self._frames.pop()
        for merged in frame.merged:
            for key, value in merged.items():
                frame.container.setdefault(key, value)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = frame.container, self._values - frame.began + 1
        self._attach(frame.container, event)

    def _alias(self, event: Any) -> None:
        """Share the anchored value; count it as often as readers will walk it."""
        if event.anchor not in self._anchors:
            raise _at(event.start_mark, f"alias {event.anchor!r} has no complete anchor before it")
        value, size = self._anchors[event.anchor]
        self._values += size
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            raise _at(event.start_mark, f"aliases stand for more than {MAX_ALIASED} values")
        self._attach(value, event)

    def _expects_key(self) -> bool:
        if not self._frames:
            return False
        frame = self._frames[-1]
        return type(frame.container) is dict and frame.key is None and not frame.merging

    def _attach(self, value: Any, event: Any) -> None:
        if not self._frames:
            self._root = value
            return
        frame = self._frames[-1]
        if type(frame.container) is list:
            frame.container.append(value)
        elif frame.key is not None:
            frame.container[frame.key] = value
            frame.key = None
        elif frame.merging:
            frame.merged.extend(_merged(value, event))
            frame.merging = False
        elif value == _MERGE and type(event) is yaml.ScalarEvent and event.implicit[0]:
            frame.merging = True
        else:
            frame.key = _key(value, event)
            if frame.key in frame.container:
                raise _at(event.start_mark, f"duplicate key {frame.key!r}")


def _merged(value: Any, event: Any) -> list[Any]:
    """Return the mappings that a merge key takes over."""
    mappings = value if isinstance(value, list) else [value]
    if not all(isinstance(mapping, dict) for mapping in mappings):
        raise _at(event.start_mark, "map merge requires map or sequence of maps as the value")
    return mappings


def _key(value: Any, event: Any) -> str:
    """Make a key text, as sigs.k8s.io/yaml does on the way to JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise _at(event.start_mark, "a key must be a scalar other than null")


class Locator:
    """Finds values in a text that has been read before; the text is parsed once, when asked."""

    def __init__(self, text: str) -> None:
        self._loader = yaml.CSafeLoader(text)
        self._nodes: list[Any] = []

    def locate(self, document: int, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Find the line and column, from 1, of a value.

        Of a path that leads to what is absent, the innermost part that is there counts.
        """
        node = self.node(document, path)
        return (
            (node.start_mark.line + 1, node.start_mark.column + 1) if node is not None else (1, 1)
        )

    def node(self, document: int, path: tuple[str | int, ...]) -> Any:
        """Find the node of a value, or the innermost that is there; None where nothing is."""
        while len(self._nodes) <= document and self._loader.check_node():
            self._nodes.append(self._loader.get_node())
        node = self._nodes[document] if document < len(self._nodes) else None
        for step in path:
            below = _child(node, step)
            if below is None:
                break
            node = below
        return node


def locate(text: str, document: int, path: tuple[str | int, ...]) -> tuple[int, int]:
    """Find one value; `Locator` finds many."""
    return Locator(text).locate(document, path)


def _child(node: Any, step: str | int) -> Any:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return node.value[step] if step < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None
