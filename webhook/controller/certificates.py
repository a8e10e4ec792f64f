"""The leader's care for certificates: `certs.rotation.Rotation`, step by step, when due."""

import logging
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from certs.rotation import Outcome, Rotation
from webhook.backoff import Backoff
from webhook.errors import ClusterError
from webhook.model.objects import ObjectMeta
from webhook.stop import Stop

BACKOFF = Backoff(base=0.5, cap=30.0)
MIN_PAUSE = 0.05
"""Seconds between two steps, should the clock stand where the next is due."""

logger = logging.getLogger(__name__)


class CertificateKeeper:
    """Takes the steps of a rotation when they are due, or when something was changed.

    Args:
        rotation: decides and does.
        clock: wall clock, UTC, the rotation's own.
        chance: draws from 0 to 1.
        expires: told when the authority ends, at each look.
    """

    def __init__(
        self,
        rotation: Rotation,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
        expires: Callable[[datetime], None] = lambda _end: None,
    ) -> None:
        self._rotation = rotation
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
                pause = self._step()
                # A stop that came before the clear must not be slept through.
                if not stop.is_set():
                    self._woken.wait(pause)

    def _step(self) -> float:
        """One step; seconds until the next one."""
        try:
            outcome = self._rotation.step()
        except ClusterError as error:
            self._failures += 1
            pause = BACKOFF.pause(self._failures, self._chance())
            fields = {"error": str(error), "retry_seconds": round(pause, 1)}
            logger.warning("certificates could not be looked after", extra=fields)
            return pause
        self._failures = 0
        if outcome.expires is not None:
            self._expires(outcome.expires)
        self._tell(outcome)
        return max(MIN_PAUSE, (outcome.next_wakeup - self._clock()).total_seconds())

    def _tell(self, outcome: Outcome) -> None:
        for action in outcome.actions:
            fields = {"step": action.step, "reason": action.decision.reason}
            logger.info(action.decision.message, extra=fields)
        refusal = outcome.refused.message if outcome.refused else ""
        if refusal != self._refusal:
            self._refusal = refusal
            logger.error(refusal or "certificates may be looked after again")
