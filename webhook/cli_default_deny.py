"""The commands ``portcullis status`` and ``portcullis release``."""

import argparse
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from webhook import settings
from webhook.adoption.report import sentence
from webhook.cli_cluster import add_cluster, add_installation, connect, settings_of
from webhook.cli_output import note, table, write
from webhook.deadline import Deadline
from webhook.errors import NotFoundError, PortcullisError, RefusedError, SettingsError
from webhook.interfaces import PolicyLister
from webhook.manifests import read_manifests
from webhook.model.namespace import MANAGED_BY, MANAGED_BY_LABEL, Namespace
from webhook.model.policies import StandingPolicy
from webhook.model.profiles import NONE, POLICY_PREFIX
from webhook.model.status import Status, statuses
from webhook.snapshot import SnapshotCluster

if TYPE_CHECKING:
    from webhook.cluster.adopt import Adopter
    from webhook.cluster.release import Releaser

CALL_SECONDS = 60.0
"""For a list of everything."""
WAIT_SECONDS = 20.0
"""For the controller to take its policies away."""
COLUMNS = ("NAMESPACE", "STATE", "PROFILE", "POLICIES", "REASON")


class _Reader(PolicyLister, Protocol):
    def namespaces(self, deadline: Deadline) -> Iterable[Namespace]:
        """All of them."""


class ReleaseError(PortcullisError):
    """A namespace was not released."""


def add_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both commands."""
    status = commands.add_parser(
        "status", help="tell the state of default deny of every namespace; 1 if one is wrong"
    )
    status.add_argument("--snapshot", metavar="PATH", help="manifests in place of a live cluster")
    status.add_argument("--wrong", action="store_true", help="only pending and drifted ones")
    add_installation(status)
    status.add_argument("-o", "--output", choices=("table", "json"), default="table")
    release = commands.add_parser(
        "release", help="take Portcullis's policies and marks off a namespace, on purpose"
    )
    release.add_argument("-n", "--namespace", required=True)
    release.add_argument("--yes", action="store_true", help="do it; without it, it is only told")
    release.add_argument(
        "--without-controller",
        action="store_true",
        help="Portcullis is not installed any more: delete from here",
    )
    for parser, run in ((status, _status), (release, _release)):
        add_cluster(parser)
        parser.set_defaults(run=run)


def _status(arguments: argparse.Namespace) -> int:
    cluster, system = _reader(arguments)
    deadline = Deadline.after(CALL_SECONDS)
    rows = list(statuses(cluster.namespaces(deadline), _ours(cluster, deadline), system))
    shown = [row for row in rows if row.wrong] if arguments.wrong else rows
    told = _json if arguments.output == "json" else _table
    return write(told(shown)) or int(any(row.wrong for row in rows))


def _ours(cluster: PolicyLister, deadline: Deadline) -> Iterator[tuple[str, str]]:
    for policy in cluster.network_policies(None, deadline):
        metadata = policy.metadata
        labelled = metadata.label_map.get(MANAGED_BY_LABEL) == MANAGED_BY
        if labelled and metadata.name.startswith(POLICY_PREFIX):
            yield metadata.namespace, metadata.name


def _json(rows: Sequence[Status]) -> Iterator[str]:
    found = [
        {
            "namespace": row.namespace,
            "state": row.state,
            "profile": row.profile or None,
            "policies": row.policies,
            "reason": row.reason or None,
            "report": row.report or None,
        }
        for row in rows
    ]
    yield json.dumps(found, indent=2) + "\n"


def _table(rows: Sequence[Status]) -> Iterator[str]:
    cells = [
        (row.namespace, row.state, row.profile or "-", str(len(row.policies)), _remark(row))
        for row in rows
    ]
    return table([COLUMNS, *cells])


def _remark(row: Status) -> str:
    """Why a namespace is in its state, or what adopting it would do."""
    return row.reason or (sentence(row.report) if row.report else "")


def _release(arguments: argparse.Namespace) -> int:
    releaser = _releaser(arguments)
    name = arguments.namespace
    namespace = releaser.namespace(name, Deadline.after(CALL_SECONDS))
    if namespace is None:
        raise NotFoundError(f'namespaces "{name}" not found')
    ours = releaser.ours(name, Deadline.after(CALL_SECONDS))
    write(f"NetworkPolicy {name}/{policy.name}: goes\n" for policy in ours)
    if not arguments.yes:
        write([f"every pod of {name} is open where no policy of its own isolates it; say --yes\n"])
        return 1
    if arguments.without_controller:
        _delete(releaser, namespace, ours)
    else:
        _wish(releaser, name)
    return write([f"namespace {name} is released\n"])


def _delete(releaser: "Releaser", namespace: Namespace, ours: Sequence[StandingPolicy]) -> None:
    deadline = Deadline.after(CALL_SECONDS)
    for policy in ours:
        releaser.delete(namespace.name, policy, deadline)
    releaser.unmark(namespace, deadline)


def _wish(releaser: "Releaser", name: str) -> None:
    """Wish for no profile, which takes the permission, and see that the controller follows."""
    releaser.wish(name, NONE, Deadline.after(CALL_SECONDS))
    end = time.monotonic() + WAIT_SECONDS
    while releaser.ours(name, Deadline.after(CALL_SECONDS)):
        if time.monotonic() > end:
            raise ReleaseError(
                f"the policies of {name} still stand after {WAIT_SECONDS:.0f} s: does Portcullis's "
                "controller run? Where it is not installed any more, add --without-controller"
            )
        time.sleep(0.2)


def _reader(arguments: argparse.Namespace) -> tuple[_Reader, tuple[str, ...]]:
    """The cluster, and its namespaces that Portcullis never touches."""
    identity = arguments.installation
    if arguments.snapshot is not None:
        objects = [manifest.value for manifest in read_manifests([arguments.snapshot])]
        snapshot = SnapshotCluster(objects, (identity.namespace, identity.installation))
        return snapshot, _system(settings.Settings(), identity)
    from webhook.cluster.adopt import Adopter  # noqa: PLC0415 - a snapshot does without

    adopter = Adopter(connect(arguments, connections=2), identity)
    return adopter, _system(_settings(adopter, identity), identity)


def _settings(adopter: "Adopter", identity: settings.Identity) -> settings.Settings:
    """Those of the installation; where they cannot be read, the default ones."""
    try:
        return settings_of(adopter, identity, Deadline.after(CALL_SECONDS))
    except (NotFoundError, RefusedError, SettingsError) as error:
        note(f"system namespaces are told by the default settings: {error}")
        return settings.Settings()


def _system(found: settings.Settings, identity: settings.Identity) -> tuple[str, ...]:
    return (*found.default_deny.system_namespaces, identity.namespace)


def _releaser(arguments: argparse.Namespace) -> "Releaser":
    from webhook.cluster.release import Releaser  # noqa: PLC0415 - a snapshot does without

    return Releaser(connect(arguments, connections=2))
