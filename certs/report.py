"""What people are told of the certificates: authorities, caBundles, a rotation's progress. PURE.

Nothing here holds or returns a key.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from certs.bundle import salvage, unexpired
from certs.reason import Decision, Reason
from certs.renewal import compare_bundle, renewal_time
from certs.state import AuthorityState


class Standing(StrEnum):
    """What an authority is there for."""

    CURRENT = "current"
    """Signs."""
    UPCOMING = "upcoming"
    """Is announced, signs nothing yet."""
    PREVIOUS = "previous"
    """Signed; its leaves may be alive."""
    TRUSTED = "trusted"
    """Stands in a caBundle; no more is known here."""


@dataclass(frozen=True, slots=True)
class AuthorityReport:
    """One authority.

    Attributes:
        serial: hex.
        fingerprint: SHA-256 of the certificate, hex.
        renewal_due: when a successor is issued; None for one that has or needs none of ours.
    """

    standing: Standing
    subject: str
    serial: str
    fingerprint: str
    not_before: datetime
    not_after: datetime
    renewal_due: datetime | None


class Progress(StrEnum):
    """How far an asked replacement has come."""

    ASKED = "asked"
    ISSUED = "issued"
    ANNOUNCED = "announced"
    DONE = "done"


def serial_of(certificate: x509.Certificate) -> str:
    """Give the serial as `REPLACE_ANNOTATION` and the reports spell it."""
    return f"{certificate.serial_number:x}"


def authorities(state: AuthorityState, published: Iterable[bytes]) -> tuple[AuthorityReport, ...]:
    """Tell of every authority that the Secret or a caBundle knows.

    Args:
        state: of the Secret; empty where it may not be read.
        published: the live caBundles.
    """
    standing = dict.fromkeys((c for pem in published for c in salvage(pem)), Standing.TRUSTED)
    standing |= dict.fromkeys(state.previous, Standing.PREVIOUS)
    if state.upcoming:
        standing[state.upcoming.certificate] = Standing.UPCOMING
    if state.current:
        standing[state.current.certificate] = Standing.CURRENT
    rank = list(Standing)
    found = sorted(standing.items(), key=lambda it: (rank.index(it[1]), it[0].not_valid_before_utc))
    return tuple(_authority(certificate, its) for certificate, its in found)


def _authority(certificate: x509.Certificate, standing: Standing) -> AuthorityReport:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return AuthorityReport(
        standing=standing,
        subject=certificate.subject.rfc4514_string(),
        serial=serial_of(certificate),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        not_before=start,
        not_after=end,
        renewal_due=renewal_time(start, end) if standing is Standing.CURRENT else None,
    )


def expected(
    state: AuthorityState, published: Sequence[bytes], now: datetime
) -> frozenset[x509.Certificate]:
    """Give what each caBundle should hold; without a Secret, what any of them holds."""
    known = state.certificates or (c for pem in published for c in salvage(pem))
    return frozenset(unexpired(known, now))


def bundle_fault(bundle: bytes, wanted: frozenset[x509.Certificate]) -> Decision | None:
    """Say what is wrong with one live caBundle; None if it is complete. An empty one never is."""
    fault = compare_bundle(bundle, wanted, "caBundle")
    if fault is None and not wanted:
        # It has all that is expected, for nothing is: no Secret and no other bundle tells.
        return Decision(Reason.BUNDLE_INCOMPLETE, "caBundle: holds no authority")
    return fault


def progress(serial: str, state: AuthorityState, published: Iterable[bytes]) -> Progress:
    """Tell how far the replacement of an authority has come.

    Args:
        serial: of the one to be replaced, hex.
        state: of the Secret now.
        published: the live caBundles.
    """
    if state.current and serial_of(state.current.certificate) != serial:
        return Progress.DONE
    if state.upcoming is None:
        return Progress.ASKED
    successor = state.upcoming.certificate
    everywhere = all(successor in salvage(bundle) for bundle in published)
    return Progress.ANNOUNCED if everywhere else Progress.ISSUED
