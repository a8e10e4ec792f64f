"""Where the command line finds a net-conf.json: bare, or in a ConfigMap manifest (YAML, JSON).

IO and PyYAML stay out of `webhook.netconf`; they stand here.
"""

import base64
import binascii
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from webhook.netconf.errors import NetConfError
from webhook.netconf.place import Place

KEY = "net-conf.json"
_MANIFEST = re.compile(
    r"^(?:apiVersion|kind|data|binaryData|metadata|items)\s*:|^\s*[\"']?net-conf\.json[\"']?\s*:",
    re.MULTILINE,
)


class UnreadableError(Exception):
    """The input cannot be read: no such file, no YAML, no net-conf.json in it."""


@dataclass(frozen=True, slots=True)
class Input:
    """A net-conf.json and where it came from.

    Args:
        name: the file, for messages.
        data: the value.
        key: path of the value in the manifest, empty for a bare text.
        lines: line and first column of each line of the value in the file, where they are known.
    """

    name: str
    data: bytes
    key: str = ""
    lines: tuple[Place, ...] = ()

    def message(self, error: NetConfError) -> str:
        """Return an error's message, its place being that in the file where it can be told."""
        place = error.place
        if place.line <= len(self.lines):
            origin = self.lines[place.line - 1]
            place = Place(origin.line, origin.column + place.column - 1)
        elif self.key:
            return error.message(f"{self.name}: {self.key}", place)
        return error.message(self.name, place)


def load(path: str) -> Input:
    """Read a file, or standard input for `-`.

    Raises:
        UnreadableError: it cannot be read, or is a manifest without a net-conf.json.
    """
    name = "stdin" if path == "-" else path
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise UnreadableError(f"{name}: {error.strerror}") from None
    return find(name, data)


def find(name: str, data: bytes) -> Input:
    """Return the net-conf.json of a text: the text itself, or the value in a manifest.

    Raises:
        UnreadableError: it is a manifest without a net-conf.json.
    """
    text = data.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        return _from_json(name, data) or Input(name, data)
    return _from_yaml(name, text) if _MANIFEST.search(text) else Input(name, data)


def _from_json(name: str, data: bytes) -> Input | None:
    """The value in a manifest written as JSON, None if the text is none."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not {"kind", "data", "binaryData"} & document.keys():
        return None
    items = document.get("items", [document])
    maps = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    for field in ("data", "binaryData"):
        for item in maps:
            value = (item.get(field) or {}).get(KEY) if isinstance(item.get(field), dict) else None
            if isinstance(value, str):
                key = f"{field}[{KEY}]"
                return Input(name, _bytes(name, key, value, binary=field != "data"), key)
    raise UnreadableError(f"{name}: no {KEY} in it")


def _from_yaml(name: str, text: str) -> Input:
    try:
        documents = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        shown = " ".join(str(error).split())
        raise UnreadableError(f"{name}: no YAML: {shown}") from None
    for document in documents:
        for key, node in _values(document):
            data = _bytes(name, key, str(node.value), binary=key.startswith("binaryData"))
            lines = _lines(text, node) if key.startswith("data") else ()
            return Input(name, data, key, lines)
    raise UnreadableError(f"{name}: no {KEY} in it")


def _values(node: Any) -> Iterator[tuple[str, yaml.ScalarNode]]:
    """Yield the net-conf.json values of a manifest, of a List's items too."""
    for item in _items(node):
        for field in ("data", "binaryData"):
            value = _member(_member(item, field), KEY)
            if isinstance(value, yaml.ScalarNode):
                yield f"{field}[{KEY}]", value
        bare = _member(item, KEY)  # the sample of a ConfigMap's data alone
        if isinstance(bare, yaml.ScalarNode):
            yield f"data[{KEY}]", bare


def _items(node: Any) -> list[Any]:
    items = _member(node, "items")
    return list(items.value) if isinstance(items, yaml.SequenceNode) else [node]


def _member(node: Any, name: str) -> Any:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _bytes(name: str, key: str, value: str, *, binary: bool) -> bytes:
    if not binary:
        return value.encode("utf-8", "replace")
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except binascii.Error:
        raise UnreadableError(f"{name}: {key}: no base64") from None


def _lines(text: str, node: yaml.ScalarNode) -> tuple[Place, ...]:
    """The places of a literal block's lines; empty unless each is found as it stands."""
    if node.style != "|":
        return ()
    written = text.split("\n")[node.start_mark.line + 1 :]
    places: list[Place] = []
    for number, line in enumerate(node.value.split("\n")):
        if number >= len(written) or not written[number].rstrip("\r").endswith(line):
            return tuple(places)
        indent = len(written[number].rstrip("\r")) - len(line)
        places.append(Place(node.start_mark.line + 2 + number, indent + 1))
    return tuple(places)
