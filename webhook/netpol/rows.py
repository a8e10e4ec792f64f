"""Canonical rows: one per source, destination and family, sorted, expanded only when read.

The form is that of np-guard's lists: pods as ``namespace/name``, external ranges as
``ext4:lo-hi``, a pod to itself left out.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from webhook.netpol import bits
from webhook.netpol.addresses import Family
from webhook.netpol.intervals import Ranges
from webhook.netpol.lazy import lazy
from webhook.netpol.names import Names
from webhook.netpol.ports import conn_text

_KEPT_TARGETS = 64
"""Lists of targets kept at a time: neighbours in the order of names mostly share one."""


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """A connection: ``conn`` as text, such as ``TCP 80,443``."""

    src: str
    dst: str
    family: Family
    conn: str


class Block(msgspec.Struct, frozen=True, gc=False):
    """All ``sources`` to all ``targets`` (sets of slots) on ``ports``; blocks are disjoint."""

    family: Family
    sources: int
    targets: int
    ports: Ranges


def _has_rows(block: Block) -> bool:
    """A block is empty where it leads from one pod to itself."""
    sources, targets = block.sources, block.targets
    return bool(sources and targets and (sources != targets or sources & (sources - 1)))


@dataclass(frozen=True, eq=False)
class Targets:
    """What some sources reach, sorted; shared by all sources that reach the same."""

    reached: tuple[tuple[str, Family, str], ...]

    @lazy
    def _position(self) -> dict[str, list[int]]:
        position: dict[str, list[int]] = defaultdict(list)
        for index, (name, _, _) in enumerate(self.reached):
            position[name].append(index)
        return position

    def itself(self, source: str) -> Sequence[int]:
        """Return the positions at which the source reaches itself: these are no rows."""
        return self._position.get(source, ())


@dataclass(eq=False)
class Rows:
    """Rows as disjoint blocks.

    Args:
        names: the names of the slots.
    """

    blocks: tuple[Block, ...]
    names: Names

    def __bool__(self) -> bool:
        return any(map(_has_rows, self.blocks))

    def __len__(self) -> int:
        """Count the rows without expanding them."""
        return sum(
            block.sources.bit_count() * block.targets.bit_count()
            - (block.sources & block.targets).bit_count()
            for block in self.blocks
        )

    def pods_with_outside(self) -> set[str]:
        """Name the pods that some row joins with addresses outside."""
        found: set[str] = set()
        for block in self.blocks:
            for pods, others in (
                (block.sources, block.targets),
                (block.targets, block.sources),
            ):
                if self.names.has_outside(block.family, others):
                    found.update(self.names.pods(block.family, pods))
        return found

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows, sorted."""
        for source, targets in self.by_source():
            for name, family, conn in targets.reached:
                if name != source:
                    yield Row(source, name, family, conn)

    def by_source(self) -> Iterator[tuple[str, Targets]]:
        """Yield every source with what it reaches, sorted; neighbours with equal lists share one.

        The targets may include the source itself, which is no row (`Targets.itself`).
        """
        reaching: dict[str, list[int]] = defaultdict(list)
        for index, block in enumerate(self.blocks):
            for source in bits.pick(self.names.of(block.family), block.sources):
                reaching[source].append(index)
        targets = lru_cache(maxsize=_KEPT_TARGETS)(self._targets)
        for source in sorted(reaching):
            yield source, targets(tuple(reaching[source]))

    def _targets(self, signature: tuple[int, ...]) -> Targets:
        found: list[tuple[str, Family, str]] = []
        for index in signature:
            block = self.blocks[index]
            conn = conn_text(block.ports)
            found.extend(
                (name, block.family, conn)
                for name in bits.pick(self.names.of(block.family), block.targets)
            )
        return Targets(tuple(sorted(found)))
