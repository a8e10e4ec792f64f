"""The names of slots, made only when rows are read."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from webhook.netpol import bits
from webhook.netpol.addresses import Family
from webhook.netpol.intervals import Interval
from webhook.netpol.lens import External
from webhook.netpol.table import PodTable


class Names:
    """Names the slots of tables that give every pod the same slot, and the external ranges.

    Args:
        tables: the pods; one that is missing in some of them has its name from another.
        externals: the ranges behind the pods, per family.
    """

    def __init__(self, tables: Sequence[PodTable], externals: Mapping[Family, External]) -> None:
        self._tables = tables
        self._externals = externals
        self._known: dict[Family, list[str]] = {}

    def of(self, family: Family) -> list[str]:
        """Return the name of every slot: pods first, external ranges behind."""
        if family not in self._known:
            columns = zip_longest(*(table.names for table in self._tables), fillvalue="")
            pods = [next(filter(None, column), "") for column in columns]
            self._known[family] = pods + self._externals[family].names
        return self._known[family]

    def pods(self, family: Family, members: int) -> Iterator[str]:
        """Yield the names of the pods in a set of slots."""
        inside = (1 << self._externals[family].base) - 1
        return bits.pick(self.of(family), members & inside)

    def has_outside(self, family: Family, members: int) -> bool:
        """Tell whether external ranges are in a set of slots."""
        return members >> self._externals[family].base != 0

    def outside(self, family: Family, members: int) -> Iterator[Interval]:
        """Yield the external ranges in a set of slots, ascending; its pods are passed over."""
        external = self._externals[family]
        return bits.pick(external.spans, members >> external.base)

    def is_all_outside(self, family: Family, members: int) -> bool:
        """Tell whether all external ranges are in a set of slots."""
        everyone = self._externals[family].everyone
        return members & everyone == everyone
