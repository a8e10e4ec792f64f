"""Lenient reading of decoded JSON: what is not as expected is not there."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def dig(value: Any, *keys: str) -> Any:
    """Walk down objects; None where the way ends."""
    for key in keys:
        # Nearly all are; to ask for a Mapping takes ten times as long.
        if not isinstance(value, dict) and not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def entries(value: Any, *keys: str) -> list[Any]:
    """Return the list at the end of the way, empty where there is none."""
    found = dig(value, *keys)
    return found if isinstance(found, list) else []


def texts(values: Iterable[Any], *keys: str) -> Iterator[str]:
    """Yield the non-empty texts that the values have at the end of the way."""
    for value in values:
        found = dig(value, *keys)
        if isinstance(found, str) and found:
            yield found
