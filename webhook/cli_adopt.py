"""The command ``portcullis adopt``: default deny for namespaces that were there before it."""

import argparse
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhook.adoption.preview import Preview, preview
from webhook.adoption.report import Report, shortened, workloads
from webhook.cli_cluster import add_cluster, add_installation, connect, settings_of
from webhook.cli_netpol import rows_json
from webhook.cli_output import table, write
from webhook.controller.plan import Reason, Rules, effective, seal_plan
from webhook.controller.survey import injected, survey
from webhook.deadline import Deadline
from webhook.engine_input import all_stored, pods
from webhook.errors import NotFoundError, PortcullisError, SettingsError
from webhook.model.namespace import Namespace, Seal
from webhook.model.policies import Changes, compare
from webhook.model.profiles import NONE
from webhook.netpol.model import Direction
from webhook.netpol.world import World
from webhook.protection.words import Teller

if TYPE_CHECKING:
    from webhook.cluster.adopt import Adopter

CALL_SECONDS = 60.0
"""For a list of everything."""
WAIT_SECONDS = 20.0
"""For the controller to apply the policies and the mark."""
MAX_PODS = 200_000
"""Of a cluster whose difference is computed."""
COLUMNS = ("NAMESPACE", "PROFILE", "PODS", "INGRESS", "EGRESS", "WORKLOADS", "IN THE WAY")


