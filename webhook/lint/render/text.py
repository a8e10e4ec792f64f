"""A finding a line, as compilers print them."""

from webhook.lint.registry import Finding
from webhook.lint.report import Placed, Report


def text(report: Report) -> str:
    """Print a finding a line, and how many there are."""
    return "".join(f"{line}\n" for line in (*map(_line, report.placed), _summary(report)))


def _line(placed: Placed) -> str:
    finding = placed.finding
    return f"{placed.place}: {finding.severity}: {about(finding)} [{finding.label}]"


def about(finding: Finding) -> str:
    """Name the object and its field, and tell what is wrong."""
    return f"{finding.object}: {finding.field}: {finding.message}"


def _summary(report: Report) -> str:
    policies = counted(report.policies, "NetworkPolicy", "NetworkPolicies")
    if not report.placed:
        return f"nothing found in {policies}"
    found = ", ".join(
        counted(number, severity, f"{severity}s")
        for severity, number in report.counts.items()
        if number
    )
    return f"{found} in {policies}"


def counted(number: int, one: str, many: str) -> str:
    """Count in words: ``1 error``, ``2 errors``."""
    return f"{number} {one if number == 1 else many}"
