"""The commands over NetworkPolicies: connectivity, diff, explain, exposure."""

import argparse
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from webhook.adoption.report import shortened
from webhook.cli_live import ATTACHMENTS, Resource, add_arguments, live_objects
from webhook.cli_output import note, printable, write
from webhook.manifests import STDIN, ManifestError, read_world
from webhook.netpol.addresses import span_text
from webhook.netpol.engine import blocks_hold_pods, connectivity, diff
from webhook.netpol.explain import Explanation, explain
from webhook.netpol.exposure import Exposure, exposure
from webhook.netpol.intervals import intersection
from webhook.netpol.model import Direction
from webhook.netpol.ports import MAX_PORT, PROTOCOLS, conn_text
from webhook.netpol.rows import Rows, Targets
from webhook.netpol.unaddressed import untold
from webhook.netpol.verdict import Decision, Endpoint, Hop
from webhook.netpol.world import World

_PORT = re.compile(r"(?:(?P<of>\w+)/)?(?P<number>[0-9]{1,5})|(?P<all>[A-Za-z]+)")

Port = tuple[str, int | None]
Command = Callable[[argparse.Namespace], Iterable[str]]


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands; a parser's ``run`` default maps the arguments to the exit code."""
    parser = _add(subparsers, "connectivity", _connectivity, "list every connection allowed")
    parser.add_argument("paths", metavar="PATH", nargs="*", help=_PATH_HELP)
    parser = _add(subparsers, "diff", _diff, "list what a change opens and closes")
    parser.epilog = (
        "The exit status is 0, and 2 where something cannot be read or the input has no workloads."
    )
    parser.add_argument(
        "sides",
        metavar="PATH",
        nargs="+",
        help=f"BEFORE and AFTER, each {_PATH_HELP}; or, with --live, what is to be applied",
    )
    parser = _add(subparsers, "explain", _explain, "tell which policies and rules decide, and how")
    place = "NS/POD, NS/SERVICE, SERVICE.NS.svc, an address or a CIDR"
    parser.add_argument("--from", dest="source", metavar="PLACE", required=True, help=place)
    parser.add_argument("--to", dest="target", metavar="PLACE", required=True, help=place)
    parser.add_argument(
        "--port", type=_port, help="such as TCP/80, 80 (TCP) or UDP; without it every port"
    )
    parser.add_argument("paths", metavar="PATH", nargs="*", help=_PATH_HELP)
    parser = _add(subparsers, "exposure", _exposure, "list what is open to pods made later")
    parser.add_argument("paths", metavar="PATH", nargs="*", help=_PATH_HELP)


_PATH_HELP = "a manifest, a folder of *.yaml, *.yml and *.json, or - for standard input"


def _add(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    command: Command,
    summary: str,
) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    parser.add_argument(
        "--ipblock-matches-pods",
        choices=("true", "false"),
        help="whether the CNI lets an ipBlock match pods: Calico does (default), Cilium does not",
    )
    add_arguments(parser)
    parser.set_defaults(run=lambda arguments: _run(command, arguments))
    return parser


def _port(text: str) -> Port:
    parts = _PORT.fullmatch(text)
    if not parts or (parts["all"] and parts["all"].upper() not in PROTOCOLS):
        raise argparse.ArgumentTypeError(
            "must be such as TCP/80, 80 or UDP; port names are not taken"
        )
    protocol = (parts["of"] or parts["all"] or "TCP").upper()
    if protocol not in PROTOCOLS:
        raise argparse.ArgumentTypeError(f"protocol must be one of {', '.join(PROTOCOLS)}")
    if parts["number"] is None:
        return protocol, None
    if not 1 <= int(parts["number"]) <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"port must be between 1 and {MAX_PORT}")
    return protocol, int(parts["number"])


def _run(command: Command, arguments: argparse.Namespace) -> int:
    return write(command(arguments))


def _reading(arguments: argparse.Namespace, *worlds: World) -> bool:
    """Tell which reading of ipBlock is meant; say that there are two, where nobody chose one."""
    if arguments.ipblock_matches_pods is None and any(map(blocks_hold_pods, worlds)):
        note(_TWO_READINGS)
    return bool(arguments.ipblock_matches_pods != "false")


_TWO_READINGS = (
    "some ipBlocks hold addresses of pods, and are taken to match them, as Calico does; Cilium "
    "never does: --ipblock-matches-pods=false"
)


