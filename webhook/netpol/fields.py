"""Typed reading of decoded JSON, as Go decodes it: null is the zero value of its type."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from webhook.netpol.errors import FieldError, Path

_KINDS = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
}
_QUOTE_IT = "; YAML reads y, n, on, off, yes, no as booleans and digits as numbers: quote it"


def quoted(value: Any) -> str:
    """Print a value of a document as apimachinery's errors do, cut to one short line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - one line


def kind_of(value: Any) -> str:
    """Name the JSON type of a value, with its article."""
    return _KINDS.get(type(value), "a list" if isinstance(value, list) else "an object")


class Field(msgspec.Struct, frozen=True):
    """A value of a document and the way to it.

    Args:
        value: decoded JSON.
        key: under which, or at which index, it stands in its parent; empty at the top.
        parent: the object or list that it stands in.
    """

    value: Any
    key: str | int = ""
    parent: "Field | None" = None

    def __bool__(self) -> bool:
        return self.value is not None

    @property
    def path(self) -> Path:
        """The way to the value; walked for errors only, since every value has one."""
        above = () if self.parent is None else self.parent.path
        return above if self.key == "" else (*above, self.key)

    def error(self, detail: str) -> FieldError:
        """Build an error at this place."""
        return FieldError(self.path, detail)

    def invalid(self, detail: str) -> FieldError:
        """Build an error that quotes the value."""
        return self.error(f"Invalid value: {quoted(self.value)}: {detail}")

    def mapping(self) -> dict[str, Any]:
        """Read an object; null is empty."""
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            raise self.invalid(f"must be an object, got {kind_of(self.value)}")
        return self.value

    def get(self, *keys: str) -> "Field":
        """Walk down objects; what is absent is null."""
        at = self
        for key in keys:
            at = Field(at.mapping().get(key), key, at)
        return at

    def only(self, *keys: str) -> "Field":
        """Refuse unknown fields, as ``fieldValidation=Strict`` (kubectl's default) does.

        A typo such as ``podselector`` would otherwise select the whole namespace.
        """
        for key in self.mapping():
            if key not in keys:
                raise Field(None, key, self).error(
                    f"unknown field {quoted(key)}, expected one of {', '.join(keys)}"
                )
        return self

    def items(self) -> Iterator["Field"]:
        """Read the items of a list; null is empty."""
        if self.value is None:
            return
        if not isinstance(self.value, list):
            raise self.invalid(f"must be a list, got {kind_of(self.value)}")
        for index, item in enumerate(self.value):
            yield Field(item, index, self)

    def text(self, default: str = "") -> str:
        """Read a string."""
        if self.value is None:
            return default
        if not isinstance(self.value, str):
            hint = "" if isinstance(self.value, list | dict) else _QUOTE_IT
            raise self.invalid(f"must be a string, got {kind_of(self.value)}{hint}")
        return self.value

    def boolean(self) -> bool:
        """Read a boolean; null is false."""
        if self.value is None:
            return False
        if not isinstance(self.value, bool):
            raise self.invalid(f"must be a boolean, got {kind_of(self.value)}")
        return self.value

    def integer(self, default: int = 0) -> int:
        """Read a whole number."""
        if self.value is None:
            return default
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.invalid(f"must be a whole number, got {kind_of(self.value)}")
        return self.value
