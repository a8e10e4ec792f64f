"""The command ``lint``: mistakes in NetworkPolicies that the API server accepts."""

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from webhook.cli_live import FACTS, add_arguments, live_objects
from webhook.cli_output import EXIT_ERROR, fail, note, write
from webhook.errors import PortcullisError
from webhook.lint.catalogue import ALL_LINTS, BY_ID
from webhook.lint.cluster import Cluster, build
from webhook.lint.labels_text import untrapped
from webhook.lint.own import MEANT, own_policies
from webhook.lint.registry import Finding, Needs, Severity
from webhook.lint.render import RENDERERS
from webhook.lint.report import LIVE, Place, Placed, Report
from webhook.lint.runner import Levels, run
from webhook.lint.subject import Subject, ref
from webhook.manifests import STDIN, Manifest, ManifestError, Places, read_manifests
from webhook.netpol.errors import InvalidObjectError
from webhook.netpol.parse import check_object

OFF, NEVER = "off", "never"
_BY_OTHERS: Levels = {
    check.id: None
    for check in ALL_LINTS
    if check.subject is Subject and check.needs in {Needs.CLUSTER, Needs.MANIFESTS}
}
"""Off where objects are left out: what such checks miss in the others would be told as wrong."""
_SUMMARY = "tell mistakes in NetworkPolicies that the API server accepts"
_EPILOG = """\
The exit status is 0 where nothing is found, 1 where a finding is as severe as --fail-on,
2 where something cannot be read: an object is told and the others are judged, each by itself; a
file that is no YAML or JSON ends the run. `portcullis checks ID` explains a check."""
_PATH_HELP = "a manifest, a folder of *.yaml, *.yml and *.json, or - for standard input"


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command; its parser's ``run`` default maps the arguments to the exit code."""
    parser = subparsers.add_parser(
        "lint", help=_SUMMARY, description=f"{_SUMMARY.capitalize()}.", epilog=_EPILOG
    )
    parser.add_argument("paths", metavar="PATH", nargs="*", help=_PATH_HELP)
    add_arguments(parser)
    parser.add_argument(
        "--before",
        metavar="PATH",
        action="append",
        help="the same manifests before a change, which is then judged too; may be repeated",
    )
    parser.add_argument("--output", choices=tuple(RENDERERS), default="text")
    parser.add_argument(
        "--check",
        dest="levels",
        metavar="ID=LEVEL",
        type=_level,
        action="append",
        default=[],
        help="switch a check off, or raise or lower it: off, info, warning or error",
    )
    parser.add_argument(
        "--fail-on",
        choices=(*Severity, NEVER),
        default=str(Severity.WARNING),
        help="the least severity of a finding that makes the exit status 1 (default warning)",
    )
    parser.set_defaults(run=_run)


def _level(text: str) -> tuple[str, Severity | None]:
    check_id, _, level = text.partition("=")
    if check_id not in BY_ID:
        raise argparse.ArgumentTypeError(f"no check has the id {check_id!r}")
    if level not in (OFF, *Severity):
        raise argparse.ArgumentTypeError(f"must be ID=off, info, warning or error, got {text!r}")
    return check_id, None if level == OFF else Severity(level)


def _run(arguments: argparse.Namespace) -> int:
    unread: list[ManifestError] = []
    try:
        report = _report(arguments, unread)
    except PortcullisError as error:
        return fail(error)
    for each in unread:
        fail(each)
    if unread:
        note("what hangs on other objects is not judged, for some cannot be read")
    printed = write([RENDERERS[arguments.output](report)])
    return EXIT_ERROR if unread else printed or int(report.failed)


def _report(arguments: argparse.Namespace, unread: list[ManifestError]) -> Report:
    """Judge what can be read.

    Args:
        arguments: of the command line.
        unread: gets what is wrong with each of the other objects.

    Raises:
        PortcullisError: a file, or the cluster, cannot be read at all.
    """
    _check_input(arguments)
    live = live_objects(arguments, FACTS)
    former = list(read_manifests(arguments.before or ()))
    manifests = list(read_manifests(arguments.paths))
    levels: Levels = dict(arguments.levels)
    try:
        return _judged(arguments, levels, live, former, manifests)
    except InvalidObjectError:
        # Only now each is read by itself: where all of them can be read, that would be time lost.
        sides = _readable(former, manifests, unread)
        return _judged(arguments, {**levels, **_BY_OTHERS}, live, *sides)