def _world(arguments: argparse.Namespace, facts: Iterable[Resource] = ()) -> World:
    if not arguments.paths and not arguments.live:
        raise ManifestError("nothing to read: give a PATH, or --live")
    return read_world(arguments.paths, live_objects(arguments, facts))


def _populated(world: World) -> World:
    """Say so where policies have no pod to select: no row means nothing then."""
    if world.scopes and _is_empty(world):
        note(_NO_PODS)
    return world


def _connectivity(arguments: argparse.Namespace) -> Iterator[str]:
    world = _populated(_world(arguments))
    rows = connectivity(world, ipblock_matches_pods=_reading(arguments, world))
    if arguments.output == "json":
        yield from rows_json({"rows": rows})
    else:
        yield from rows_text(rows)


def _diff(arguments: argparse.Namespace) -> Iterator[str]:
    *before_path, after_path = arguments.sides
    if len(before_path) != (not arguments.live):
        raise ManifestError("give BEFORE and AFTER, or --live and AFTER")
    if before_path == [after_path] == [STDIN]:
        raise ManifestError("standard input can be only one of BEFORE and AFTER")
    live = live_objects(arguments)
    before, after = (read_world(each, live) for each in (before_path, [after_path]))
    change = diff(before, after, ipblock_matches_pods=_reading(arguments, before, after))
    told = bool(change.opened or change.closed)
    outside = change.opened.pods_with_outside() | change.closed.pods_with_outside()
    hidden = untold(before, after, outside)
    if hidden:
        note(_UNTOLD.format(shortened(hidden)))
    if arguments.output == "json":
        yield from rows_json({"opened": change.opened, "closed": change.closed})
    else:
        yield from rows_text(change.opened, "opened: ")
        yield from rows_text(change.closed, "closed: ")
    if _is_empty(before) and _is_empty(after):
        raise ManifestError(_NO_PODS)
    if not told and not hidden and arguments.output == "text":
        yield "the change opens and closes nothing\n"


_UNTOLD = (
    "pods without an address are taken for IPv4 ({}): what the change opens or closes to them in "
    "IPv6 is not told"
)
_NO_PODS = (
    "no pods or workloads in the input: nothing can be opened or closed; give workloads too, or "
    "use --live"
)


def _is_empty(world: World) -> bool:
    return not world.table.slot_of


def _explain(arguments: argparse.Namespace) -> Iterator[str]:
    protocol, port = arguments.port or (None, None)
    explanation = explain(
        _world(arguments, ATTACHMENTS),
        arguments.source,
        arguments.target,
        protocol=protocol,
        port=port,
        ipblock_matches_pods=_reading(arguments),
    )
    if arguments.output == "json":
        yield json.dumps(_explanation_json(explanation), indent=2, ensure_ascii=False) + "\n"
    else:
        yield from _explanation_text(explanation)


def _exposure(arguments: argparse.Namespace) -> Iterator[str]:
    found = exposure(_populated(_world(arguments)))
    if arguments.output == "json":
        exposures = [_exposure_json(each) for each in found]
        yield json.dumps({"exposures": exposures}, indent=2, ensure_ascii=False) + "\n"
    else:
        yield from map(_exposure_text, found)


def rows_text(rows: Rows, prefix: str = "") -> Iterator[str]:
    """Yield the lines of rows, those of one source at a time.

    Args:
        rows: there may be millions, so strings are shared.
        prefix: of every line.
    """
    for source, tails in _by_source(rows, _text_tails):
        head = f"{prefix}{source} -> "
        yield head + head.join(tails)


def rows_json(lists: dict[str, Rows]) -> Iterator[str]:
    """Yield the text of an object of lists of rows, one row a line."""
    yield "{"
    for index, (name, rows) in enumerate(lists.items()):
        yield f'{", " if index else ""}"{name}": ['
        separator = "\n"
        for chunk in _json_chunks(rows):
            yield separator + chunk
            separator = ",\n"
        yield "\n]" if separator == ",\n" else "]"
    yield "}\n"


def _json_chunks(rows: Rows) -> Iterator[str]:
    """Print the rows of one source at a time; there may be millions, so strings are shared."""
    for source, tails in _by_source(rows, _json_tails):
        head = f'{{"src": {json.dumps(source)}, "dst": '
        yield head + f",\n{head}".join(tails)


