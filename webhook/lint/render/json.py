"""Findings as JSON."""

import json as codec
from typing import Any

from webhook.lint.report import Placed, Report


def json(report: Report) -> str:
    """Print ``{"findings": [...], "policies": n, "counts": {...}, "failed": ...}``."""
    value = {
        "findings": [_finding(each) for each in report.placed],
        "policies": report.policies,
        "counts": {str(severity): number for severity, number in report.counts.items()},
        "failed": report.failed,
    }
    return codec.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _finding(placed: Placed) -> dict[str, Any]:
    finding, place = placed.finding, placed.place
    return {
        "check": finding.check_id,
        "variant": finding.sub,
        "severity": str(finding.severity),
        "kind": finding.object.kind,
        "namespace": finding.object.namespace,
        "name": finding.object.name,
        "field": finding.field,
        "message": finding.message,
        "file": place.file,
        "line": place.line,
        "column": place.column,
    }
