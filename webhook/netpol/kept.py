"""Results that are kept, as long as they are small.

`functools.lru_cache` bounds how many results are kept, not how large they are, and whoever sends a
review chooses the arguments: a few thousand lists of a megabyte would be all of a Pod's memory.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")
Given = ParamSpec("Given")
Result = TypeVar("Result")


def kept(
    maxsize: int, size: Callable[..., int], limit: int
) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Keep the results of a pure function for small arguments.

    Args:
        maxsize: how many results are kept.
        size: of the arguments.
        limit: for larger ones the result is made anew each time.
    """

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        small = lru_cache(maxsize=maxsize)(function)

        @wraps(function)
        def call(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            if size(*args, **kwargs) > limit:
                return function(*args, **kwargs)
            return small(*args, **kwargs)  # type: ignore[arg-type]  # callers pass hashable values

        return call

    return decorate


class Bounded(dict[Key, Value]):
    """Results that are kept until they are too large together; then all of them go.

    Args:
        limit: what they may weigh, in units of the caller's choice.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._weight = 0

    def keep(self, key: Key, value: Value, weight: int) -> Value:
        """Keep a result, and return it.

        Args:
            key: to find it by, with ``get``.
            value: the result.
            weight: of both.
        """
        self._weight += weight
        if self._weight > self._limit:
            self.clear()
            self._weight = weight
        self[key] = value
        return value