def _by_source(
    rows: Rows, tails_of: Callable[[Targets], list[str]]
) -> Iterator[tuple[str, list[str]]]:
    """Yield each source with the ends of its rows; a pod to itself is no row."""
    for source, targets in rows.by_source():
        tails = tails_of(targets)
        itself = targets.itself(source)
        if itself:
            tails = tails.copy()
            for index in reversed(itself):
                del tails[index]
        if tails:
            yield source, tails


@lru_cache(maxsize=64)
def _text_tails(targets: Targets) -> list[str]:
    return [f"{name} IPv{family} {conn}\n" for name, family, conn in targets.reached]


@lru_cache(maxsize=64)
def _json_tails(targets: Targets) -> list[str]:
    return [
        f'{json.dumps(name)}, "family": {family}, "conn": "{conn}"}}'
        for name, family, conn in targets.reached
    ]


def _exposure_json(found: Exposure) -> dict[str, Any]:
    return {
        "pods": list(found.subjects),
        "direction": found.direction.value,
        "namespaceSelector": str(found.namespaces),
        "podSelector": str(found.pods),
        "conn": conn_text(found.opening.ports),
        "namedPorts": _named_ports(found),
        "exact": found.exact,
    }


def _named_ports(found: Exposure) -> list[str]:
    return [f"{protocol} {name}" for name, protocol in sorted(found.opening.names)]


def _exposure_text(found: Exposure) -> str:
    conn = [conn_text(found.opening.ports)] if found.opening.ports else []
    pods = f"pods with {found.pods}" if found.pods.requirements else "every pod"
    of_namespaces = f" of namespaces with {found.namespaces}"
    namespaces = of_namespaces if found.namespaces.requirements else " of every namespace"
    word = "from" if found.direction is Direction.INGRESS else "to"
    return (
        f"{', '.join(found.subjects)}: {found.direction.lower()} {word} {pods}{namespaces} "
        f"{','.join([*conn, *_named_ports(found)])}\n"
    )


def _explanation_json(explanation: Explanation) -> dict[str, Any]:
    return {
        "source": explanation.source,
        "destination": explanation.destination,
        "verdict": explanation.verdict,
        "hops": [
            {
                "src": hop.source.name,
                "dst": hop.target.name,
                "family": hop.source.family,
                "verdict": hop.verdict,
                "asked": conn_text(hop.asked),
                "allowed": conn_text(hop.allowed),
                "egress": _decision_json(hop.egress),
                "ingress": _decision_json(hop.ingress),
            }
            for hop in explanation.hops
        ],
        "notes": list(explanation.notes),
    }


def _decision_json(decision: Decision) -> dict[str, Any]:
    return {
        "reason": decision.reason.value,
        "conn": conn_text(decision.ports),
        "policies": list(decision.policies),
        "rules": [
            {"policy": rule.policy, "rule": rule.path, "conn": conn_text(rule.ports)}
            for rule in decision.rules
        ],
    }


def _explanation_text(explanation: Explanation) -> Iterator[str]:
    yield f"{explanation.source} -> {explanation.destination}: {explanation.verdict}\n"
    for hop in explanation.hops:
        yield from _hop_text(hop)
    for told in explanation.notes:
        yield f"note: {printable(told)}\n"


_OTHER_PORTS = "policies select it, and rules allow other ports only"


def _plain(end: Endpoint) -> str:
    return end.pod.key if end.pod is not None else span_text(end.family, end.span)


def _hop_text(hop: Hop) -> Iterator[str]:
    source, target = _plain(hop.source), _plain(hop.target)
    ways = f"{source} -> {target} IPv{hop.source.family}"
    partly = f", of which {conn_text(hop.allowed)}" if hop.verdict == "partly" else ""
    yield f"{ways} {conn_text(hop.asked)}: {hop.verdict}{partly}\n"
    for name, decision in ((source, hop.egress), (target, hop.ingress)):
        elsewhere = decision.ports and not intersection(decision.ports, hop.asked)
        reason = _OTHER_PORTS if elsewhere else decision.reason.value
        yield f"  {decision.direction.lower()} of {name}: {reason}\n"
        for policy in decision.policies:
            yield f"    selected by {policy}\n"
        for rule in decision.rules:
            yield f"    {rule.policy} {rule.path} allows {conn_text(rule.ports)}\n"
