"""Sets of slots as Python integers: bit i is set when slot i is in the set."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, count
from typing import TypeVar

T = TypeVar("T")

_FLAGS = bytes.maketrans(b"01", b"\x00\x01")


_FEW = 4
"""Slots that are found one by one; for more all are walked."""


def from_slots(slots: Iterable[int], size: int) -> int:
    """Return the set of the slots, each below ``size``; linear, where OR-ing bits is quadratic."""
    flags = bytearray((size >> 3) + 1)
    for slot in slots:
        flags[slot >> 3] |= 1 << (slot & 7)
    return int.from_bytes(flags, "little")


def _flags(bits: int) -> bytes:
    """Return a byte per slot, 1 where it is set."""
    return bin(bits)[:1:-1].encode().translate(_FLAGS)


def slots(bits: int) -> Iterator[int]:
    """Yield the slots of a set, ascending."""
    return compress(count(), _flags(bits))


def pick(items: Sequence[T], bits: int) -> Iterator[T]:
    """Yield the items whose slots are in the set, in order."""
    if bits.bit_count() <= _FEW:
        return iter(_few(items, bits))
    return compress(items, _flags(bits))


def _few(items: Sequence[T], bits: int) -> list[T]:
    size, found = len(items), []
    while bits:
        slot = (bits & -bits).bit_length() - 1
        if slot < size:
            found.append(items[slot])
        bits &= bits - 1
    return found


def span(low: int, high: int) -> int:
    """Return the set of the slots ``low..high-1``."""
    return ((1 << (high - low)) - 1) << low


def refine(cells: list[int], by: int) -> list[int]:
    """Split every cell of a partition into what is in the set and what is not."""
    return [part for cell in cells for part in (cell & by, cell & ~by) if part]
