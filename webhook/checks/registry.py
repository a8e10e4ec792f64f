"""The shape of a check, and how checks are run.

A check is a pure function from a subject (a frozen value that admission has
gathered) to the violations it finds, under one id that its file, its test, its
documentation, its metric label and its override permission share.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

Subject = TypeVar("Subject")

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_SECTIONS = ("Why:", "Fix:")


@dataclass(frozen=True, slots=True)
class Violation:
    """One reason to refuse, in the terms of ``metav1.StatusCause``.

    Args:
        reason: ``FieldValueForbidden`` or ``FieldValueInvalid``.
        field: path of the field at fault, as apimachinery prints paths.
        message: what is wrong, why it matters, and what to do instead.
        final: no annotation overrides it: what would come of it is nothing at all, or has been
            asked for already.
    """

    reason: str
    field: str
    message: str
    final: bool = False

    @classmethod
    def forbidden(cls, field: str, message: str, *, final: bool = False) -> "Violation":
        """The change is well formed, and must not happen."""
        return cls("FieldValueForbidden", field, f"Forbidden: {message}", final)

    @classmethod
    def invalid(cls, field: str, value: str, message: str, *, final: bool = False) -> "Violation":
        """The value itself cannot be used."""
        return cls("FieldValueInvalid", field, f'Invalid value: "{value}": {message}', final)

    def __str__(self) -> str:
        """As apimachinery prints a field error: ``path: Forbidden: detail``."""
        return f"{self.field}: {self.message}"


@dataclass(frozen=True, slots=True, eq=False)
class Check(Generic[Subject]):
    """A rule under its id; made by `check`."""

    id: str
    subject: type[Subject]
    run: Callable[[Subject], Iterator[Violation]]
    docs: str

    @property
    def summary(self) -> str:
        """The first sentence of the documentation."""
        return self.docs.partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Finding:
    """A violation and the id of the check that found it."""

    check_id: str
    violation: Violation


def check(
    check_id: str, subject: type[Subject]
) -> Callable[[Callable[[Subject], Iterator[Violation]]], Check[Subject]]:
    """Make a function a check; its docstring becomes the documentation.

    Raises:
        ValueError: the id is not kebab-case, or the docstring lacks a section.
    """
    if not _ID.fullmatch(check_id):
        raise ValueError(f"check id {check_id!r} is not kebab-case")

    def decorate(run: Callable[[Subject], Iterator[Violation]]) -> Check[Subject]:
        docs = inspect.cleandoc(run.__doc__ or "")
        missing = [section for section in _SECTIONS if section not in docs]
        if missing:
            raise ValueError(f"check {check_id}: docstring lacks {', '.join(missing)}")
        return Check(check_id, subject, run, docs)

    return decorate


def evaluate(checks: Iterable[Check[Any]], subject: object) -> tuple[Finding, ...]:
    """What the checks for this kind of subject find, in the order of their ids."""
    found: list[Finding] = []
    kind = type(subject)
    for each in _fitting(tuple(checks), kind):  # type: ignore[arg-type] # a type is hashable
        found.extend([Finding(each.id, violation) for violation in each.run(subject)])
    return tuple(found)


@lru_cache(maxsize=256)
def _fitting(checks: tuple[Check[Any], ...], subject: type[Any]) -> tuple[Check[Any], ...]:
    """The checks for a kind of subject, chosen once for each kind."""
    return tuple(sorted((c for c in checks if issubclass(subject, c.subject)), key=lambda c: c.id))
