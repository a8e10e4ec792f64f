"""The keeper's part: gather, decide, issue, save, publish.

Each round reads the world afresh and does the one step that is due, so the whole is idempotent:
killed anywhere, it goes on from what is stored. A race that is lost is no error, it is a reason to
read again; any number of keepers may take these steps at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from certs.authority import AUTHORITY_LIFETIME, LEAF_LIFETIME, Authority, new_authority
from certs.bundle import covers, normalise
from certs.reason import Decision
from certs.renewal import (
    PROPAGATION,
    AuthorityInput,
    Step,
    decide_authority,
    promotion_time,
    refuse,
    renewal_time,
    wanted,
)
from certs.state import AuthorityState, adopted, decode, encode, issued, promoted, retired
from certs.store import AlreadyExistsError, CertificateStore, ConflictError

COMMON_NAME = "portcullis-ca"
"""Subject of the authorities, for people who look at a caBundle."""

MAX_ROUNDS = 16
"""A bound on the rounds of one `step`, should every write lose its race."""


class BundlePublisher(Protocol):
    """The caBundles of an installation's webhook configurations, as one."""

    def publish(self, bundle_pem: bytes) -> None:
        """Write this bundle into every webhook entry."""
        ...

    def published(self) -> Sequence[bytes]:
        """Read the live bundle of every webhook entry; an unset one is empty."""
        ...


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things last.

    Attributes:
        authority: life of a CA.
        leaf: the longest life of any replica's leaf; a former CA is trusted that long.
        propagation: from writing a caBundle until every API server uses it.
        poll: the longest pause between two looks at the cluster.
        retry: the pause after a step that could not be finished.
    """

    authority: timedelta = AUTHORITY_LIFETIME
    leaf: timedelta = LEAF_LIFETIME
    propagation: timedelta = PROPAGATION
    poll: timedelta = timedelta(minutes=5)
    retry: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Action:
    """A step that was taken, and why."""

    step: Step
    decision: Decision


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call of `Rotation.step` did.

    Attributes:
        next_wakeup: when to call again at the latest; sooner if Secret or configurations change.
        actions: the steps taken, in order.
        refused: why nothing may be done, if so.
        expires: when the authority that signs leaves now ends; None where there is none.
    """

    next_wakeup: datetime
    actions: tuple[Action, ...] = ()
    refused: Decision | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Gathered:
    world: AuthorityInput
    version: str | None


class Rotation:
    """Keeps the authority fresh and every caBundle true."""

    def __init__(
        self,
        store: CertificateStore,
        publisher: BundlePublisher,
        clock: Callable[[], datetime],
        timing: Timing | None = None,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._timing = timing or Timing()
        # In memory only: a new leader does not know since when, and waits anew.
        self._announced: tuple[Authority, datetime] | None = None

    def step(self) -> Outcome:
        """Do all that is due now.

        Errors of store and publisher other than lost races go to the caller, who tries again.
        """
        actions: list[Action] = []
        for _ in range(MAX_ROUNDS):
            gathered = self._gather()
            world = gathered.world
            if refusal := refuse(world):
                return Outcome(world.now + self._timing.poll, tuple(actions), refusal)
            due = decide_authority(world)
            if due is None:
                current = world.state.current
                expires = current.not_after if current else None
                return Outcome(self._next_wakeup(world), tuple(actions), expires=expires)
            action = Action(*due)
            if action.step in {done.step for done in actions}:
                break  # The reader lags behind our write, or somebody undoes it: do not spin.
            if self._take(action.step, gathered):
                actions.append(action)
        return Outcome(self._clock() + self._timing.retry, tuple(actions))

    def _gather(self) -> _Gathered:
        """Read the world.

        The bundles come before the Secret: whatever stands in a bundle is then already in the state
        read after it, so a slow leader never takes a newer authority for an excessive one.
        """
        published = tuple(self._publisher.published())
        secret = self._store.load()
        now = self._clock()
        state = decode(secret.data) if secret else AuthorityState()
        world = AuthorityInput(
            now=now,
            exists=secret is not None,
            owned=secret is not None and secret.owned,
            state=adopted(state, published, now),
            published=published,
            announced=self._note_announced(state.upcoming, published, now),
            propagation=self._timing.propagation,
            replace=secret.replace if secret else "",
        )
        return _Gathered(world, secret.version if secret else None)

    def _note_announced(
        self, upcoming: Authority | None, published: Sequence[bytes], now: datetime
    ) -> datetime | None:
        """Remember since when every live bundle covers the next authority, without a break."""
        if upcoming is None or not all(covers(bundle, upcoming) for bundle in published):
            self._announced = None
            return None
        known, since = self._announced or (None, now)
        if known != upcoming or since > now:  # Another authority, or the clock was set back.
            since = now
        self._announced = upcoming, since
        return since

    def _take(self, step: Step, gathered: _Gathered) -> bool:
        """Take one step; False if somebody else was faster."""
        world = gathered.world
        if step is Step.PUBLISH:
            self._publisher.publish(normalise(wanted(world), world.now))
            return True
        try:
            self._save(self._successor(step, world), gathered.version)
        except (AlreadyExistsError, ConflictError):
            return False
        return True

    def _successor(self, step: Step, world: AuthorityInput) -> AuthorityState:
        """Give the state after this step."""
        if step is Step.ISSUE:
            lifetime = self._timing.authority
            return issued(world.state, new_authority(COMMON_NAME, world.now, lifetime))
        if step is Step.PROMOTE:
            return promoted(world.state, world.now, self._timing.leaf)
        return retired(world.state, world.now)

    def _save(self, state: AuthorityState, version: str | None) -> None:
        if version is None:
            self._store.create(encode(state))
        else:
            self._store.replace(encode(state), version)

    def _next_wakeup(self, world: AuthorityInput) -> datetime:
        """Wake when the clock alone makes something due; changes are told by watches."""
        state = world.state
        renewals = (renewal_time(it.not_before, it.not_after) for it in state.authorities)
        moments = (promotion_time(world), state.previous_until, *renewals)
        coming = (moment for moment in moments if moment is not None and moment > world.now)
        return min(world.now + self._timing.poll, *coming)
