"""What the CA's Secret holds, and how it changes through a rotation. PURE.

```
            issued                announced everywhere            no leaf of it alive
 current ──────────► current, next ──────────────────► current(next), previous ─────────► current
```

The first CA takes the same way, from an empty state: it is `next` until it is in every caBundle.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs.authority import Authority, AuthorityError, parse_authority
from certs.bundle import BundleError, parse_bundle, salvage, unexpired
from certs.reason import Reason

SECRET_NAME = "portcullis-ca"  # noqa: S105  (the name of an object, not a password)
OWNER_LABEL = "portcullis.dev/managed-by"
OWNER = "portcullis"
"""A Secret without this label is somebody else's, and is never written to."""

REPLACE_ANNOTATION = "portcullis.dev/replace-ca"
"""The serial, in hex, of an authority that shall be replaced though it is good.

A level, not an edge: once another authority signs, the annotation names none that is left. So it is
never cleared, and asking twice replaces once."""

CURRENT_CERTIFICATE = "ca.crt"
CURRENT_KEY = "ca.key"
NEXT_CERTIFICATE = "next.crt"
NEXT_KEY = "next.key"
PREVIOUS_CERTIFICATES = "previous.crt"
"""A bundle of former CAs, which caBundles keep while their leaves may be alive. No keys."""
PREVIOUS_UNTIL = "previous.until"
"""When the former CAs leave the caBundles, RFC 3339."""

MAX_PREVIOUS = 32
"""A bound on former CAs, should something delete the Secret again and again: the newest stay.

Replicas sign anew within `certificates.refreshPeriod`, so none of those that go has a leaf that is
served by a replica which reaches the API server."""

CLOCK_SKEW = timedelta(hours=1)
"""By how much two replicas' clocks may differ before a former CA is dropped too early."""


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A Secret as read from a store.

    Attributes:
        data: content by key, decoded from base64.
        version: opaque, changes with every write (a resourceVersion, a digest).
        owned: it carries our mark (`OWNER_LABEL`).
        replace: serial of the authority that somebody wants replaced (`REPLACE_ANNOTATION`).
    """

    data: Mapping[str, bytes] = field(repr=False)
    version: str
    owned: bool = True
    replace: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one key of the Secret."""

    key: str
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class AuthorityState:
    """The authorities of an installation.

    Attributes:
        current: signs leaves.
        upcoming: the `next` authority: is announced in caBundles, signs nothing yet.
        previous: certificates of former authorities; their leaves may be alive.
        previous_until: when no leaf of them can be alive; None if unknown, they then stay until
            they expire.
        faults: what could not be read; it is lost with the next write.
    """

    current: Authority | None = None
    upcoming: Authority | None = None
    previous: tuple[x509.Certificate, ...] = ()
    previous_until: datetime | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def authorities(self) -> tuple[Authority, ...]:
        """Those whose keys are here, the signing one first."""
        return tuple(a for a in (self.current, self.upcoming) if a is not None)

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        """All that a caBundle must trust, the signing one first."""
        return (*(authority.certificate for authority in self.authorities), *self.previous)

    def fault(self, key: str) -> Fault | None:
        """Give what is wrong with this key, if anything."""
        return next((fault for fault in self.faults if fault.key == key), None)


def adopted(state: AuthorityState, published: Iterable[bytes], now: datetime) -> AuthorityState:
    """Recover authorities from the live caBundles when the Secret lost the current or former ones.

    A Secret that was deleted or damaged takes no leaf with it: replicas go on with theirs, signed
    by an authority that only the caBundles still know. It is kept until no such leaf is alive.
    """
    if state.current is not None and state.fault(PREVIOUS_CERTIFICATES) is None:
        return state
    known = state.certificates
    live = unexpired((c for bundle in published for c in salvage(bundle)), now)
    lost = dict.fromkeys(certificate for certificate in live if certificate not in known)
    return replace(state, previous=(*state.previous, *lost)[:MAX_PREVIOUS])


