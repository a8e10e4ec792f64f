"""A replica's part: keep a leaf in memory, signed by the current authority.

The leaf's key is never stored. A replica that cannot reach the store goes on with its leaf: it is
trusted until it expires, because former authorities stay in the caBundles that long.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from certs.authority import LEAF_LIFETIME, IPAddress, ServingCertificate, issue_serving_certificate
from certs.reason import Decision
from certs.renewal import LeafInput, decide_leaf, leaf_may_be_due, may_sign
from certs.state import decode
from certs.store import CertificateStore

AUTHORITY = "the certificate authority"
FOREIGN = "a certificate authority of ours: the Secret lacks our label, so it is somebody else's"


class ServingIdentity:
    """The serving certificate of one replica; `current` is cheap, `refresh` reads the store.

    Attributes:
        lacks: what was missing at the last `refresh`; empty if nothing was.
    """

    def __init__(
        self,
        store: CertificateStore,
        dns_names: Sequence[str],
        clock: Callable[[], datetime],
        *,
        ip_addresses: Sequence[IPAddress] = (),
        lifetime: timedelta = LEAF_LIFETIME,
        on_issue: Callable[[Decision], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._dns_names = tuple(dns_names)
        self._ip_addresses = tuple(ip_addresses)
        self._clock = clock
        self._lifetime = lifetime
        self._on_issue = on_issue
        self._lock = threading.Lock()
        self._leaf: ServingCertificate | None = None
        self.lacks = AUTHORITY

    def current(self) -> ServingCertificate | None:
        """Give the leaf without looking at store or clock; None before the first one."""
        return self._leaf

    def due(self) -> bool:
        """Tell by the wall clock alone whether `refresh` may sign; asks nobody, call it often."""
        return leaf_may_be_due(self._leaf, self._clock())

    def refresh(self) -> ServingCertificate | None:
        """Sign a new leaf if there is a reason to; call it when `due`, and now and then.

        Errors of the store go to the caller; the leaf stays.

        Returns:
            What to serve; None if no leaf is valid and no authority may sign one.
        """
        with self._lock:
            # The clock is read before the store: a leaf signed by an authority that is replaced
            # meanwhile then ends no later than the rotation expects, however slow the store is.
            now = self._clock()
            self._sign_if_due(now)
            leaf = self._leaf
            return leaf if leaf and leaf.not_before <= now < leaf.not_after else None

    def _sign_if_due(self, now: datetime) -> None:
        secret = self._store.load()
        authority = decode(secret.data).current if secret and secret.owned else None
        if authority is None or not may_sign(authority, now):
            self.lacks = AUTHORITY if secret is None or secret.owned else FOREIGN
            return
        self.lacks = ""
        names, addresses = self._dns_names, self._ip_addresses
        reason = decide_leaf(LeafInput(now, self._leaf, authority, names, addresses))
        if reason is None:
            return
        leaf = issue_serving_certificate(authority, names, addresses, now, self._lifetime)
        self._leaf = leaf
        self._on_issue(reason)
