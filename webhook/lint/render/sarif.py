"""SARIF 2.1.0, which code scanning reads.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import json
import string
from typing import Any

from webhook import __version__
from webhook.lint.catalogue import ALL_LINTS
from webhook.lint.registry import Lint, Severity
from webhook.lint.report import Place, Placed, Report

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_PLAIN = frozenset(f"{string.ascii_letters}{string.digits}-._~/".encode())
"""Bytes that stand for themselves in the path of a URI (RFC 3986)."""


def sarif(report: Report) -> str:
    """Print one run; every check that was run is a rule."""
    checks = [check for check in ALL_LINTS if check.id not in report.off]
    order = {check.id: index for index, check in enumerate(checks)}
    run = {
        "tool": {
            "driver": {
                "name": "portcullis",
                "semanticVersion": __version__,
                "rules": [_rule(check) for check in checks],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, order[each.finding.check_id]) for each in report.placed],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(check: Lint[Any]) -> dict[str, Any]:
    links = f"\n\nSeen in: {', '.join(check.links)}" if check.evidence else ""
    return {
        "id": check.id,
        "name": check.id.title().replace("-", ""),
        "shortDescription": {"text": check.summary},
        "fullDescription": {"text": check.docs},
        "help": {"text": check.docs, "markdown": check.docs + links},
        "defaultConfiguration": {"level": _LEVELS[check.severity]},
        "properties": {"tags": ["kubernetes", "networkpolicy"]},
    }


def _result(placed: Placed, index: int) -> dict[str, Any]:
    finding = placed.finding
    return {
        "ruleId": finding.check_id,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.object}: {finding.message}"},
        "locations": [_location(placed)],
        # Lines move with every edit; the object and its field do not.
        "partialFingerprints": {
            "objectField/v1": f"{finding.label} {finding.object} {finding.field}"
        },
    }


def _location(placed: Placed) -> dict[str, Any]:
    place, finding = placed.place, placed.finding
    region = {"region": {"startLine": place.line, "startColumn": place.column}}
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri(place)},
            **(region if place.line else {}),
        },
        "logicalLocations": [
            {"fullyQualifiedName": f"{finding.object} {finding.field}", "kind": "member"}
        ],
    }


def uri(place: Place) -> str:
    """Return a file as a URI reference: relative paths stay relative, to the working folder."""
    path = place.file.removeprefix("./").replace("\\", "/")
    encoded = "".join(
        chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in path.encode("utf-8", "replace")
    )
    return f"file://{encoded}" if encoded.startswith("/") else encoded
