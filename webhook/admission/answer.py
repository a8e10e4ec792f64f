"""From findings to the words and fields of the answer. PURE."""

from collections.abc import Iterator, Sequence

from msgspec import structs

from webhook.admission.guard import Advice, Permitted
from webhook.admission.override import Override
from webhook.checks.registry import Finding
from webhook.model.namespace import OVERRIDE_ANNOTATION
from webhook.model.review import AdmissionResponse, StatusCause, allowed, refused
from webhook.model.text import MAX_WARNING_RUNES, fit_warnings, one_line, several_lines

_INVALID = frozenset({"FieldValueInvalid", "FieldValueNotSupported"})
_AUDIT_VALUE_LIMIT = 1024
_MAX_TOLD = 16
"""Findings that a refusal tells; 1,000 bad values in a list are one mistake."""
_MESSAGE_LIMIT = 2048
"""Longest message of a finding, its lines and its field; net-conf.json is shown by the line."""


def judged(
    findings: Sequence[Finding],
    override: Override,
    warnings: Sequence[str],
    permitted: Sequence[Permitted] = (),
) -> AdmissionResponse:
    """The answer: refused if a finding stands, else allowed with what was overridden.

    Args:
        findings: of all checks, in the order of their ids.
        override: which of them the caller may have his way with.
        warnings: what the author should know anyway.
        permitted: what is let through as an override is, though nothing asked for one.
    """
    if not findings and not permitted:
        return allowed(warnings=fit_warnings(warnings))
    standing = [finding for finding in findings if not override.covers(finding)]
    if standing:
        return _refusal(standing, override)
    notes = [_overridden(finding, override) for finding in findings]
    notes += [each.warning for each in permitted]
    return allowed(
        warnings=fit_warnings([*notes, *warnings]),
        audit=_override_audit(findings, override, permitted),
    )


def replaced(finding: Finding, setting: str) -> str:
    """The warning that a wish was not granted, and what was; the latter is never cut off."""
    instead = f'; "{setting}" was set instead'
    return one_line(str(finding.violation), MAX_WARNING_RUNES - len(instead)) + instead


def advised(response: AdmissionResponse, advice: Advice) -> AdmissionResponse:
    """The answer with advice behind what it says already."""
    return structs.replace(
        response,
        warnings=fit_warnings([*response.warnings, *advice.warnings]),
        audit_annotations={
            **{key: one_line(text, _AUDIT_VALUE_LIMIT) for key, text in advice.audit.items()},
            **response.audit_annotations,
        },
    )


def _refusal(standing: Sequence[Finding], override: Override) -> AdmissionResponse:
    invalid = all(finding.violation.reason in _INVALID for finding in standing)
    causes = [_cause(finding) for finding in standing[:_MAX_TOLD]]
    lines = [f"{cause.field}: {cause.message}" for cause in causes]
    if more := len(standing) - len(causes):
        lines.append(f"and {more} more")
    hint = list(_how_to_override(standing, override))
    if invalid:
        # Of an Invalid, kubectl prints the causes and not the message.
        causes[-1] = structs.replace(causes[-1], message="\n".join([causes[-1].message, *hint]))
    return refused(
        "\n".join([*lines, *hint]),
        code=422 if invalid else 403,
        reason="Invalid" if invalid else "Forbidden",
        causes=tuple(causes),
        audit={"refused-by": ",".join(_ids(standing))},
    )


def _cause(finding: Finding) -> StatusCause:
    """What is told of it; a check may quote what the author wrote, and other people read it."""
    violation = finding.violation
    message = several_lines(violation.message, _MESSAGE_LIMIT)
    return StatusCause(violation.reason, message, one_line(violation.field, _MESSAGE_LIMIT))


def _ids(findings: Sequence[Finding]) -> list[str]:
    return sorted({finding.check_id for finding in findings})


def _how_to_override(standing: Sequence[Finding], override: Override) -> Iterator[str]:
    """Yield a line; none where all that stands is final."""
    ids = _ids([finding for finding in standing if not finding.violation.final])
    guards = " and ".join(f"guards.portcullis.dev/{check_id}" for check_id in ids)
    if not ids:
        return
    if override.reason:
        yield (
            f"the annotation {OVERRIDE_ANNOTATION} is set, but you lack the permission it needs: "
            f'verb "override" on {guards}'
        )
    else:
        yield (
            f'to override, annotate the object with {OVERRIDE_ANNOTATION}: "<reason>"; '
            f'this needs the verb "override" on {guards}'
        )


def _overridden(finding: Finding, override: Override) -> str:
    return f"overridden {finding.check_id} at {finding.violation.field}: {override.reason}"


def _override_audit(
    overridden: Sequence[Finding], override: Override, permitted: Sequence[Permitted]
) -> dict[str, str]:
    told = [f"{','.join(_ids(overridden))}: {override.reason}"] if overridden else []
    told += [f"{each.check_id}: {each.warning}" for each in permitted]
    return {"override": one_line("; ".join(told), _AUDIT_VALUE_LIMIT)}
