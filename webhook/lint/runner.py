"""Runs the checks: from objects to findings, the most severe first."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from webhook.lint.catalogue import ALL_LINTS
from webhook.lint.cluster import Cluster, Stored
from webhook.lint.registry import Finding, Lint, ObjectRef, Problem, Severity, of_subject
from webhook.lint.subject import Subject, Written, ref
from webhook.model.text import one_line

Levels = Mapping[str, Severity | None]
"""Severities by check id in place of the checks' own; None is off."""
Findings = list[Finding]

_ORDER = {lint.id: position for position, lint in enumerate(ALL_LINTS)}
_LONGEST = 400


def run(cluster: Cluster, before: Cluster | None = None, levels: Levels | None = None) -> Findings:
    """Judge the NetworkPolicies of a cluster.

    Args:
        cluster: what `build` has read.
        before: the same before a change: then changes are judged too.
        levels: severities that differ from the checks' own.
    """
    levels = levels or {}
    checks = [check for check in ALL_LINTS if levels.get(check.id, check.severity)]
    found = [
        *_written(checks, cluster),
        *_policies(checks, cluster, before),
        *(_removed(checks, cluster, before) if before else ()),
    ]
    return sorted((_levelled(each, levels) for each in found), key=_key)


def judge(checks: Iterable[Lint[Any]], subject: Subject) -> Iterator[Finding]:
    """Run checks on one policy: those that find something to look at."""
    for check in checks:
        if check.all_of <= subject.traits:
            yield from told(check, subject)


def told(check: Lint[Any], subject: Subject) -> list[Finding]:
    """Run a check on one policy, whatever there is to look at."""
    problems = check.problems(subject)
    if not problems:
        return []
    name, index = subject.ref, subject.stored.index
    return [_finding(check, each, name, index, gone=False) for each in problems]


def _written(checks: Iterable[Lint[Any]], cluster: Cluster) -> Iterator[Finding]:
    mine = of_subject(checks, Written)
    for index, value in enumerate(cluster.objects):
        subject = Written(ref(value), value)
        for check in mine:
            yield from _findings(check, subject, subject.ref, index)


def _policies(
    checks: Iterable[Lint[Any]], cluster: Cluster, former: Cluster | None
) -> Iterator[Finding]:
    mine = of_subject(checks, Subject)
    known: Mapping[str, Stored] = former.by_key if former else {}
    for stored in cluster.stored:
        old = known.get(stored.policy.key)
        yield from judge(mine, Subject(stored, _around(stored, cluster), old, former))


def _around(stored: Stored, cluster: Cluster) -> Cluster:
    """The cluster with a policy as it is written here: of several of one name it has the last."""
    if cluster.by_key[stored.policy.key] is stored:
        return cluster
    return msgspec.structs.replace(cluster, world=cluster.world.with_policy(stored.policy))


def _removed(checks: Iterable[Lint[Any]], cluster: Cluster, former: Cluster) -> Iterator[Finding]:
    """Judge what the change takes away; these findings point into the former objects."""
    mine = [check for check in of_subject(checks, Subject) if check.removed]
    for key, stored in former.by_key.items():
        if key not in cluster.by_key:
            subject = Subject(stored, cluster, before=former, gone=True)
            for check in mine:
                yield from _findings(check, subject, subject.ref, stored.index, gone=True)


def _findings(
    check: Lint[Any], subject: Any, name: ObjectRef, index: int, *, gone: bool = False
) -> Iterator[Finding]:
    for problem in check.problems(subject):
        yield _finding(check, problem, name, index, gone=gone)


def _finding(
    check: Lint[Any], problem: Problem, name: ObjectRef, index: int, *, gone: bool
) -> Finding:
    return Finding(
        check_id=check.id,
        sub=problem.sub,
        severity=problem.severity or check.severity,
        object=name,
        index=index,
        path=problem.path,
        message=one_line(problem.message, _LONGEST),
        gone=gone,
    )


def _levelled(finding: Finding, levels: Levels) -> Finding:
    severity = levels.get(finding.check_id)
    return finding if severity is None else finding.at(severity)


def _key(finding: Finding) -> tuple[Any, ...]:
    """Most severe first, then in the order of the input, and of the catalogue."""
    place = [str(step).rjust(4) for step in finding.path]
    position = _ORDER[finding.check_id]
    return finding.severity.rank, finding.gone, finding.index, position, place, finding.sub
