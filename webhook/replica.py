"""One worker process of the webhook: from its start to the first review, and on.

A replica without a cluster or a certificate does not crash: it waits, tells
/readyz what for, and tries again.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from webhook.deadline import Deadline
from webhook.errors import PortcullisError
from webhook.model.review import AdmissionResponse, Attributes
from webhook.server.endpoint import Deciding
from webhook.server.lifecycle import Lifecycle, State
from webhook.server.tls import KeyPair

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
REFRESH_SECONDS = 30.0
"""How often a replica looks whether its leaf is due, by the wall clock (a suspended
machine's timers stand still)."""


class Leaf(Protocol):
    """Keeps a serving certificate; `certs.serving.ServingIdentity` does."""

    def current(self) -> KeyPair | None:
        """The certificate now, None before the first."""

    def refresh(self) -> KeyPair | None:
        """Renew it if due; None where no authority may sign one yet."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a replica works with, made in the worker after the fork.

    Args:
        leaf: its certificate.
        admission: decides; made once the cluster has told the time of installation.
    """

    leaf: Leaf
    admission: Callable[[], Deciding]


class Replica:
    """Warms up, then decides.

    Args:
        connect: makes the parts; may raise `PortcullisError`, and is then called again.
    """

    def __init__(self, connect: Callable[[], Parts]) -> None:
        self._connect = connect
        self._parts: Parts | None = None
        self._admission: Deciding | None = None
        self.lifecycle = Lifecycle()

    def validate(self, attributes: Attributes, deadline: Deadline) -> AdmissionResponse:
        """Answer a validating review."""
        return self._ready().validate(attributes, deadline)

    def mutate(self, attributes: Attributes, deadline: Deadline) -> AdmissionResponse:
        """Answer a mutating review."""
        return self._ready().mutate(attributes, deadline)

    def current(self) -> KeyPair | None:
        """The serving certificate now: the source of the TLS contexts."""
        return self._parts.leaf.current() if self._parts else None

    def start(self) -> None:
        """Begin to warm up, in a thread of its own: gunicorn's worker must not wait."""
        threading.Thread(target=self._run, name="replica", daemon=True).start()

    def step(self) -> bool:
        """Do what is due; False where something is still missing."""
        try:
            missing = self._missing()
        except PortcullisError as error:
            missing = str(error)
        except Exception:
            logger.exception("warming up failed")
            missing = "internal error, see the log"
        if missing is None:
            self.lifecycle.ready()
            return True
        if self.lifecycle.reason != missing:
            logger.warning("not ready", extra={"reason": missing})
        self.lifecycle.waiting(missing)
        return False

    def _ready(self) -> Deciding:
        assert self._admission is not None, "no review is answered before the replica is ready"
        return self._admission

    def _run(self) -> None:
        while True:
            time.sleep(REFRESH_SECONDS if self.step() else RETRY_SECONDS)

    def _missing(self) -> str | None:
        """Advance by what is due, and tell what is missing then."""
        if self._parts is None:
            self._parts = self._connect()
        if self._admission is None:
            self._admission = self._parts.admission()
        if self._parts.leaf.refresh() is None:
            return "waiting for the certificate authority"
        if self.lifecycle.state is State.WARMING:
            logger.info("ready")
        return None


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)
