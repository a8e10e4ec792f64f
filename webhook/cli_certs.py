"""The command ``portcullis certs``: what the certificates are, and another CA on request."""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from certs.report import (
    AuthorityReport,
    Progress,
    authorities,
    bundle_fault,
    expected,
    progress,
    serial_of,
)
from certs.state import AuthorityState, decode
from webhook.cli_cluster import add_cluster, add_installation, connect, settings_of
from webhook.cli_output import printable, table, write
from webhook.deadline import Deadline
from webhook.errors import PortcullisError, RefusedError
from webhook.model.trust import CONFIGURATIONS, Anchor
from webhook.settings_tls import CertificateMode, CertificateSettings

if TYPE_CHECKING:
    from webhook.cluster.bundles import WebhookBundles
    from webhook.cluster.secrets import SecretStore

CALL_SECONDS = 30.0
LOOK_SECONDS = 0.5
COLUMNS = ("SERIAL", "STATE", "SUBJECT", "VALID FROM", "VALID UNTIL", "RENEWAL DUE")


class CertsError(PortcullisError):
    """Another authority did not come, or cannot."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The certificates of an installation, as the caller may read them."""

    chosen: CertificateSettings
    bundles: "WebhookBundles"
    secret: "SecretStore"


@dataclass(frozen=True, slots=True)
class Picture:
    """What stands there at one moment.

    Args:
        mode: who makes the certificates.
        state: of the CA's Secret; empty if there is none, or none of ours.
        note: why the state is not known, if so.
        asked: serial that somebody asked a successor for, hex.
        configurations: entries by kind of webhook configuration.
        now: wall clock of the caller.
    """

    mode: CertificateMode
    state: AuthorityState
    note: str
    asked: str
    configurations: Mapping[str, Sequence[Anchor]]
    now: datetime

    @property
    def published(self) -> Sequence[bytes]:
        """The caBundle of every entry."""
        return [it.bundle_pem for entries in self.configurations.values() for it in entries]

    def faults(self, kind: str) -> dict[str, str]:
        """What is wrong with the caBundles of a configuration, by entry."""
        wanted = expected(self.state, self.published, self.now)
        found = (
            (it.entry, bundle_fault(it.bundle_pem, wanted)) for it in self.configurations[kind]
        )
        return {entry: fault.message for entry, fault in found if fault}

    @property
    def missing(self) -> list[str]:
        """Kinds of configurations without which nothing asks Portcullis."""
        return [kind for kind in CONFIGURATIONS if not self.configurations.get(kind)]

    @property
    def good(self) -> bool:
        """Nothing needs a look."""
        if self.missing or self.state.faults:
            return False
        if self.note and self.mode is CertificateMode.SELF_MANAGED:
            return False
        alive = [it for it in authorities(self.state, self.published) if it.not_after > self.now]
        return bool(alive) and not any(self.faults(kind) for kind in self.configurations)


def add_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser("certs", help="show the webhook's certificates, or ask for a CA")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    show = verbs.add_parser("show", help="authorities and caBundles, as they stand in the cluster")
    show.add_argument("-o", "--output", choices=("text", "json"), default="text")
    show.set_defaults(run=_show)
    rotate = verbs.add_parser(
        "rotate", help="have another CA issued, announced and signing; waits for each step"
    )
    rotate.add_argument(
        "--timeout", type=float, default=120.0, metavar="SECONDS", help="to wait (%(default)s)"
    )
    rotate.set_defaults(run=_rotate)
    for verb in (show, rotate):
        add_cluster(verb)
        add_installation(verb)


def _show(arguments: argparse.Namespace) -> int:
    picture = _look(_connected(arguments))
    told = _as_json if arguments.output == "json" else _as_text
    return write(told(picture)) or int(not picture.good)


def _look(installed: Installed) -> Picture:
    state, note, asked = _state(installed)
    return Picture(
        mode=installed.chosen.mode,
        state=state,
        note=note,
        asked=asked,
        configurations=installed.bundles.configurations(),
        now=datetime.now(UTC),
    )


def _state(installed: Installed) -> tuple[AuthorityState, str, str]:
    """What the Secret holds, why that is not known, and what was asked for."""
    if installed.chosen.mode is not CertificateMode.SELF_MANAGED:
        return AuthorityState(), f"certificates.mode is {installed.chosen.mode}", ""
    name = installed.chosen.secret_name
    try:
        secret = installed.secret.load()
    except RefusedError as error:
        return AuthorityState(), f"Secret {name} may not be read: {error}", ""
    if secret is None:
        return AuthorityState(), f"there is no Secret {name}", ""
    if not secret.owned:
        return AuthorityState(), f"Secret {name} is not Portcullis's: it lacks the label", ""
    return decode(secret.data), "", secret.replace


