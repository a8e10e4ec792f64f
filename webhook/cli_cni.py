"""The command ``cni``: which network plugin manifests install, and whether policies take effect."""

import argparse
import json

import msgspec

from webhook.cli_output import write
from webhook.deadline import Deadline
from webhook.enforcement import Enforced, Verdict, judge
from webhook.errors import PortcullisError
from webhook.manifests import read_manifests
from webhook.snapshot import SnapshotCluster

_HELP = "a manifest, a folder of *.yaml, *.yml and *.json, or - for standard input"


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command; it exits with 1 where NetworkPolicies would have no effect."""
    summary = "tell the network plugin, and whether it enforces NetworkPolicies"
    parser = subparsers.add_parser("cni", help=summary, description=f"{summary.capitalize()}.")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    parser.add_argument("paths", metavar="PATH", nargs="+", help=_HELP)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    verdict = _judged(arguments.paths)
    told = _json if arguments.output == "json" else _text
    return write([f"{told(verdict)}\n"]) or int(verdict.enforced is Enforced.NO)


def _judged(paths: list[str]) -> Verdict:
    objects = [manifest.value for manifest in read_manifests(paths)]
    try:
        cluster = SnapshotCluster(objects, ("", ""))
    except msgspec.ValidationError as error:
        raise PortcullisError(f"not a manifest of its kind: {error}") from error
    forever = Deadline.after(float("inf"))
    return judge(cluster.daemon_sets(forever), cluster.nodes(forever), cluster.ipam_blocks(forever))


def _json(verdict: Verdict) -> str:
    return json.dumps(
        {"cni": verdict.cni, "enforced": verdict.enforced, "evidence": verdict.evidence}
    )


def _text(verdict: Verdict) -> str:
    lines = [f"cni: {verdict.cni}", f"enforced: {verdict.enforced}"]
    lines += [f"  {each}" for each in verdict.evidence]
    return "\n".join([*lines, *([verdict.warning] if verdict.warning else [])])
