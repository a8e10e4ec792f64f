"""Why must something be done about the certificates now? PURE.

In cert-manager's shape (internal/controller/certificates/policies): the state of the world is
gathered into one frozen value, a chain of checks is evaluated over it, and the first check that
finds something gives the reason and the message. `now` is the wall clock in every comparison: a
suspended machine stops monotonic timers, not the lives of certificates.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from cryptography import x509

from certs.authority import Authority, IPAddress, ServingCertificate
from certs.bundle import BundleError, parse_bundle, unexpired
from certs.reason import Decision, Reason
from certs.state import CURRENT_CERTIFICATE, AuthorityState, retired

W = TypeVar("W")
"""The frozen input of a chain."""

PROPAGATION = timedelta(seconds=10)
"""How long a published bundle may take to every API server: each learns of it by its own watch."""


class Step(StrEnum):
    """The steps of a rotation, in the order in which they are considered."""

    ISSUE = "issue"
    PUBLISH = "publish"
    PROMOTE = "promote"
    RETIRE = "retire"


@dataclass(frozen=True, slots=True)
class AuthorityInput:
    """The state of the world that the authority's chains judge.

    Attributes:
        now: wall clock.
        exists: there is a Secret.
        owned: the Secret carries our mark.
        state: what the Secret holds, completed by `state.adopted`.
        published: the live caBundles, one for each webhook entry; none if none is registered.
        announced: since when every live caBundle is known to cover the upcoming authority.
        propagation: how long after `announced` every API server has seen it.
        replace: serial of an authority that somebody wants replaced.
    """

    now: datetime
    exists: bool
    owned: bool
    state: AuthorityState
    published: tuple[bytes, ...] = ()
    announced: datetime | None = None
    propagation: timedelta = PROPAGATION
    replace: str = ""


@dataclass(frozen=True, slots=True)
class LeafInput:
    """The state of the world that the leaf's chain judges."""

    now: datetime
    leaf: ServingCertificate | None
    authority: Authority
    dns_names: tuple[str, ...]
    ip_addresses: tuple[IPAddress, ...] = ()


def decide_authority(world: AuthorityInput) -> tuple[Step, Decision] | None:
    """Give the next step of the authority's life and why; None if nothing is to be done."""
    for step, chain in _STEPS:
        if decision := _evaluate(chain, world):
            return step, decision
    return None


def refuse(world: AuthorityInput) -> Decision | None:
    """Say why nothing may be done at all: the Secret is not ours to write."""
    if not world.exists or world.owned:
        return None
    message = "leaving the Secret alone as it lacks our label: delete it, or name another Secret"
    return Decision(Reason.FOREIGN, message)


def decide_leaf(world: LeafInput) -> Decision | None:
    """Say why a new leaf must be signed; None if the present one is good."""
    return _evaluate(_LEAF, world)


def leaf_may_be_due(leaf: ServingCertificate | None, now: datetime) -> bool:
    """Tell by the clock alone whether a look at the authority may find a reason for a new leaf."""
    if leaf is None or not leaf.not_before <= now < leaf.not_after:
        return True
    return now >= renewal_time(leaf.not_before, leaf.not_after)


def may_sign(authority: Authority | None, now: datetime) -> bool:
    """Tell whether this authority is valid now, and may therefore sign."""
    return authority is not None and authority.not_before <= now < authority.not_after


def renewal_time(not_before: datetime, not_after: datetime) -> datetime:
    """Give the moment when two thirds of a life are over, as cert-manager does."""
    return not_before + (not_after - not_before) * 2 / 3


def promotion_time(world: AuthorityInput) -> datetime | None:
    """Give the moment when the announced authority may sign; None if it is not announced yet.

    It waits only for the sake of leaves that are alive: the first CA, and one that follows an
    expired one, sign at once.
    """
    if world.announced is None:
        return None
    idle = not may_sign(world.state.current, world.now) and not world.state.previous
    return world.announced if idle else world.announced + world.propagation


def wanted(world: AuthorityInput) -> tuple[x509.Certificate, ...]:
    """Give what every caBundle must hold: all authorities of which a leaf can be alive, or will."""
    return unexpired(world.state.certificates, world.now)


# --- checks of one authority's health -------------------------------------------------------------


def _health(authority: Authority, now: datetime) -> Decision | None:
    """Say why this authority must be replaced."""
    if now >= authority.not_after:
        return Decision(Reason.EXPIRED, f"the authority expired at {authority.not_after}")
    if now < authority.not_before:
        message = f"the authority is valid from {authority.not_before} only: was the clock set back"
        return Decision(Reason.NOT_YET_VALID, message)
    due = renewal_time(authority.not_before, authority.not_after)
    if now >= due:
        return Decision(Reason.RENEWAL_DUE, f"two thirds of the authority's life ended at {due}")
    return None


def _is_healthy(authority: Authority | None, now: datetime) -> bool:
    return authority is not None and _health(authority, now) is None


# --- checks of the authority's chains -------------------------------------------------------------


def _secret_missing(world: AuthorityInput) -> Decision | None:
    if world.exists:
        return None
    return Decision(Reason.MISSING, "issuing an authority as there is no Secret")


