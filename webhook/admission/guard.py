"""What a guard is: from a request to the subject that checks judge, or to a decision."""

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from webhook.checks.registry import Finding
from webhook.deadline import Deadline
from webhook.model.objects import ObjectMeta
from webhook.model.review import Attributes


class Advice(msgspec.Struct, frozen=True):
    """What is worth knowing of a change that may happen.

    Args:
        warnings: for the author, most important first.
        audit: annotations of the audit log.
        warned: ids of the checks whose findings are among the warnings.
    """

    warnings: tuple[str, ...] = ()
    audit: Mapping[str, str] = msgspec.field(default_factory=dict)
    warned: tuple[str, ...] = ()

    def __add__(self, other: "Advice") -> "Advice":
        """Both, the other behind this one."""
        return Advice(
            (*self.warnings, *other.warnings),
            {**self.audit, **other.audit},
            (*self.warned, *other.warned),
        )


class Permitted(msgspec.Struct, frozen=True):
    """What a check refuses to others, and this caller may have without an annotation.

    Args:
        warning: what it comes to; also what is recorded, as the reason of an override is.
    """

    check_id: str
    warning: str


class Case(msgspec.Struct, frozen=True):
    """A request made ready for the checks.

    Args:
        subject: a value of `webhook.checks.subjects`.
        metadata: of the object whose annotations may ask for an override: the
            new one, or the old one on DELETE.
        warnings: what the author should know even if the change may happen.
        overridden: what else he should know if an override lets it through.
        beside: further subjects of the same request; one answer is given for all.
        findings: what the guard found itself, under ids that no check of `CHECKS` has.
        permitted: what is let through as an override is, if nothing else stands against it.
        admitted: done before the change is let through, unless it is a dry run; may raise
            ClusterError, and the change then waits.
        advise: asked only once the change may happen; whatever it raises changes nothing.
    """

    subject: object
    metadata: ObjectMeta
    warnings: tuple[str, ...] = ()
    overridden: tuple[str, ...] = ()
    beside: tuple[object, ...] = ()
    findings: tuple[Finding, ...] = ()
    permitted: tuple[Permitted, ...] = ()
    admitted: Callable[[], None] | None = None
    advise: Callable[[], Advice] | None = None

    @property
    def subjects(self) -> tuple[object, ...]:
        """All of them."""
        return (self.subject, *self.beside)


class Guard(Protocol):
    """Gathers what the checks need to judge one kind of object."""

    @property
    def name(self) -> str:
        """Metric label and log field."""

    def gather(self, attributes: Attributes, deadline: Deadline) -> Case | None:
        """The case, or None where there is nothing to judge.

        Raises:
            ClusterError: the cluster could not be asked.
            MalformedReviewError: the object does not have the shape of its kind.
        """
