"""One worker process of the webhook: from its start to the first review, and on.

A replica without a cluster or a certificate does not crash: it waits, tells
/readyz what for, and tries again.

Ready means: the settings are read, the watches are in step, and a TLS handshake with ourselves
verifies by the caBundle of every live webhook entry. That last one is asked for strictly before the
first review. Later it is looked at when the certificate changes and every few minutes, and held
against the replica only after `DOUBT_SECONDS`: a caBundle that is wiped is wiped for all replicas,
and back within a second, whereas replicas that all leave the endpoints are back after their probes.
No repair waits for any of this: the controller writes caBundles whether or not a replica is ready.
"""

import logging
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from webhook.deadline import Deadline
from webhook.errors import PortcullisError
from webhook.model.review import AdmissionResponse, Attributes
from webhook.model.trust import Anchor
from webhook.server.endpoint import Deciding
from webhook.server.handshake import distrust
from webhook.server.lifecycle import Lifecycle, State
from webhook.server.tls import KeyPair, TlsContexts, TlsPolicy

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
LOOK_SECONDS = 5.0
"""How often a replica looks at the wall clock (a suspended machine's timers stand still) and at
files; it asks nobody for that."""
TRUST_SECONDS = 300.0
"""How often it looks whether the live caBundles verify a certificate that has not changed."""
SETTLE_SECONDS = 10.0
"""From a caBundle's write until every API server uses it (`certs.renewal.PROPAGATION`)."""
DOUBT_SECONDS = 30.0
"""How long they may fail to, before a replica that was ready leaves the endpoints."""
SYNC_SECONDS = 30.0
"""How long a starting replica waits for its watches: only advice is made from them."""


class Certificate(KeyPair, Protocol):
    """A serving certificate whose end is known."""

    @property
    def not_after(self) -> datetime:
        """When its life is over."""