def _next_in_line(world: AuthorityInput) -> Decision | None:
    """Judge the current authority, unless a good one stands ready to follow it."""
    state = world.state
    if _is_healthy(state.upcoming, world.now):
        return None
    if fault := state.fault(CURRENT_CERTIFICATE):
        return Decision(fault.reason, f"issuing an authority as {fault.key}: {fault.message}")
    if state.current is None:
        message = f"issuing an authority as the Secret has no {CURRENT_CERTIFICATE}"
        return Decision(Reason.MISSING, message)
    return _health(state.current, world.now) or _replacement_asked(world)


def _replacement_asked(world: AuthorityInput) -> Decision | None:
    current = world.state.current
    if current is None or world.replace != f"{current.serial:x}":
        return None
    return Decision(Reason.ASKED, f"somebody asked for a successor of serial {world.replace}")


def _bundle_differs(world: AuthorityInput) -> Decision | None:
    """Compare every live caBundle with the wanted one; the order does not matter."""
    expected = set(wanted(world))
    for number, bundle in enumerate(world.published, start=1):
        name = f"caBundle {number} of {len(world.published)}"
        if decision := compare_bundle(bundle, expected, name):
            return decision
    return None


def compare_bundle(
    bundle: bytes, expected: AbstractSet[x509.Certificate], name: str
) -> Decision | None:
    """Say what a live caBundle lacks of the expected authorities, or has beside them.

    Args:
        bundle: PEM.
        expected: what it must hold, no more and no less.
        name: of the bundle, for the message.
    """
    try:
        found = set(parse_bundle(bundle))
    except BundleError as error:
        return Decision(Reason.BUNDLE_CORRUPTED, f"{name}: {error}")
    if missing := len(expected - found):
        message = f"{name}: lacks {missing} of {len(expected)} authorities"
        return Decision(Reason.BUNDLE_INCOMPLETE, message)
    if excess := len(found - expected):
        return Decision(Reason.BUNDLE_EXCESSIVE, f"{name}: trusts {excess} more than it need")
    return None


def _announced(world: AuthorityInput) -> Decision | None:
    """Find that the next authority may sign: it is trusted wherever a leaf of it will be shown."""
    due = promotion_time(world)
    if due is None or world.now < due or not _is_healthy(world.state.upcoming, world.now):
        return None
    message = f"every caBundle has the next authority since {world.announced}"
    return Decision(Reason.ANNOUNCED, message)


def _previous_over(world: AuthorityInput) -> Decision | None:
    dropped = len(world.state.previous) - len(retired(world.state, world.now).previous)
    if not dropped:
        return None
    return Decision(Reason.RETIRED, f"no leaf of {dropped} former authorities can be alive")


# --- checks of the leaf ---------------------------------------------------------------------------


def _leaf_missing(world: LeafInput) -> Decision | None:
    if world.leaf is not None:
        return None
    return Decision(Reason.MISSING, "signing a serving certificate as there is none")


def _leaf_outside_its_life(world: LeafInput) -> Decision | None:
    leaf = _present(world)
    if world.now >= leaf.not_after:
        return Decision(Reason.EXPIRED, f"the serving certificate expired at {leaf.not_after}")
    if world.now < leaf.not_before:
        message = f"the serving certificate is valid from {leaf.not_before} only"
        return Decision(Reason.NOT_YET_VALID, message)
    return None


def _leaf_names_changed(world: LeafInput) -> Decision | None:
    leaf = _present(world)
    if (leaf.dns_names, leaf.ip_addresses) == (world.dns_names, world.ip_addresses):
        return None
    return Decision(Reason.NAMES_CHANGED, f"the names are now {', '.join(world.dns_names)}")


def _leaf_authority_changed(world: LeafInput) -> Decision | None:
    if _present(world).authority_pem == world.authority.certificate_pem:
        return None
    message = f"the current authority is now serial {world.authority.serial:x}"
    return Decision(Reason.AUTHORITY_CHANGED, message)


def _leaf_renewal_due(world: LeafInput) -> Decision | None:
    """Renew at two thirds, unless the authority's end already bounds the leaf.

    A successor could not live longer then, and would be due after ever shorter times.
    """
    leaf = _present(world)
    due = renewal_time(leaf.not_before, leaf.not_after)
    if world.now < due or leaf.not_after >= world.authority.not_after:
        return None
    message = f"two thirds of the serving certificate's life ended at {due}"
    return Decision(Reason.RENEWAL_DUE, message)


def _present(world: LeafInput) -> ServingCertificate:
    """Give the leaf to the checks that stand after `_leaf_missing` in the chain."""
    assert world.leaf is not None
    return world.leaf


# --- chains ---------------------------------------------------------------------------------------

_STEPS: tuple[tuple[Step, tuple[Callable[[AuthorityInput], Decision | None], ...]], ...] = (
    (Step.ISSUE, (_secret_missing, _next_in_line)),
    (Step.PUBLISH, (_bundle_differs,)),
    (Step.PROMOTE, (_announced,)),
    (Step.RETIRE, (_previous_over,)),
)

_LEAF = (
    _leaf_missing,
    _leaf_outside_its_life,
    _leaf_names_changed,
    _leaf_authority_changed,
    _leaf_renewal_due,
)


def _evaluate(chain: tuple[Callable[[W], Decision | None], ...], world: W) -> Decision | None:
    """Give what the first check finds that finds anything."""
    return next((decision for check in chain if (decision := check(world))), None)
