"""Read Kubernetes objects from files, folders and standard input, places kept for errors.

Nothing is skipped silently: what cannot be read raises, with ``file:line:column``.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from webhook.errors import PortcullisError
from webhook.manifest_yaml import Locator, YamlError, documents
from webhook.netpol.errors import InvalidObjectError, path_text
from webhook.netpol.errors import Path as FieldPath
from webhook.netpol.fields import kind_of
from webhook.netpol.parse import parse_world
from webhook.netpol.world import World

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
STDIN = "-"


class ManifestError(PortcullisError):
    """A manifest cannot be read; the message begins with its place."""


@dataclass(frozen=True, slots=True)
class Source:
    """A text and where it is from."""

    name: str
    text: str

    def error(self, message: str, line: int = 1, column: int = 1) -> ManifestError:
        """Build an error at a place of the text."""
        return ManifestError(f"{self.name}:{line}:{column}: {message}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """An object and where it is from.

    Args:
        source: the text it stands in.
        document: which document of it, from 0.
        path: the way to it inside the document, if that is a List.
        value: the object as decoded JSON.
    """

    source: Source
    document: int
    path: FieldPath
    value: dict[str, Any]

    def error(self, path: FieldPath, message: str) -> ManifestError:
        """Build an error at a field of the object."""
        return self.source.error(message, *Places().of(self, path))


class Places:
    """Tells where fields of objects are; parses every text once more at most."""

    def __init__(self) -> None:
        self._locators: dict[Source, Locator] = {}

    def of(self, manifest: Manifest, path: FieldPath) -> tuple[int, int]:
        """Return the line and column of a field, or of the innermost part of it that is there."""
        source = manifest.source
        if source not in self._locators:
            self._locators[source] = Locator(source.text)
        try:
            return self._locators[source].locate(manifest.document, (*manifest.path, *path))
        except yaml.YAMLError:  # JSON that is no YAML, with tabs between its tokens
            return 1, 1


def read_world(paths: Iterable[str], live: Sequence[Mapping[str, Any]] = ()) -> World:
    """Read the cluster that files, folders and standard input (``-``) describe together.

    Args:
        paths: of the manifests.
        live: objects of a cluster that the manifests count as applied to.

    Raises:
        ManifestError: something of it cannot be read.
    """
    manifests = list(read_manifests(paths))
    try:
        return parse_world([*live, *(manifest.value for manifest in manifests)])
    except InvalidObjectError as error:
        if error.index < len(live):
            raise ManifestError(f"live: {error}") from None
        raise manifests[error.index - len(live)].error(error.path, str(error)) from None


def read_manifests(paths: Iterable[str]) -> Iterator[Manifest]:
    """Yield the objects of files, folders (recursively) and standard input (``-``).

    Raises:
        ManifestError: something of it cannot be read.
    """
    for path in paths:
        for source in _sources(path):
            for index, value in enumerate(_decode(source)):
                if value is not None:
                    yield from _objects(source, index, value)


def _sources(path: str) -> Iterator[Source]:
    if path == STDIN:
        yield _source("<stdin>", sys.stdin.buffer.read())
        return
    try:
        for file in _files(Path(path)):
            yield _source(str(file), file.read_bytes())
    except OSError as error:
        raise ManifestError(f"{error.filename or path}: {error.strerror}") from None


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
    if not found:
        raise ManifestError(f"{path}: holds no .yaml, .yml or .json file")
    return found


def _source(name: str, content: bytes) -> Source:
    try:
        return Source(name, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise ManifestError(f"{name}:{line}:{column}: not UTF-8: {error.reason}") from None


def _decode(source: Source) -> Iterator[Any]:
    """Decode a text: a file named ``.json`` as JSON, all else as YAML, which JSON is part of.

    JSON in a text of another name is only a shortcut: what it does not take, YAML tells.
    """
    if source.name.endswith(".json"):
        yield from _from_json(source)
        return
    if source.text.lstrip().startswith("{"):
        try:
            decoded = list(_json_values(source.text))
        except (ValueError, RecursionError):
            pass
        else:
            yield from decoded
            return
    yield from _from_yaml(source)


def _from_yaml(source: Source) -> Iterator[Any]:
    try:
        yield from documents(source.text)
    except YamlError as error:
        raise source.error(str(error), error.line, error.column) from None


class _DuplicateKeyError(ValueError):
    """A JSON object has a key twice."""


def _from_json(source: Source) -> Iterator[Any]:
    try:
        yield from list(_json_values(source.text))
    except _DuplicateKeyError:
        yield from _from_yaml(source)  # raises with the place, which json does not tell
    except json.JSONDecodeError as error:
        raise source.error(error.msg, error.lineno, error.colno) from None
    except RecursionError:
        raise source.error("nested too deeply") from None
    except ValueError as error:
        raise source.error(str(error)) from None


def _json_values(text: str) -> Iterator[Any]:
    """Yield the values of concatenated JSON documents."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
    at = _skip_space(text, 0)
    while at < len(text):
        value, end = decoder.raw_decode(text, at)
        yield value
        at = _skip_space(text, end)


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise _DuplicateKeyError
    return value


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _objects(source: Source, document: int, value: Any) -> Iterator[Manifest]:
    """Yield the object of a document, or the objects of a List, nested ones too."""
    pending: list[tuple[FieldPath, Any, str, str]] = [((), value, "", "")]
    while pending:
        path, value, kind, version = pending.pop()
        manifest = Manifest(source, document, path, value)
        if not isinstance(value, dict):
            where = f"{path_text(path)}: " if path else ""
            raise manifest.error((), f"{where}expected a Kubernetes object, got {kind_of(value)}")
        if kind:
            manifest = Manifest(
                source, document, path, {"kind": kind, "apiVersion": version, **value}
            )
        listed = str(manifest.value.get("kind", ""))
        items = value.get("items")
        if not listed.endswith("List") or "items" not in value:
            yield manifest
        elif isinstance(items, list):
            # Items of a typed list, such as a PodList, carry no kind of their own.
            item_kind = listed.removesuffix("List")
            item_version = str(value.get("apiVersion", "")) if item_kind else ""
            pending.extend(
                ((*path, "items", index), item, item_kind, item_version)
                for index, item in reversed(list(enumerate(items)))
            )
        elif items is not None:
            raise manifest.error(("items",), "items: must be a list")
