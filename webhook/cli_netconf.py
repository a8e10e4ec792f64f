"""`portcullis netconf`: judge a net-conf.json, or rate the change from one to another.

Exit status: 0 good, 1 findings, 2 could not be read. A finding is a text that flannel does not
start with, a node without its lease, a limit of the kernel that is passed, and with `diff --live`
a change that is more than safe. Advice is none.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO

from webhook.cli_netconf_input import Input, UnreadableError, load, load_one
from webhook.cli_netconf_refused import refused_by
from webhook.netconf import (
    Advice,
    Context,
    KeyChange,
    Limit,
    Mode,
    NetConf,
    NetConfError,
    Rating,
    Verdict,
    Version,
    changes,
    judge,
    kernel_limits,
    warnings,
    windows_limits,
    worst,
)
from webhook.netconf.limits import Effect
from webhook.netconf.versions import NEWEST

GOOD, FINDINGS, UNREADABLE = 0, 1, 2
_DIFF_PATHS = 3


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `netconf` command to a command line."""
    parser = subparsers.add_parser(
        "netconf",
        help="judge a flannel net-conf.json, or rate a change of it",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [options] FILE|-\n       %(prog)s [options] diff OLD NEW [--live]",
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the `netconf` command to a parser."""
    add = parser.add_argument
    add("paths", nargs="+", metavar="FILE", help="net-conf.json or ConfigMap manifest; - is stdin")
    add("--output", choices=("text", "json"), default="text")
    add("--mode", choices=[mode.value for mode in Mode], default=Mode.KUBE.value)
    add("--flannel-version", type=_version, default=NEWEST, help=f"default {NEWEST}")
    add(
        "--pod-cidr",
        action="append",
        default=[],
        metavar="CIDR[,CIDR]",
        help="podCIDRs of a node; repeat it for each node",
    )
    add("--interface-mtu", type=int, default=1500, help="MTU of the nodes' external interface")
    add("--rp-filter", type=int, choices=(0, 1, 2), help="the nodes' rp_filter, for diff")
    add("--windows", action="store_true", help="apply the rules of Windows nodes too")
    add("--jsonl", action="store_true", help='read lines {"id", "netconf"}, write a verdict each')
    add("--live", action="store_true", help="diff: the cluster stands; changes are findings")


def _version(text: str) -> Version:
    version = Version.parse(text)
    if version is None:
        raise argparse.ArgumentTypeError(f"not a version such as {NEWEST}: {text!r}")
    return version


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit status."""
    try:
        return _dispatch(args)
    except UnreadableError as error:
        sys.stderr.write(f"portcullis netconf: {error}\n")
        return UNREADABLE
    except BrokenPipeError:  # The reader has seen enough; the exit must not flush into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return GOOD


def _dispatch(args: argparse.Namespace) -> int:
    if args.paths[0] == "diff" and len(args.paths) == _DIFF_PATHS:
        return _diff(load_one(args.paths[1]), load_one(args.paths[2]), args)
    if len(args.paths) != 1:
        raise UnreadableError("give one FILE, or: diff OLD NEW")
    return _jsonl(args) if args.jsonl else _judge_all(load(args.paths[0]), args)


def _verdict(data: str | bytes, args: argparse.Namespace) -> Verdict:
    return judge(
        data,
        mode=Mode(args.mode),
        version=args.flannel_version,
        pod_cidrs=args.pod_cidr,
        interface_mtu=args.interface_mtu,
    )


def _judge_all(sources: tuple[Input, ...], args: argparse.Namespace) -> int:
    """Judge each net-conf.json of the input; as JSON one object, or a list of several."""
    judged = [_judge(source, args) for source in sources]
    if args.output == "json":
        reports = [_report(each) for each in judged]
        _emit_json(reports if len(reports) > 1 else reports[0])
    else:
        _emit(line for each in judged for line in _text(each))
    return FINDINGS if any(each.found for each in judged) else GOOD


@dataclass(frozen=True, slots=True)
class _Judged:
    """A net-conf.json, what flannel makes of it, and remarks on it."""

    source: Input
    verdict: Verdict
    limits: tuple[Limit, ...] = ()
    advice: tuple[Advice, ...] = ()

    @property
    def found(self) -> bool:
        """Whether flannel, a node or the kernel refuses something of it."""
        grave = any(limit.effect is not Effect.DIFFERS for limit in self.limits)
        refused = any(not lease.ok for lease in self.verdict.leases.values())
        return grave or refused or not self.verdict.ok


def _judge(source: Input, args: argparse.Namespace) -> _Judged:
    verdict = _verdict(source.data, args)
    if verdict.netconf is None:
        return _Judged(source, verdict)
    limits = _limits(verdict.netconf, args)
    return _Judged(
        source, verdict, limits, warnings(verdict.netconf, etcd_mode=args.mode == "etcd")
    )


def _limits(netconf: NetConf, args: argparse.Namespace) -> tuple[Limit, ...]:
    return (*kernel_limits(netconf), *(windows_limits(netconf) if args.windows else ()))


def _emit(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")


def _emit_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2)
    sys.stdout.write("\n")


def _text(judged: _Judged) -> Iterable[str]:
    source, verdict, limits = judged.source, judged.verdict, judged.limits
    if verdict.error:
        yield source.message(verdict.error)
        yield from (f"    {line}" for line in verdict.error.caret().splitlines())
        yield f"flannel does not start with it: it stops at {verdict.error.stage}"
    else:
        yield f"{source.name}: ok: flannel starts with it, backend {verdict.backend_type}"
    if verdict.config:
        values = verdict.config | {"Backend": verdict.backend_config or {}}
        yield from (f"  {key}: {json.dumps(value)}" for key, value in values.items())
    for cidrs, lease in verdict.leases.items():
        yield f"lease {cidrs}: {'ok' if lease.ok else lease.error}{_note(lease.note)}"
    yield from (f"limit: {limit.key}: {limit.value}: {limit.message}" for limit in limits)
    passed = {limit.key for limit in limits}
    yield from (
        f"warning: {entry}" for entry in judged.advice if entry.key not in passed or entry.place
    )


def _note(note: str) -> str:
    return f" ({note})" if note else ""


def _error(source: Input, error: NetConfError) -> dict[str, Any]:
    return {
        "message": source.message(error),
        "line": error.line,
        "column": error.column,
        "key": error.key,
        "expected": error.expected,
        "got": error.got,
        "hint": error.hint,
        "caret": error.caret(),
    }


def _report(judged: _Judged) -> dict[str, Any]:
    source, verdict = judged.source, judged.verdict
    return {
        "source": source.name,
        "ok": verdict.ok,
        "stage": verdict.stage,
        "error": _error(source, verdict.error) if verdict.error else None,
        "config": verdict.config,
        "backend_type": verdict.backend_type,
        "backend_config": verdict.backend_config,
        "etcd_mode_ok": verdict.as_case().get("etcd_mode_ok"),
        "lease": {
            cidrs: {"ok": lease.ok, "error": lease.error or None, "note": lease.note or None}
            for cidrs, lease in verdict.leases.items()
        },
        "limits": [
            {
                "key": entry.key,
                "value": entry.value,
                "effect": entry.effect,
                "message": entry.message,
            }
            for entry in judged.limits
        ],
        "warnings": [
            {
                "key": entry.key,
                "message": entry.message,
                "line": entry.place.line if entry.place else None,
                "column": entry.place.column if entry.place else None,
            }
            for entry in judged.advice
        ],
    }


def _jsonl(args: argparse.Namespace) -> int:
    path = args.paths[0]
    try:
        if path == "-":
            return _judge_lines(sys.stdin.buffer, args)
        with open(path, "rb") as lines:  # noqa: PTH123 - read line by line
            return _judge_lines(lines, args)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror}") from None