def _as_text(picture: Picture) -> Iterator[str]:
    found = authorities(picture.state, picture.published)
    yield from table([COLUMNS, *map(_row, found)])
    for fault in picture.state.faults:
        yield f"{fault.key}: {printable(fault.message)}\n"
    if picture.note:
        yield f"{printable(picture.note)}\n"
    if picture.state.previous and picture.state.previous_until:
        yield f"previous authorities leave the caBundles on {_time(picture.state.previous_until)}\n"
    for kind, entries in picture.configurations.items():
        if not entries:
            continue
        faults = picture.faults(kind)
        complete = len(entries) - len(faults)
        yield f"{kind}: {complete} of {len(entries)} caBundles complete\n"
        yield from (f"  {entry}: {message}\n" for entry, message in faults.items())
    for kind in picture.missing:
        yield f"there is no {kind}, or nothing in it\n"


def _row(authority: AuthorityReport) -> Sequence[str]:
    due = _time(authority.renewal_due) if authority.renewal_due else "-"
    life = _time(authority.not_before), _time(authority.not_after)
    return authority.serial, authority.standing, printable(authority.subject), *life, due


def _as_json(picture: Picture) -> Iterator[str]:
    until = picture.state.previous_until
    document = {
        "mode": picture.mode,
        "note": picture.note,
        "authorities": [
            _authority_json(it) for it in authorities(picture.state, picture.published)
        ],
        "faults": [{"key": it.key, "reason": it.reason} for it in picture.state.faults],
        "previousUntil": until and _time(until),
        "replacementAsked": picture.asked or None,
        "configurations": [_configuration_json(picture, kind) for kind in picture.configurations],
    }
    yield json.dumps(document, indent=2) + "\n"


def _authority_json(authority: AuthorityReport) -> dict[str, Any]:
    return {
        "state": authority.standing,
        "subject": authority.subject,
        "serial": authority.serial,
        "sha256": authority.fingerprint,
        "notBefore": _time(authority.not_before),
        "notAfter": _time(authority.not_after),
        "renewalDue": authority.renewal_due and _time(authority.renewal_due),
    }


def _configuration_json(picture: Picture, kind: str) -> dict[str, Any]:
    faults = picture.faults(kind)
    entries = [
        {
            "name": it.entry,
            "serverName": it.server_name,
            "complete": it.entry not in faults,
            "fault": faults.get(it.entry),
        }
        for it in picture.configurations[kind]
    ]
    return {"kind": kind, "entries": entries}


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _rotate(arguments: argparse.Namespace) -> int:
    installed = _connected(arguments)
    if installed.chosen.mode is not CertificateMode.SELF_MANAGED:
        raise CertsError(
            f"certificates.mode is {installed.chosen.mode}: Portcullis has no CA of its own to "
            "replace; renew it where it is made"
        )
    picture = _look(installed)
    if picture.state.current is None:
        why = picture.note or "no authority signs yet"
        raise CertsError(f"there is nothing to replace: {why}")
    serial = serial_of(picture.state.current.certificate)
    installed.secret.ask_for_another(serial)
    return write(_followed(installed, serial, arguments.timeout))


def _followed(installed: Installed, serial: str, timeout: float) -> Iterator[str]:
    """Tell each step as it is seen.

    Raises:
        CertsError: the last step was not seen in time.
    """
    yield f"asked for a successor of the authority {serial}\n"
    end, seen = time.monotonic() + timeout, Progress.ASKED
    while True:
        picture = _look(installed)
        reached = progress(serial, picture.state, picture.published)
        yield from _steps(picture, seen, reached)
        if reached is Progress.DONE:
            return
        if time.monotonic() >= end:
            raise CertsError(
                f"not done after {timeout:g} s, last seen: {reached}. Does Portcullis's "
                "controller run? What was asked for stands, and is done once it does"
            )
        seen = max(seen, reached, key=list(Progress).index)
        time.sleep(LOOK_SECONDS)


def _steps(picture: Picture, seen: Progress, reached: Progress) -> Iterator[str]:
    """Lines for what was reached since the last look, steps in between among them."""
    order = list(Progress)
    for step in order[order.index(seen) + 1 : order.index(reached) + 1]:
        yield _told(picture, step)


def _told(picture: Picture, step: Progress) -> str:
    state, count = picture.state, len(picture.published)
    if step is Progress.ANNOUNCED:
        return f"announced: it is in all {count} caBundles; API servers learn of it now\n"
    successor = state.upcoming or state.current
    serial = serial_of(successor.certificate) if successor else "unknown"
    if step is Progress.ISSUED:
        return f"issued: authority {serial}\n"
    until = state.previous_until
    kept = f"; the former one stays trusted until {_time(until)}" if until else ""
    return f"done: authority {serial} signs, replicas take it up within a minute{kept}\n"


def _connected(arguments: argparse.Namespace) -> Installed:
    """The installation, by the caller's own rights."""
    from webhook.cluster.adopt import Adopter  # noqa: PLC0415 - offline commands do without
    from webhook.cluster.bundles import WebhookBundles  # noqa: PLC0415
    from webhook.cluster.secrets import SecretStore  # noqa: PLC0415

    identity = arguments.installation
    api = connect(arguments, connections=2)
    deadline = Deadline.after(CALL_SECONDS)
    chosen = settings_of(Adopter(api, identity), identity, deadline).certificates
    return Installed(
        chosen=chosen,
        bundles=WebhookBundles(api, chosen.webhook_configuration),
        secret=SecretStore(api, identity.namespace, chosen.secret_name),
    )
