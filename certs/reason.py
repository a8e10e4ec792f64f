"""Why a certificate is issued, published, promoted, dropped or refused.

The words go into logs, Events and `portcullis certs show`, as cert-manager's reasons do
(internal/controller/certificates/policies/constants.go): CamelCase, stable, one meaning each.
"""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """A stable word for the first thing found that asks for an action."""

    # The Secret, or one authority in it.
    MISSING = "Missing"
    """There is no Secret, no authority in it, or no leaf yet."""
    CORRUPTED = "Corrupted"
    """What is stored cannot be parsed."""
    KEY_MISMATCH = "KeyMismatch"
    """The private key is not the one of the certificate."""
    NOT_A_CA = "NotACA"
    """The certificate may not sign others."""
    FOREIGN = "Foreign"
    """The Secret lacks our mark: somebody else's, never overwritten."""
    EXPIRED = "Expired"
    """The certificate's life is over."""
    NOT_YET_VALID = "NotYetValid"
    """The certificate's life has not begun: the clock was set back since it was issued."""
    RENEWAL_DUE = "RenewalDue"
    """Two thirds of the certificate's life are over."""

    ASKED = "Asked"
    """Somebody asked for another authority in the place of this one."""

    # The steps of a rotation.
    BUNDLE_INCOMPLETE = "BundleIncomplete"
    """A live caBundle lacks an authority that it must trust."""
    BUNDLE_CORRUPTED = "BundleCorrupted"
    """A live caBundle cannot be parsed."""
    BUNDLE_EXCESSIVE = "BundleExcessive"
    """A live caBundle trusts an authority that it need not trust."""
    ANNOUNCED = "Announced"
    """The next authority is in every caBundle and every API server has seen it."""
    RETIRED = "Retired"
    """No leaf of a former authority can be alive."""

    # The leaf.
    NAMES_CHANGED = "NamesChanged"
    """The leaf was issued for other names."""
    AUTHORITY_CHANGED = "AuthorityChanged"
    """The leaf was signed by another authority than the current one."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a chain of checks found first: a reason, and a message of consequence and cause."""

    reason: Reason
    message: str
