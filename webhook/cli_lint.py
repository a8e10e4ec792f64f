"""The command ``lint``: mistakes in NetworkPolicies that the API server accepts."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from webhook.cli_live import FACTS, add_arguments, live_objects
from webhook.cli_output import fail, write
from webhook.errors import PortcullisError
from webhook.lint.catalogue import BY_ID
from webhook.lint.cluster import Cluster, build
from webhook.lint.own import MEANT, own_policies
from webhook.lint.registry import Finding, Severity
from webhook.lint.render import RENDERERS
from webhook.lint.report import LIVE, Place, Placed, Report
from webhook.lint.runner import Levels, run
from webhook.lint.subject import ref
from webhook.manifests import STDIN, Manifest, ManifestError, Places, read_manifests
from webhook.netpol.errors import InvalidObjectError

OFF, NEVER = "off", "never"
_SUMMARY = "tell mistakes in NetworkPolicies that the API server accepts"
_EPILOG = """\
The exit status is 0 where nothing is found, 1 where a finding is as severe as --fail-on,
2 where something cannot be read; nothing is skipped. `portcullis checks ID` explains a check."""
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
    try:
        report = _report(arguments)
    except PortcullisError as error:
        return fail(error)
    return write([RENDERERS[arguments.output](report)]) or int(report.failed)


def _report(arguments: argparse.Namespace) -> Report:
    before = arguments.before
    _check_input(arguments)
    live = live_objects(arguments, FACTS)
    former = list(read_manifests(before or ()))
    manifests = list(read_manifests(arguments.paths))
    written = {_identity(manifest.value) for manifest in manifests}
    standing = [each for each in live if _identity(each) not in written]
    old = _cluster(live, former) if (live and manifests) or before is not None else None
    cluster = _cluster(standing, manifests)
    levels: Levels = dict(arguments.levels)
    first = len(standing) if manifests else 0
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
        raise manifests[error.index - len(live)].error(error.path, str(error)) from None


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