def issued(state: AuthorityState, authority: Authority) -> AuthorityState:
    """Put a new authority next in line; a former `next` signed nothing and is forgotten."""
    return replace(state, upcoming=authority)


def promoted(state: AuthorityState, now: datetime, leaf_lifetime: timedelta) -> AuthorityState:
    """Let the next authority sign; the former one stays trusted until its last leaf has expired."""
    former = (state.current.certificate,) if state.current else ()
    previous = unexpired((*former, *state.previous), now)[:MAX_PREVIOUS]
    until = now + leaf_lifetime + CLOCK_SKEW if previous else None
    return AuthorityState(current=state.upcoming, previous=previous, previous_until=until)


def retired(state: AuthorityState, now: datetime) -> AuthorityState:
    """Drop the former authorities of which no leaf can be alive.

    Nothing is dropped while there is no current authority: the recovered ones have no date yet.
    """
    if state.current is None:
        return state
    over = state.previous_until is not None and now >= state.previous_until
    previous = () if over else unexpired(state.previous, now)
    return replace(
        state, previous=previous, previous_until=state.previous_until if previous else None
    )


def encode(state: AuthorityState) -> dict[str, bytes]:
    """Write the state as Secret data; faults are not written."""
    data: dict[str, bytes] = {}
    if state.current:
        data[CURRENT_CERTIFICATE] = state.current.certificate_pem
        data[CURRENT_KEY] = state.current.private_key_pem
    if state.upcoming:
        data[NEXT_CERTIFICATE] = state.upcoming.certificate_pem
        data[NEXT_KEY] = state.upcoming.private_key_pem
    if state.previous:
        pem = (c.public_bytes(serialization.Encoding.PEM) for c in state.previous)
        data[PREVIOUS_CERTIFICATES] = b"".join(pem)
    if state.previous_until:
        data[PREVIOUS_UNTIL] = state.previous_until.isoformat().encode()
    return data


def decode(data: Mapping[str, bytes]) -> AuthorityState:
    """Read Secret data; never raises: each part that cannot be read is absent and told in faults.

    One damaged part must not cost the others: with a bad `next.key` the current CA goes on.
    """
    current = _decode_authority(data, CURRENT_CERTIFICATE, CURRENT_KEY)
    upcoming = _decode_authority(data, NEXT_CERTIFICATE, NEXT_KEY)
    previous = _decode_previous(data)
    until = _decode_until(data)
    parts = (current, upcoming, previous, until)
    return AuthorityState(
        current=current if isinstance(current, Authority) else None,
        upcoming=upcoming if isinstance(upcoming, Authority) else None,
        previous=previous if isinstance(previous, tuple) else (),
        previous_until=until if isinstance(until, datetime) else None,
        faults=tuple(part for part in parts if isinstance(part, Fault)),
    )


def _decode_authority(
    data: Mapping[str, bytes], certificate_key: str, private_key: str
) -> Authority | Fault | None:
    """Read one authority; a fault stands under the certificate's key."""
    if not data.get(certificate_key) and not data.get(private_key):
        return None
    try:
        return parse_authority(data.get(certificate_key, b""), data.get(private_key, b""))
    except AuthorityError as error:
        return Fault(certificate_key, error.reason, str(error))


def _decode_previous(data: Mapping[str, bytes]) -> tuple[x509.Certificate, ...] | Fault:
    try:
        return parse_bundle(data.get(PREVIOUS_CERTIFICATES, b""))
    except BundleError as error:
        return Fault(PREVIOUS_CERTIFICATES, Reason.CORRUPTED, str(error))


def _decode_until(data: Mapping[str, bytes]) -> datetime | Fault | None:
    """Read the date; one without a time zone could not be compared with the clock."""
    text = data.get(PREVIOUS_UNTIL, b"")
    if not text:
        return None
    try:
        until = datetime.fromisoformat(text.decode())
    except ValueError:
        until = None
    if until is None or until.tzinfo is None:
        message = "expected an RFC 3339 time with a zone"
        return Fault(PREVIOUS_UNTIL, Reason.CORRUPTED, message)
    return until