def _judge_lines(lines: BinaryIO, args: argparse.Namespace) -> int:
    """Write a verdict for each line; a line that cannot be read is told of, and the rest judged.

    Returns:
        UNREADABLE if a line was, else FINDINGS if flannel does not start with all of them.
    """
    status = GOOD
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            name, text = _case(line)
        except UnreadableError as error:
            sys.stderr.write(f"portcullis netconf: line {number}: {error}\n")
            status = UNREADABLE
            continue
        verdict = _verdict(text, args)
        status = status if verdict.ok else max(status, FINDINGS)
        leases = {cidrs: {"ok": lease.ok} for cidrs, lease in verdict.leases.items()}
        row = {"id": name} | verdict.as_case() | ({"lease": leases} if leases else {})
        sys.stdout.write(json.dumps(row) + "\n")
    return status


def _case(line: bytes) -> tuple[Any, str]:
    """The id and the text of a line.

    Raises:
        UnreadableError: it has not both.
    """
    try:
        case = json.loads(line)
    except UnicodeDecodeError as error:
        raise UnreadableError(f"not UTF-8: {error.reason} at byte {error.start + 1}") from None
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"not JSON: {error}") from None
    if not isinstance(case, dict) or not {"id", "netconf"} <= case.keys():
        raise UnreadableError('not an object {"id": …, "netconf": "…"}')
    if not isinstance(case["netconf"], str):
        raise UnreadableError("netconf: must be a string, the text of the file")
    return case["id"], case["netconf"]