class AdoptError(PortcullisError):
    """A namespace was not adopted."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """What adopting one namespace comes to.

    Args:
        profile: that it gets.
        changes: of its policies.
        report: what the profile cuts off.
        preview: what it opens and closes.
    """

    namespace: Namespace
    profile: str
    changes: Changes
    report: Report
    preview: Preview

    @property
    def done(self) -> bool:
        """Whether it is what it would become."""
        sealed = self.namespace.seal == Seal.SEALED and self.namespace.reason is None
        return sealed and self.namespace.profile == self.profile and not self.changes


def add_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "adopt", help="give a namespace that is older than Portcullis its default deny"
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("-n", "--namespace")
    which.add_argument(
        "--all", action="store_true", help="tell what adopting each older one would cut off"
    )
    parser.add_argument("--profile", help="in place of the one that the settings give")
    parser.add_argument("--dry-run", action="store_true", help="tell what it would do, and stop")
    parser.add_argument(
        "--take-over",
        action="store_true",
        help="make policies of others that bear a name of Portcullis's its own",
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    add_cluster(parser)
    add_installation(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    adopter, rules = _connected(arguments)
    if arguments.all:
        return _report_all(adopter, rules, arguments)
    adoption = _adoption(adopter, rules, arguments)
    state = _carried_out(adopter, adoption, arguments)
    text = _adoption_json if arguments.output == "json" else _adoption_text
    return write(text(adoption, state)) or int(state == "conflict")


def _adoption(adopter: "Adopter", rules: Rules, arguments: argparse.Namespace) -> Adoption:
    """Read all that the adoption of a namespace hangs on."""
    name, deadline = arguments.namespace, Deadline.after(CALL_SECONDS)
    namespace = adopter.namespace(name, deadline)
    if namespace is None:
        raise NotFoundError(f'namespaces "{name}" not found')
    profile = _profile(namespace, rules, arguments.profile)
    wanted = rules.policies(profile)
    changes = compare(wanted, adopter.live.standing(name, deadline))
    orphans = (policy.name for policy in changes.orphans)
    return Adoption(
        namespace,
        profile,
        changes,
        survey(adopter.live, rules, name, profile, deadline),
        preview(_world(adopter, deadline), name, injected(name, wanted), orphans),
    )


def _profile(namespace: Namespace, rules: Rules, wished: str | None) -> str:
    """The profile that a namespace is to get; an error where it cannot get one."""
    plan = seal_plan(namespace, rules)
    if plan.reason in {Reason.SYSTEM, Reason.TERMINATING}:
        raise AdoptError(f"{namespace.name} is not adopted: {_WHY[plan.reason]}")
    setting = rules.setting(namespace.name, namespace.labels)
    profile = wished or effective(namespace.profile, namespace.setting, setting)
    if not rules.knows(profile):
        raise AdoptError(f'there is no profile "{profile}"')
    if profile == NONE:
        raise AdoptError(
            f"{namespace.name} gets the profile none by the settings or by its label; choose one "
            "by --profile, or see portcullis release"
        )
    return profile


_WHY = {
    Reason.SYSTEM: "the cluster itself lives in it (defaultDeny.systemNamespaces)",
    Reason.TERMINATING: "it is being deleted",
}


def _world(adopter: "Adopter", deadline: Deadline) -> World:
    """The cluster as it is now."""
    live = adopter.live
    found = pods(live.pods(MAX_PODS, deadline))
    policies = all_stored(live.network_policies(None, deadline))
    return World.of(found, policies, live.namespace_labels(deadline))


def _carried_out(adopter: "Adopter", adoption: Adoption, arguments: argparse.Namespace) -> str:
    """Do it unless it is a dry run or something is in the way; what came of it."""
    if adoption.done:
        return "unchanged"
    if adoption.changes.foreign and not arguments.take_over:
        return "conflict"
    if arguments.dry_run:
        return "dry run"
    name = adoption.namespace.name
    deadline = Deadline.after(CALL_SECONDS)
    for policy in adopter.live.standing(name, deadline):
        if policy.name in adoption.changes.foreign:
            adopter.give(name, policy, deadline)
    adopter.wish_again(name, adoption.profile, str(time.time_ns()), deadline)
    _await(adopter, adoption)
    return "adopted"


def _await(adopter: "Adopter", adoption: Adoption) -> None:
    """See that the controller follows; a reason that it gives now ends the waiting."""
    name, end = adoption.namespace.name, time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        now = adopter.namespace(name, Deadline.after(CALL_SECONDS))
        if now is None or now.terminating:
            raise AdoptError(f"{name} is gone")
        if now.reason is not None and now.reason != adoption.namespace.reason:
            raise AdoptError(f"{name} is not adopted: {now.reason}")
        marked = (now.seal, now.profile, now.reason)
        if marked == (Seal.SEALED, adoption.profile, None):
            return
        time.sleep(0.1)
    raise AdoptError(
        f"{name} is not sealed after {WAIT_SECONDS:.0f} s: does Portcullis's controller run? The "
        "wish stands on the namespace and is granted once it does"
    )


def _adoption_text(adoption: Adoption, state: str) -> Iterator[str]:
    name = adoption.namespace.name
    yield f"namespace {name}: profile {adoption.profile}\n"
    for verb, names in _verbs(adoption.changes).items():
        yield from (f"NetworkPolicy {name}/{each}: {verb}\n" for each in names)
    for direction in Direction:
        found = adoption.report.cut_off(direction)
        told = f": {shortened(workloads(found))}" if found else ""
        yield f"{direction.lower()}: cuts off {len(found)} of {adoption.report.pods} pods{told}\n"
    change = adoption.preview.change
    teller = Teller(adoption.preview.after, name)
    yield from (f"{line}\n" for line in teller.lines("opens", change.opened))
    yield from (f"{line}\n" for line in teller.lines("closes", change.closed))
    count = f"{len(change.opened):,} connections opened, {len(change.closed):,} closed"
    yield f"{count}; --output json lists them\n"
    yield f"{_STATES[state]}\n"


_STATES = {
    "unchanged": "it is so already",
    "conflict": "nothing was changed: policies of others are in the way; rename them, or add "
    "--take-over",
    "dry run": "nothing was changed: dry run",
    "adopted": "adopted",
}


def _verbs(changes: Changes) -> dict[str, tuple[str, ...]]:
    """Names of policies by what becomes of them."""
    return {
        "created": tuple(it["metadata"]["name"] for it in changes.missing),
        "changed": tuple(it["metadata"]["name"] for it in changes.edited),
        "deleted": tuple(it.name for it in changes.orphans),
        "in the way": changes.foreign,
    }


def _adoption_json(adoption: Adoption, state: str) -> Iterator[str]:
    head = {
        "namespace": adoption.namespace.name,
        "profile": adoption.profile,
        "state": state,
        "policies": _verbs(adoption.changes),
        "report": _report_json(adoption.report),
    }
    change = adoption.preview.change
    yield json.dumps(head)[:-1] + ', "diff": '
    yield from rows_json({"opened": change.opened, "closed": change.closed})
    yield "}\n"


def _report_all(adopter: "Adopter", rules: Rules, arguments: argparse.Namespace) -> int:
    """Report on every older namespace."""
    if arguments.take_over or arguments.dry_run:
        raise AdoptError("--all only reports; adopt one by --namespace, or set backfill: enforce")
    found = list(_reports(adopter, rules, arguments.profile))
    if arguments.output == "json":
        write([json.dumps([_report_json(it) for it in found], indent=2) + "\n"])
    else:
        write(_table(found))
    return int(any(it.breaks for it in found))


def _reports(adopter: "Adopter", rules: Rules, wished: str | None) -> Iterator[Report]:
    everything = adopter.namespaces(Deadline.after(CALL_SECONDS))
    for namespace in sorted(everything, key=lambda it: it.name):
        if seal_plan(namespace, rules).reason is Reason.OLDER:
            profile = wished or rules.setting(namespace.name, namespace.labels)
            if profile != NONE:
                deadline = Deadline.after(CALL_SECONDS)
                yield survey(adopter.live, rules, namespace.name, profile, deadline)


def _report_json(report: Report) -> dict[str, Any]:
    sides = {
        direction.lower(): [{"pod": it.pod, "workload": it.workload} for it in found]
        for direction in Direction
        for found in [report.cut_off(direction)]
    }
    head = {"namespace": report.namespace, "profile": report.profile, "pods": report.pods}
    return {**head, "cutOff": sides, "conflicts": report.conflicts}


def _table(reports: Iterable[Report]) -> Iterator[str]:
    cells: list[Sequence[str]] = [COLUMNS]
    for it in reports:
        counts = (str(len(it.cut_off(direction))) for direction in Direction)
        told = shortened(workloads((*it.ingress, *it.egress))) or "-"
        conflicts = ", ".join(it.conflicts) or "-"
        cells.append((it.namespace, it.profile, str(it.pods), *counts, told, conflicts))
    return table(cells)


def _connected(arguments: argparse.Namespace) -> tuple["Adopter", Rules]:
    """The cluster, and the rules of default deny as the installation has them."""
    from webhook.bootstrap_rules import rules_of  # noqa: PLC0415 - offline commands do without
    from webhook.cluster.adopt import Adopter  # noqa: PLC0415
    from webhook.own_profiles import OwnProfiles  # noqa: PLC0415

    identity = arguments.installation
    adopter = Adopter(connect(arguments, connections=2), identity)
    deadline = Deadline.after(CALL_SECONDS)
    found = settings_of(adopter, identity, deadline)
    if not found.default_deny.enabled:
        raise SettingsError("default deny is switched off (defaultDeny.enabled)")
    since = adopter.live.installed_at(deadline)
    return adopter, rules_of(found, identity, since, OwnProfiles(adopter.live))
