"""Where the command line finds a net-conf.json: bare, or in ConfigMap manifests (YAML, JSON).

IO and YAML stay out of `webhook.netconf`; they stand here.
"""

import base64
import binascii
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from webhook.manifest_yaml import Locator, YamlError, documents
from webhook.netconf.errors import NetConfError
from webhook.netconf.place import Place
from webhook.netconf.text import encode

KEY = "net-conf.json"
_FIELDS = ("data", "binaryData")
# No `\s`: it matches line ends too, and would look at a run of empty lines again from each.
_MANIFEST = re.compile(
    r"^(?:apiVersion|kind|data|binaryData|metadata|items)[ \t]*:"
    r"|^[ \t]*[\"']?net-conf\.json[\"']?[ \t]*:",
    re.MULTILINE,
)
_KINDS = ("ConfigMap", "ConfigMapList", "List")
_Path = tuple[str | int, ...]


class UnreadableError(Exception):
    """The input cannot be read: no such file, no YAML, no net-conf.json in it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where in a manifest a value stands.

    Args:
        text: of the file.
        document: which of its documents, from 0.
        path: the way to the value in it.
    """

    text: str
    document: int
    path: _Path


@dataclass(frozen=True, slots=True)
class Input:
    """A net-conf.json and where it came from.

    Args:
        name: the file, for messages; with the ConfigMap where it holds several.
        data: the value.
        key: path of the value in the manifest, empty for a bare text.
        origin: its place in the file, None where that is not known.
    """

    name: str
    data: bytes
    key: str = ""
    origin: Origin | None = None

    def message(self, error: NetConfError) -> str:
        """Return an error's message, its place being that in the file where it can be told."""
        place = error.place
        lines = _lines(self.origin, self.data) if self.origin else ()
        if place.line <= len(lines):
            begins = lines[place.line - 1]
            place = Place(begins.line, begins.column + place.column - 1)
        elif self.key:
            return error.message(f"{self.name}: {self.key}", place)
        return error.message(self.name, place)


def load(path: str) -> tuple[Input, ...]:
    """Read a file, or standard input for `-`: each net-conf.json in it, at least one.

    Raises:
        UnreadableError: it cannot be read, or is a manifest without a net-conf.json.
    """
    name = "stdin" if path == "-" else path
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise UnreadableError(f"{name}: {error.strerror}") from None
    return find(name, data)


def load_one(path: str) -> Input:
    """Read a file that holds one net-conf.json.

    Raises:
        UnreadableError: as above, or it holds several.
    """
    inputs = load(path)
    if len(inputs) > 1:
        held = ", ".join(each.name for each in inputs)
        raise UnreadableError(f"{path}: holds {len(inputs)} of {KEY}, one is compared: {held}")
    return inputs[0]


def find(name: str, data: bytes) -> tuple[Input, ...]:
    """Return each net-conf.json of a text: the text itself, or the values in manifests.

    Raises:
        UnreadableError: it is a manifest without a net-conf.json.
    """
    text = data.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        value = _json_manifest(data)
        return (Input(name, data),) if value is None else _inputs(name, text, [value], places=False)
    if not _MANIFEST.search(text):
        return (Input(name, data),)
    try:
        return _inputs(name, text, documents(text))
    except YamlError as error:
        raise UnreadableError(f"{name}:{error.line}:{error.column}: no YAML: {error}") from None


def _json_manifest(data: bytes) -> dict[str, Any] | None:
    """A manifest written as JSON, None where the text is none; unknown keys make no manifest."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if any(_values(value)):
        return dict(value)
    kind = value.get("kind") if isinstance(value, dict) else None
    named = kind in _KINDS or (isinstance(kind, str) and "apiVersion" in value)
    return value if named else None


def _inputs(
    name: str, text: str, values: Iterable[Any], *, places: bool = True
) -> tuple[Input, ...]:
    """The values of every document; of JSON, whose strings stand on one line, without places."""
    found = [
        (path, holder, value, Origin(text, index, path) if places else None)
        for index, document in enumerate(values)
        for path, holder, value in _values(document)
    ]
    if not found:
        raise UnreadableError(f"{name}: no {KEY} in it")
    return tuple(
        Input(
            name if len(found) == 1 else f"{name}: {_named(holder)}",
            _bytes(name, path, value),
            _key(path),
            origin,
        )
        for path, holder, value, origin in found
    )


def _values(document: Any) -> Iterator[tuple[_Path, dict[str, Any], Any]]:
    """Yield path, object and value of each net-conf.json, of a List's items too."""
    for path, item in _items(document):
        for field in _FIELDS:
            held = item.get(field)
            if isinstance(held, dict) and KEY in held:
                yield (*path, field, KEY), item, held[KEY]
        if KEY in item:  # a ConfigMap's data alone
            yield (*path, KEY), item, item[KEY]


def _items(document: Any) -> Iterator[tuple[_Path, dict[str, Any]]]:
    if not isinstance(document, dict):
        return
    items = document.get("items")
    if not isinstance(items, list):
        yield (), document
        return
    for index, item in enumerate(items):
        if isinstance(item, dict):
            yield ("items", index), item


def _named(holder: dict[str, Any]) -> str:
    """A ConfigMap as messages name it."""
    metadata = holder.get("metadata")
    names = metadata if isinstance(metadata, dict) else {}
    parts = (names.get("namespace"), names.get("name", "ConfigMap without a name"))
    return "/".join(str(part) for part in parts if part)


def _key(path: _Path) -> str:
    return f"{'binaryData' if 'binaryData' in path else 'data'}[{KEY}]"


def _bytes(name: str, path: _Path, value: Any) -> bytes:
    key = _key(path)
    if not isinstance(value, str):
        hint = f"write {KEY}: | and the JSON indented below it"
        raise UnreadableError(
            f"{name}: {key}: must be a string, as the API server takes it: {hint}"
        )
    if "binaryData" not in path:
        return encode(value)
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except binascii.Error:
        raise UnreadableError(f"{name}: {key}: no base64") from None


def _lines(origin: Origin, data: bytes) -> tuple[Place, ...]:
    """The places of a literal block's lines, as far as each is found as it stands."""
    try:
        node = Locator(origin.text).node(origin.document, origin.path)
    except (yaml.YAMLError, RecursionError):
        return ()
    if not isinstance(node, yaml.ScalarNode) or node.style != "|" or "binaryData" in origin.path:
        return ()
    written = origin.text.split("\n")[node.start_mark.line + 1 :]
    places: list[Place] = []
    for number, (line, as_written) in enumerate(
        zip(data.decode().split("\n"), written, strict=False)
    ):
        if not as_written.rstrip("\r").endswith(line):
            break
        indent = len(as_written.rstrip("\r")) - len(line)
        places.append(Place(node.start_mark.line + 2 + number, indent + 1))
    return tuple(places)
