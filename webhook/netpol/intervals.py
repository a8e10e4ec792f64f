"""Sets of integers as sorted tuples of closed intervals.

A `Ranges` is canonical: intervals ascend, do not overlap and do not touch, so that
equal sets are equal tuples (and hash alike). Ports and addresses both live in it.
"""

from collections.abc import Iterable
from functools import lru_cache

Interval = tuple[int, int]
Ranges = tuple[Interval, ...]

EMPTY: Ranges = ()


_FEW = 64
"""Intervals of both sets, of which a result is kept: a policy may list a hundred thousand."""

_kept = lru_cache(maxsize=1 << 12)


def ranges(intervals: Iterable[Interval]) -> Ranges:
    """Bring closed intervals, in any order and overlapping, to the canonical form."""
    merged: list[Interval] = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def union(left: Ranges, right: Ranges) -> Ranges:
    """The integers of either set."""
    if not left or left == right:
        return right
    if len(left) + len(right) > _FEW:
        return _union(left, right)
    return _small_union(left, right)


def _union(left: Ranges, right: Ranges) -> Ranges:
    return ranges(left + right) if right else left


_small_union = _kept(_union)


def intersection(left: Ranges, right: Ranges) -> Ranges:
    """The integers of both sets."""
    if len(left) + len(right) > _FEW:
        return _intersection(left, right)
    return _small_intersection(left, right)


def _intersection(left: Ranges, right: Ranges) -> Ranges:
    common: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        low = max(left[i][0], right[j][0])
        high = min(left[i][1], right[j][1])
        if low <= high:
            common.append((low, high))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


_small_intersection = _kept(_intersection)


def difference(left: Ranges, right: Ranges) -> Ranges:
    """The integers of ``left`` that are not in ``right``."""
    if not left or not right:
        return left
    if len(left) + len(right) > _FEW:
        return _difference(left, right)
    return _small_difference(left, right)


def _difference(left: Ranges, right: Ranges) -> Ranges:
    kept: list[Interval] = []
    for interval in left:
        low, high = interval
        for cut_low, cut_high in right:
            if cut_high < low or cut_low > high:
                continue
            if low < cut_low:
                kept.append((low, cut_low - 1))
            low = cut_high + 1
        if low <= high:
            kept.append((low, high))
    return tuple(kept)


_small_difference = _kept(_difference)


def complement(of: Ranges, universe: Ranges) -> Ranges:
    """The integers of the universe that are not in the set."""
    return difference(universe, of)


def contains(within: Ranges, number: int) -> bool:
    """Tell whether the number is in the set."""
    return any(low <= number <= high for low, high in within)