def _readable(
    former: Sequence[Manifest], manifests: Sequence[Manifest], unread: list[ManifestError]
) -> Iterator[list[Manifest]]:
    """Leave out what cannot be read, and from the other side the same object: it has not gone."""
    places = Places()
    wrong: list[set[tuple[str, ...]]] = []
    read: list[list[Manifest]] = []
    for side in (former, manifests):
        found, bad = [], set()
        for manifest in side:
            try:
                check_object(untrapped(manifest.value))
                found.append(manifest)
            except InvalidObjectError as error:
                bad.add(_identity(manifest.value))
                place = places.of(manifest, error.path)
                unread.append(manifest.source.error(str(error), *place))
        read.append(found)
        wrong.append(bad.difference(_identity(each.value) for each in found))
    for found, others in zip(read, reversed(wrong), strict=True):
        yield [manifest for manifest in found if _identity(manifest.value) not in others]


def _judged(
    arguments: argparse.Namespace,
    levels: Levels,
    live: Sequence[Mapping[str, Any]],
    former: Sequence[Manifest],
    manifests: Sequence[Manifest],
) -> Report:
    """Judge manifests over a cluster.

    Raises:
        InvalidObjectError: one of them cannot be read.
        ManifestError: an object of the cluster cannot be read.
    """
    before = arguments.before
    written = {_identity(manifest.value) for manifest in manifests}
    standing = [each for each in live if _identity(each) not in written]
    old = _cluster(live, former) if (live and arguments.paths) or before is not None else None
    cluster = _cluster(standing, manifests)
    first = len(standing) if arguments.paths else 0
    own = own_policies(standing)
    meant = {(check_id, index) for check_id in MEANT for index in own}
    found = [
        each
        for each in run(cluster, old, levels)
        if each.gone or (each.index >= first and (each.check_id, each.index) not in meant)
    ]
    return Report(
        placed=tuple(_placed(found, len(standing), manifests, former)),
        policies=sum(each.index >= first for each in cluster.stored),
        fail_on=None if arguments.fail_on == NEVER else Severity(arguments.fail_on),
        off=frozenset(check_id for check_id, level in levels.items() if level is None),
    )


def _check_input(arguments: argparse.Namespace) -> None:
    before, paths = arguments.before, arguments.paths
    if not paths and not arguments.live:
        raise ManifestError("nothing to read: give a PATH, or --live")
    if before is not None and arguments.live:
        raise ManifestError("--live judges what PATH changes in the cluster: leave --before out")
    if before is not None and STDIN in before and STDIN in paths:
        raise ManifestError("standard input can be only one of PATH and --before")


def _identity(value: Mapping[str, Any]) -> tuple[str, ...]:
    """What makes two objects one: group, kind, namespace and name."""
    name = ref(value)
    group = str(value.get("apiVersion")).rpartition("/")[0]
    return group, name.kind, name.namespace or "default", name.name


def _cluster(live: Sequence[Mapping[str, Any]], manifests: Sequence[Manifest]) -> Cluster:
    try:
        return build([*live, *(manifest.value for manifest in manifests)])
    except InvalidObjectError as error:
        if error.index < len(live):
            raise ManifestError(f"live: {error}") from None
        raise


def _placed(
    found: Iterable[Finding], live: int, manifests: Sequence[Manifest], former: Sequence[Manifest]
) -> Iterable[Placed]:
    """Give findings their places.

    Args:
        found: the findings.
        live: how many objects of a cluster stand before those of the manifests.
        manifests: of the input.
        former: of the state before.
    """
    places = Places()
    for finding in found:
        at = finding.index if finding.gone else finding.index - live
        if at < 0:
            yield Placed(finding, LIVE)
        else:
            manifest = (former if finding.gone else manifests)[at]
            place = Place(manifest.source.name, *places.of(manifest, finding.path))
            yield Placed(finding, place)