def _diff(old: Input, new: Input, args: argparse.Namespace) -> int:
    before, after = _verdict(old.data, args), _verdict(new.data, args)
    rated: tuple[KeyChange, ...] = ()
    if before.netconf and after.netconf:
        rated = changes(before.netconf, after.netconf, _context(args))
    told = _new_advice(before.netconf, after.netconf, etcd_mode=args.mode == "etcd")
    refusing = _refusing(before, after, args) if args.live else []
    if args.output == "json":
        _emit_json(
            {
                "worst": worst(rated).value if after.netconf else Rating.BREAKS.value,
                "live": args.live,
                "changes": _rows(rated),
                "refused_by": refusing,
                "warnings": told,
                "old_error": _error(old, before.error) if before.error else None,
                "new_error": _error(new, after.error) if after.error else None,
            }
        )
    elif before.error or after.error:
        _emit(_broken(old, before, new, after))
    else:
        _emit(_rated(rated, live=args.live))
        _emit(f"warning: {advice}" for advice in told)
    if refusing and args.output != "json":
        _emit([f"Portcullis refuses it on a live cluster: {', '.join(refusing)}"])
    unsafe = args.live and worst(rated) is not Rating.SAFE
    return FINDINGS if unsafe or refusing or after.error else GOOD


def _refusing(before: Verdict, after: Verdict, args: argparse.Namespace) -> list[str]:
    """Ids of the checks that refuse the change; etcd's values are no object that they see."""
    if args.mode == Mode.ETCD.value:
        return []
    old, new = before.netconf or before.error, after.netconf or after.error
    return refused_by(old, new, args.pod_cidr, args.flannel_version)


def _new_advice(old: NetConf | None, new: NetConf | None, *, etcd_mode: bool) -> list[str]:
    """Remarks that the new text alone calls for, such as a key that is misspelt, no change then."""
    if new is None:
        return []
    known = {str(each) for each in warnings(old, etcd_mode=etcd_mode)} if old else set()
    found = (str(each) for each in warnings(new, etcd_mode=etcd_mode))
    return [each for each in found if each not in known]


def _broken(old: Input, before: Verdict, new: Input, after: Verdict) -> Iterable[str]:
    if before.error:
        yield f"old: {old.message(before.error)}"
        yield "the old text is broken: any change that flannel starts with repairs it"
    if after.error:
        yield f"new: {new.message(after.error)}"


def _context(args: argparse.Namespace) -> Context:
    nodes = tuple(tuple(cidrs.split(",")) for cidrs in args.pod_cidr)
    strict = None if args.rp_filter is None else args.rp_filter == 1
    return Context(nodes or None, strict, args.mode == "etcd", args.flannel_version)


def _rows(rated: tuple[KeyChange, ...]) -> list[dict[str, str]]:
    return [
        {
            "key": change.key,
            "old": change.old,
            "new": change.new,
            "rating": change.rating.value,
            "meaning": change.rating.meaning,
            "reason": change.reason,
            "remedy": change.remedy,
        }
        for change in rated
    ]


def _rated(rated: tuple[KeyChange, ...], *, live: bool) -> Iterable[str]:
    if not rated:
        yield "no change: flannel works with the same values"
    for change in rated:
        yield f"{change.rating.value} {change.key}: {change.old} -> {change.new}"
        yield f"    {change.rating.meaning}: {change.reason}"
        yield f"    instead: {change.remedy}"
    if rated and worst(rated) is not Rating.SAFE:
        yield (
            "each node takes it when its flannel pod restarts next: a rollout, a reboot, a crash"
            if live
            else "these ratings hold for a cluster that stands; before one is built all is free"
        )


def main(argv: list[str] | None = None) -> int:
    """Run the command by itself: `python -m webhook.cli_netconf`."""
    parser = argparse.ArgumentParser(prog="portcullis netconf", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