class Leaf(Protocol):
    """Keeps a serving certificate; `certs.serving` and `certs.files` do."""

    @property
    def lacks(self) -> str:
        """What is missing or wrong, for people; empty if nothing is."""

    def current(self) -> Certificate | None:
        """The certificate now, None before the first."""

    def due(self) -> bool:
        """Whether a refresh may change something now; asks nobody."""

    def refresh(self) -> Certificate | None:
        """Renew it if due; None where there is none that is valid."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a replica works with, made in the worker after the fork.

    Args:
        leaf: its certificate.
        admission: decides; made once the cluster has told the time of installation.
        anchors: reads how the API server verifies us.
        loading: names what its watches have not listed yet; empty if nothing.
        expires: told when the certificate ends that is served, at each look.
    """

    leaf: Leaf
    admission: Callable[[], Deciding]
    anchors: Callable[[], Sequence[Anchor]]
    loading: Callable[[], str] = lambda: ""
    expires: Callable[[datetime], None] = lambda _end: None


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the last handshake with ourselves came to.

    Args:
        version: of the certificate.
        until: monotonic seconds of the next look.
        why: the API server would refuse it; None if it would not.
        since: monotonic seconds since when it would not.
        held: it is not served yet, for the one before is accepted.
    """

    version: str = ""
    until: float = 0.0
    why: str | None = None
    since: float | None = None
    held: bool = False


class Replica:
    """Warms up, then decides.

    Args:
        connect: makes the parts; may raise `PortcullisError`, and is then called again.
        policy: of TLS.
        refresh_seconds: after which the leaf's authority is looked at, whatever the clock says.
        clock: monotonic seconds.

    Attributes:
        lifecycle: whether it takes requests.
        contexts: of TLS, for its server.
    """

    def __init__(
        self,
        connect: Callable[[], Parts],
        policy: TlsPolicy | None = None,
        *,
        refresh_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._started = clock()
        self._parts: Parts | None = None
        self._admission: Deciding | None = None
        self._served: Certificate | None = None
        self._refresh_at = self._started
        self._verdict = _Verdict()
        self._doubted_since: float | None = None
        self._complaint = ""
        self.lifecycle = Lifecycle()
        self.contexts = TlsContexts(self, policy or TlsPolicy())

    def validate(self, attributes: Attributes, deadline: Deadline) -> AdmissionResponse:
        """Answer a validating review."""
        return self._ready().validate(attributes, deadline)

    def mutate(self, attributes: Attributes, deadline: Deadline) -> AdmissionResponse:
        """Answer a mutating review."""
        return self._ready().mutate(attributes, deadline)

    def current(self) -> KeyPair | None:
        """The serving certificate now: the source of the TLS contexts."""
        return self._served

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
        self._tell(missing or "")
        if missing:
            self.lifecycle.waiting(missing)
            return False
        if self.lifecycle.state is State.WARMING:
            logger.info("ready")
        self.lifecycle.ready()
        return True

    def _ready(self) -> Deciding:
        assert self._admission is not None, "no review is answered before the replica is ready"
        return self._admission

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS if self.step() else RETRY_SECONDS)

    def _missing(self) -> str | None:
        """Advance by what is due, and tell what is missing then."""
        if self._parts is None:
            self._parts = self._connect()
        if self._admission is None:
            self._admission = self._parts.admission()
        pair = self._refreshed(self._parts.leaf)
        if pair is None:
            self._note_doubt(missing := f"waiting for {self._parts.leaf.lacks}")
            return missing
        why = self._distrusted(self._parts, pair)
        self._note_doubt("" if self._verdict.held else why or "")
        return why or self._unsynced(self._parts)

    def _refreshed(self, leaf: Leaf) -> Certificate | None:
        """The leaf, renewed if the clock or the time since the last look says so."""
        if not leaf.due() and self._clock() < self._refresh_at:
            return leaf.current()
        pair = leaf.refresh()
        if pair is not None:
            self._refresh_at = self._clock() + self._refresh_seconds
        return pair

    def _unsynced(self, parts: Parts) -> str | None:
        if self.lifecycle.state is not State.WARMING:
            return None
        what = parts.loading()
        return what if self._clock() < self._started + SYNC_SECONDS and what else None

    def _distrusted(self, parts: Parts, pair: Certificate) -> str | None:
        """Serve a certificate; why the API server would not accept it, looked up when it is time.

        One that it accepts stays until it has accepted the next one for `SETTLE_SECONDS`: files may
        change before the caBundle does, and each API server learns of that by a watch of its own.
        """
        now, last = self._clock(), self._verdict
        if last.version == pair.version and now < last.until:
            return last.why
        anchors = parts.anchors()
        why = self._refused(pair, anchors)
        known = last.since if last.version == pair.version else None
        since = None if why else now if known is None else known
        served, until = pair, now + self._pause(why)
        if self._served and self._served.version != pair.version:
            settled = since is not None and now >= since + SETTLE_SECONDS
            if not settled and self._refused(self._served, anchors) is None:
                served = self._served
                until = until if since is None else since + SETTLE_SECONDS
        self._served = served
        self._verdict = _Verdict(pair.version, until, why, since, held=served is not pair)
        parts.expires(served.not_after)
        return why

    def _pause(self, why: str | None) -> float:
        """Seconds until the next look at the caBundles."""
        if why is None:
            return TRUST_SECONDS
        return RETRY_SECONDS if self.lifecycle.state is State.WARMING else LOOK_SECONDS

    def _refused(self, pair: KeyPair, anchors: Sequence[Anchor]) -> str | None:
        """Why a client would refuse this certificate."""
        try:
            served = self._served and self._served.version == pair.version
            context = self.contexts.context() if served else self.contexts.build(pair)
            return distrust(context, anchors)
        except ssl.SSLError as error:
            return f"the serving certificate cannot be used: {error.reason}"

    def _note_doubt(self, why: str) -> None:
        """Leave the endpoints once a doubt has lasted, return as soon as it is gone."""
        now = self._clock()
        self._doubted_since = (self._doubted_since or now) if why else None
        lasted = self._doubted_since is not None and now >= self._doubted_since + DOUBT_SECONDS
        self.lifecycle.doubt = why if lasted else ""

    def _tell(self, missing: str) -> None:
        """Log what is missing, or wrong with the next certificate, when it changes."""
        lacks = self._parts.leaf.lacks if self._parts else ""
        complaint = missing or (lacks and f"lacks {lacks}")
        if complaint and complaint != self._complaint:
            warming = self.lifecycle.state is State.WARMING
            logger.warning("not ready" if warming else "in trouble", extra={"reason": complaint})
        self._complaint = complaint


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)
