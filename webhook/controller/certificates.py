"""The controller's care for certificates, step by step, when due by the wall clock."""

import logging
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from certs.rotation import Outcome
from webhook.backoff import Backoff
from webhook.errors import ClusterError
from webhook.model.objects import ObjectMeta
from webhook.stop import Stop

BACKOFF = Backoff(base=0.5, cap=30.0)
MIN_PAUSE = 0.05
"""Seconds between two steps, should the clock stand where the next is due."""

LOOK_SECONDS = 5.0
"""How often a sleeper looks at the wall clock: the timer that it sleeps by stands still while the
machine is suspended, and knows nothing of a clock that was set."""

logger = logging.getLogger(__name__)


class Steps(Protocol):
    """What is kept: `certs.rotation.Rotation`, `certs.anchors.Announcer`."""

    def step(self) -> Outcome:
        """Do all that is due now."""


class CertificateKeeper:
    """Takes steps when they are due, or when something was changed.

    Args:
        steps: decide and do.
        clock: wall clock, UTC, the steps' own.
        chance: draws from 0 to 1.
        expires: told when the authority ends, at each look.
        afterwards: done after each look; what fails there is tried again like a step.
    """

    def __init__(
        self,
        steps: Steps,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
        expires: Callable[[datetime], None] = lambda _end: None,
        afterwards: Callable[[], None] = lambda: None,
    ) -> None:
        self._steps = steps
        self._afterwards = afterwards
        self._expires = expires
        self._clock = clock
        self._chance = chance
        self._woken = threading.Event()
        self._failures = 0
        self._refusal = ""

    def observe(self, kind: str, metadata: ObjectMeta) -> None:
        """Take a watch event of the Secret or a webhook configuration: look at once."""
        logger.debug("changed", extra={"type": kind, "object": metadata.name})
        self._woken.set()

    def run(self, stop: Stop) -> None:
        """Keep the certificates until told to stop; failures are tried again."""
        with stop.interrupting(self._woken.set):
            while not stop.is_set():
                self._woken.clear()
                # Before the step, or a clock that is set back during it would look right.
                began = self._clock()
                end = self._step()
                # A stop that came before the clear must not be slept through.
                if not stop.is_set():
                    self._sleep(began, end)

    def _sleep(self, began: datetime, end: datetime) -> None:
        """Sleep until woken, or until the wall clock says so; one that was set back says so too."""
        pause = MIN_PAUSE
        while pause > 0 and not self._woken.wait(min(pause, LOOK_SECONDS)):
            now = self._clock()
            pause = (end - now).total_seconds() if now >= began else 0.0

    def _step(self) -> datetime:
        """One step; when the next one is due."""
        try:
            outcome = self._steps.step()
            self._afterwards()
        except ClusterError as error:
            self._failures += 1
            pause = BACKOFF.pause(self._failures, self._chance())
            fields = {"error": str(error), "retry_seconds": round(pause, 1)}
            logger.warning("certificates could not be looked after", extra=fields)
            return self._clock() + timedelta(seconds=pause)
        self._failures = 0
        if outcome.expires is not None:
            self._expires(outcome.expires)
        self._tell(outcome)
        return outcome.next_wakeup

    def _tell(self, outcome: Outcome) -> None:
        for action in outcome.actions:
            fields = {"step": action.step, "reason": action.decision.reason}
            logger.info(action.decision.message, extra=fields)
        refusal = outcome.refused.message if outcome.refused else ""
        if refusal != self._refusal:
            self._refusal = refusal
            if refusal:
                logger.error(refusal)
            else:
                logger.info("certificates are looked after again")
