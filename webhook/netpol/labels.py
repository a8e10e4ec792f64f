"""Label selectors, exactly as apimachinery matches them.

``metav1.LabelSelectorAsSelector`` and ``labels.Requirement.Matches``
(staging/src/k8s.io/apimachinery/pkg/labels/selector.go): ``NotIn`` and ``DoesNotExist``
match a missing key; ``matchLabels`` is ``In`` with one value, so ``k: ""`` needs the key.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

Labels = Mapping[str, str]


class Operator(StrEnum):
    """``metav1.LabelSelectorOperator``; case-sensitive."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"

    __hash__ = str.__hash__  # Enum's own is a function in Python, and asked for all the time


_IN, _NOT_IN, _EXISTS = Operator.IN, Operator.NOT_IN, Operator.EXISTS
"""The members of an enumeration are slow to look up, and labels are matched all the time."""


class Requirement(msgspec.Struct, frozen=True, order=True, cache_hash=True, gc=False):
    """One condition on one key; ``values`` are sorted and empty for the existence operators."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Labels) -> bool:
        """Tell whether the labels meet the condition."""
        operator, value = self.operator, labels.get(self.key)
        if operator is _IN:
            return value in self.values
        if operator is _NOT_IN:
            return value not in self.values
        return (value is not None) is (operator is _EXISTS)

    def __str__(self) -> str:
        """Print as ``labels.Requirement.String`` does: ``k in (a,b)``, ``!k``, ``k=a``."""
        match self.operator:
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"
            case Operator.IN if len(self.values) == 1:
                return f"{self.key}={self.values[0]}"
        word = "in" if self.operator is Operator.IN else "notin"
        return f"{self.key} {word} ({','.join(self.values)})"


class Selector(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """All requirements at once; without any it matches everything.

    Args:
        requirements: sorted and without repetition, so that equal selectors are equal.
    """

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Labels) -> bool:
        """Tell whether the labels meet every requirement."""
        # A plain loop: it is asked of every pod and Namespace, mostly with one requirement.
        for requirement in self.requirements:  # noqa: SIM110
            if not requirement.matches(labels):
                return False
        return True

    def __str__(self) -> str:
        """Print as ``kubectl -l`` takes it; nothing selects everything."""
        return ",".join(map(str, self.requirements))


EVERYTHING = Selector()
