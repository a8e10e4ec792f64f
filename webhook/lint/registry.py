"""The shape of a lint check and of what it finds.

One kebab-case id names the check's file, fixtures, documentation, SARIF rule and settings.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from webhook.lint.traits import Trait
from webhook.netpol.errors import Path, path_text
from webhook.netpol.model import Direction

Subject = TypeVar("Subject")

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SECTIONS = ("Why:", "Fix:")
_THREAD = re.compile(r"([\w.-]+/[\w.-]+)#(\d+)")


class Severity(StrEnum):
    """How bad a finding is: likely a hole or an outage, a doubt, a remark."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    __hash__ = str.__hash__  # Enum's own is a function in Python

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class Needs(StrEnum):
    """What has to be known to run a check; admission runs those whose facts it has."""

    POLICY = "policy"
    """The policy as the API server stores it, and its former version: a review has both."""
    AUTHOR = "author"
    """What its author wrote, before defaults: a review has it where `kubectl apply` was used."""
    CLUSTER = "cluster"
    """Pods, labels of Namespaces and the other policies too: admission keeps them in a cache."""
    MANIFESTS = "manifests"
    """All manifests as they were written, or objects of kinds that admission does not read."""


class Problem(msgspec.Struct, frozen=True, gc=False):
    """What a check found in its subject.

    Args:
        path: the field at fault.
        message: one line: what is wrong, why it matters, how to do it right.
        sub: names a variant of the check.
        severity: where it differs from the check's own.
    """

    path: Path
    message: str
    sub: str = ""
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """Which object a finding is about; the namespace is empty where none is written."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """As ``NetworkPolicy web/api``."""
        return f"{self.kind} {self.namespace}/{self.name}".replace(" /", " ")


class Finding(msgspec.Struct, frozen=True, gc=False):
    """A problem with its check and its object.

    Args:
        index: position of the object in the input.
        gone: the object is of the former input: the change takes it away.
    """

    check_id: str
    sub: str
    severity: Severity
    object: ObjectRef
    index: int
    path: Path
    message: str
    gone: bool = False

    def at(self, severity: Severity) -> "Finding":
        """Return the finding with another severity."""
        return replace(self, severity=severity)

    @property
    def label(self) -> str:
        """The id, with the variant behind a slash: ``types-vs-rules/sticky``."""
        return f"{self.check_id}/{self.sub}" if self.sub else self.check_id

    @property
    def field(self) -> str:
        """The field's path in apimachinery's form."""
        return path_text(self.path)


@dataclass(frozen=True, slots=True)
class Lint(Generic[Subject]):
    """A check under its id; made by `lint`.

    Args:
        evidence: threads in which users met the mistake, ``owner/repository#number``.
        subject: the type it is run on.
        docs: summary, ``Why:`` and ``Fix:``.
        needs: what it has to know.
        removed: it also judges policies that a change takes away.
        side: the one direction whose rules it judges; a change of the other finds nothing new.
        by_rule: it judges the selector and each rule, or each direction, for itself; a change
            finds nothing new in what stays.
        all_of: it finds nothing where the rules that it judges lack any of these.
        word: of what the author wrote: it finds nothing where the JSON text lacks it.
    """

    id: str
    severity: Severity
    evidence: tuple[str, ...]
    subject: type[Subject]
    run: Callable[[Subject], Iterator[Problem]]
    docs: str
    needs: Needs
    removed: bool = False
    side: Direction | None = None
    by_rule: bool = False
    all_of: frozenset[Trait] = frozenset()
    word: str = ""

    @property
    def summary(self) -> str:
        """The first sentence of the documentation."""
        return self.docs.partition("\n")[0]

    @property
    def links(self) -> tuple[str, ...]:
        """The evidence as Markdown."""
        return tuple(_link(each) for each in self.evidence)

    def problems(self, subject: Subject) -> list[Problem]:
        """Run the check; equal problems are told once."""
        return list(dict.fromkeys(self.run(subject)))


def _link(evidence: str) -> str:
    thread = _THREAD.fullmatch(evidence)
    return (
        f"[{evidence}](https://github.com/{thread[1]}/issues/{thread[2]})" if thread else evidence
    )


Run = Callable[[Subject], Iterator[Problem]]


def lint(  # noqa: PLR0913 - keywords, each with a default
    check_id: str,
    severity: Severity,
    subject: type[Subject],
    *evidence: str,
    needs: Needs,
    removed: bool = False,
    side: Direction | None = None,
    by_rule: bool = False,
    all_of: Iterable[Trait] = (),
    word: str = "",
) -> Callable[[Run[Subject]], Lint[Subject]]:
    """Make a function a check; its docstring becomes the documentation.

    Raises:
        ValueError: the id is not kebab-case, or the docstring lacks a section.
    """
    if not _ID.fullmatch(check_id):
        raise ValueError(f"check id {check_id!r} is not kebab-case")

    def decorate(run: Run[Subject]) -> Lint[Subject]:
        docs = inspect.cleandoc(run.__doc__ or "")
        missing = [section for section in _SECTIONS if section not in docs]
        if missing:
            raise ValueError(f"check {check_id}: docstring lacks {', '.join(missing)}")
        found = (needs, removed, side, by_rule, frozenset(all_of), word)
        return Lint(check_id, severity, evidence, subject, run, docs, *found)

    return decorate


def of_subject(checks: Iterable[Lint[Any]], subject: type[Any]) -> tuple[Lint[Any], ...]:
    """Return the checks that are run on a type of subject."""
    return tuple(check for check in checks if check.subject is subject)
