"""Label sets as boxes: per key the values that a pod may have, as the bits of an integer.

Selectors name a few keys, and of each a few values. A pod, made or not yet made, has of every such
key one of the named values, another one, or none; nothing finer can be told apart by the selectors.
A selector is therefore a box, and a set of selectors divides the pods exactly.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from webhook.netpol.labels import Operator, Requirement, Selector

Box = tuple[int, ...]
"""Per key of a space the values allowed: the named ones, then ``another``, then ``none``."""

MAX_STEPS = 20_000
"""Pieces looked at before an uncovered rest is taken for granted."""

MAX_FREE_KEYS = 6
"""Keys told apart where no value is named; of further ones only ``none`` is looked at."""


@dataclass(frozen=True, slots=True)
class LabelSpace:
    """The keys that selectors name, with the values that they name.

    Args:
        keys: sorted.
        values: per key the named values, sorted.
        always: keys that everything has, so that ``none`` is no value of them.
    """

    keys: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    always: frozenset[str] = frozenset()

    @classmethod
    def of(cls, selectors: Iterable[Selector], always: Iterable[str] = ()) -> "LabelSpace":
        """Make the space in which all of the selectors are boxes."""
        named: dict[str, set[str]] = {}
        for selector in selectors:
            for requirement in selector.requirements:
                named.setdefault(requirement.key, set()).update(requirement.values)
        keys = tuple(sorted(named))
        return cls(keys, tuple(tuple(sorted(named[key])) for key in keys), frozenset(always))

    @property
    def everything(self) -> Box:
        """All label sets."""
        return tuple(self._full(at) for at in range(len(self.keys)))

    @property
    def unnamed(self) -> Box:
        """Label sets with no value that a selector names: of each key another value, or none."""
        return tuple(
            full & (3 << len(named))
            for full, named in zip(self.everything, self.values, strict=True)
        )

    def box(self, selector: Selector) -> Box:
        """Return the label sets that a selector of the space matches."""
        masks = list(self.everything)
        for requirement in selector.requirements:
            at = self.keys.index(requirement.key)
            masks[at] &= self._mask(at, requirement)
        return tuple(masks)

    def text(self, box: Box) -> str:
        """Describe a box to a person, as ``pods with app=db``."""
        parts = [self._part(at, mask) for at, mask in enumerate(box) if mask != self._full(at)]
        return f"pods {', '.join(parts)}" if parts else "every pod"

    def _full(self, at: int) -> int:
        count = len(self.values[at])
        return (1 << count + (1 if self.keys[at] in self.always else 2)) - 1

    def _mask(self, at: int, requirement: Requirement) -> int:
        values = self.values[at]
        named = sum(1 << values.index(value) for value in requirement.values)
        none = 2 << len(values)
        match requirement.operator:
            case Operator.IN:
                return named
            case Operator.NOT_IN:
                return ~named
            case Operator.EXISTS:
                return ~none
            case Operator.DOES_NOT_EXIST:
                return none

    def _part(self, at: int, mask: int) -> str:
        key, values = self.keys[at], self.values[at]
        other, none = mask >> len(values) & 1, mask >> len(values) & 2
        if not other:
            named = [value for bit, value in enumerate(values) if mask >> bit & 1]
            alternatives = [f"with {key}={value}" for value in named[:3]]
            return " or ".join([*alternatives, *([f"without label {key}"] if none else [])])
        missing = [f"{key}={value}" for bit, value in enumerate(values) if not mask >> bit & 1]
        return " but ".join(
            [*([] if none else [f"with label {key}"]), *(f"not {m}" for m in missing[:3])]
        )


def meet(one: Box, other: Box) -> Box | None:
    """Return what is in both boxes, None where nothing is."""
    common = tuple(a & b for a, b in zip(one, other, strict=True))
    return common if all(common) else None


def uncovered(box: Box, covers: Sequence[Box]) -> Box | None:
    """Return a part of the box that none of the covers meets, None where they cover it.

    After `MAX_STEPS` pieces the piece in hand is returned: rather one refusal too many.
    """
    steps = 0
    stack = [(box, 0)] if all(box) else []
    while stack:
        piece, at = stack.pop()
        steps += 1
        while at < len(covers) and meet(piece, covers[at]) is None:
            at += 1
        if at == len(covers) or steps > MAX_STEPS:
            return piece
        stack.extend((rest, at + 1) for rest in _without(piece, covers[at]))
    return None


def _without(box: Box, cut: Box) -> Iterator[Box]:
    """Yield disjoint boxes that together are the box without the cut."""
    for at, (mask, taken) in enumerate(zip(box, cut, strict=True)):
        if mask & ~taken:
            common = tuple(a & b for a, b in zip(box[:at], cut[:at], strict=True))
            yield (*common, mask & ~taken, *box[at + 1 :])


def unnamed_cells(
    space: LabelSpace, boxes: Sequence[Box], first: Sequence[Box] = ()
) -> Iterator[Box]:
    """Yield the cells of pods that no value names, as far as the boxes tell them apart.

    Args:
        space: of the boxes.
        boxes: what tells them apart.
        first: boxes whose keys are told apart before others', where there are too many.
    """
    unnamed = space.unnamed
    met = [common for box in (*first, *boxes) if (common := meet(box, unnamed)) is not None]
    free = dict.fromkeys(
        at for common in met for at, mask in enumerate(common) if mask != unnamed[at]
    )
    told = list(free)[:MAX_FREE_KEYS]
    rest = tuple(
        max(mask & (2 << len(space.values[at])), mask & -mask) if at in free else mask
        for at, mask in enumerate(unnamed)
    )
    choices = ((2 << len(space.values[at]), 1 << len(space.values[at])) for at in told)
    for choice in product(*choices):
        chosen = dict(zip(told, choice, strict=True))
        yield tuple(chosen.get(at, mask) for at, mask in enumerate(rest))
