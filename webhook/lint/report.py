"""Findings with their places, as every renderer takes them."""

from collections import Counter
from dataclasses import dataclass

from webhook.lint.registry import Finding, Severity


@dataclass(frozen=True, slots=True)
class Place:
    """Where a finding is; line and column from 1, or 0 where there is no file."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        """As compilers print it, so that editors find it."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


LIVE = Place("live", 0, 0)
"""An object of a cluster."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A finding and its place."""

    finding: Finding
    place: Place


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found.

    Args:
        placed: the most severe first.
        policies: how many NetworkPolicies were judged.
        fail_on: the least severity that fails the run; None where nothing does.
        off: ids of the checks that were not run.
    """

    placed: tuple[Placed, ...]
    policies: int
    fail_on: Severity | None = Severity.WARNING
    off: frozenset[str] = frozenset()

    def fails(self, finding: Finding) -> bool:
        """Tell whether a finding fails the run."""
        return self.fail_on is not None and finding.severity.rank <= self.fail_on.rank

    @property
    def failed(self) -> bool:
        """Tell whether any does."""
        return any(self.fails(each.finding) for each in self.placed)

    @property
    def counts(self) -> dict[Severity, int]:
        """How many findings there are of each severity."""
        found = Counter(each.finding.severity for each in self.placed)
        return {severity: found[severity] for severity in Severity}
