"""JUnit XML: a suite a check, a failed case a finding; a check that finds nothing passes."""

from collections.abc import Iterator, Sequence
from html import escape

from webhook.lint.catalogue import ALL_LINTS
from webhook.lint.render.text import about
from webhook.lint.report import Placed, Report


def junit(report: Report) -> str:
    """Print the suites of all checks that were run.

    A finding that is too mild to fail the run is a case that passes, and is told in its output.
    """
    failures = sum(report.fails(each.finding) for each in report.placed)
    suites = [
        (check.id, [each for each in report.placed if each.finding.check_id == check.id])
        for check in ALL_LINTS
        if check.id not in report.off
    ]
    tests = sum(max(1, len(found)) for _, found in suites)
    lines = [line for name, found in suites for line in _suite(report, name, found)]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuites name="portcullis lint" tests="{tests}" failures="{failures}">',
            *lines,
            "</testsuites>\n",
        ]
    )


def _suite(report: Report, name: str, found: Sequence[Placed]) -> Iterator[str]:
    failures = sum(report.fails(each.finding) for each in found)
    counts = f'tests="{max(1, len(found))}" failures="{failures}" errors="0"'
    yield f'  <testsuite name="{name}" {counts}>'
    if not found:
        yield f'    <testcase classname="{name}" name="{name}"/>'
    for each in found:
        yield from _case(each, fails=report.fails(each.finding))
    yield "  </testsuite>"


def _case(placed: Placed, *, fails: bool) -> Iterator[str]:
    finding, place = placed.finding, placed.place
    name = escape(f"{finding.object} {finding.field}")
    where = f'file="{escape(place.file)}" line="{place.line}"'
    told = escape(f"{place}: {about(finding)}")
    yield f'    <testcase classname="{finding.check_id}" name="{name}" {where}>'
    if fails:
        message = f'message="{escape(finding.message)}" type="{finding.severity}"'
        yield f"      <failure {message}>{told}</failure>"
    else:
        yield f"      <system-out>{told}</system-out>"
    yield "    </testcase>"
