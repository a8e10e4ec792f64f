"""The certificate authority and the serving certificates that it signs. PURE given clock and key.

The profile is what OpenSSL's `X509_V_FLAG_X509_STRICT` (the default of Python 3.13 clients) and
Go's crypto/x509 both accept: RFC 5280 with subject and authority key identifiers, critical basic
constraints and key usage. Serials are random and each authority has a key of its own: the peers'
constant serials 0 and 1 make two authorities indistinguishable to a client's cache.

Randomness: keys and serials come as arguments, so that a test may fix them; the defaults draw from
the operating system, because a key or serial that a caller could forget to randomise would be
predictable. What remains random is the ECDSA signature itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.reason import Reason

AUTHORITY_LIFETIME = timedelta(days=365)
"""Life of a CA, as cert-manager's and Kyverno's."""

LEAF_LIFETIME = timedelta(days=7)
"""Life of a serving certificate, as cert-manager's dynamic source."""

BACKDATE = timedelta(minutes=5)
"""How far validity begins in the past, so that a client whose clock lags accepts it."""

UNREADABLE = (ValueError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension)
"""What `cryptography` raises for certificates that it cannot parse: not all are ValueErrors."""

IPAddress = IPv4Address | IPv6Address


class AuthorityError(ValueError):
    """What is stored is no authority that we could sign with.

    Attributes:
        reason: one of Corrupted, KeyMismatch, NotACA.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority: the certificate and the private key that signs."""

    certificate_pem: bytes
    private_key_pem: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime
    serial: int

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate, parsed."""
        return x509.load_pem_x509_certificate(self.certificate_pem)

    @property
    def private_key(self) -> ec.EllipticCurvePrivateKey:
        """The private key, parsed."""
        return _load_key(self.private_key_pem)


@dataclass(frozen=True, slots=True)
class ServingCertificate:
    """A leaf with its key, and what it was issued for.

    `chain_pem` is what the server sends: the leaf alone, since the client holds the anchor
    (RFC 8446, section 4.4.2). `version` tells one leaf from another.
    """

    chain_pem: bytes
    key_pem: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime
    dns_names: tuple[str, ...]
    ip_addresses: tuple[IPAddress, ...]
    authority_pem: bytes
    version: str


def new_key() -> ec.EllipticCurvePrivateKey:
    """Draw a P-256 key from the operating system's randomness."""
    return ec.generate_private_key(ec.SECP256R1())


def new_authority(
    common_name: str,
    now: datetime,
    lifetime: timedelta = AUTHORITY_LIFETIME,
    key: ec.EllipticCurvePrivateKey | None = None,
    serial: int | None = None,
) -> Authority:
    """Make a self-signed authority that may sign leaves and nothing else (pathlen 0).

    Args:
        common_name: the subject, for people; at most 64 characters (RFC 5280, ub-common-name).
        now: wall clock, with a time zone.
        lifetime: from `now` to the end.
        key: signs and is certified; a fresh one by default.
        serial: positive, at most 159 bits; random by default.
    """
    key = key or new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    start, end = _seconds(now - BACKDATE), _seconds(now + lifetime)
    certificate = (
        _builder(name, key.public_key(), start, end, serial)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(_identifier_of_issuer(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _authority(certificate, _key_pem(key))


def issue_serving_certificate(
    authority: Authority,
    dns_names: Sequence[str],
    ip_addresses: Sequence[IPAddress],
    now: datetime,
    lifetime: timedelta = LEAF_LIFETIME,
    *,
    key: ec.EllipticCurvePrivateKey | None = None,
    serial: int | None = None,
) -> ServingCertificate:
    """Sign a leaf for a TLS server; it never outlives its authority, nor begins before it.

    The subject is empty and the names therefore critical (RFC 5280, section 4.1.2.6): clients
    ignore the common name (RFC 9525), and a Service's name may be longer than the 64 characters
    that fit there.

    Args:
        authority: signs.
        dns_names: for a Service `<name>.<namespace>.svc`, which is what the API server asks for.
        ip_addresses: for installations that are reached by URL.
        now: wall clock, with a time zone.
        lifetime: from `now` to the end, cut at the authority's end.
        key: the leaf's key; a fresh one by default.
        serial: positive, at most 159 bits; random by default.

    Raises:
        ValueError: no name at all, or the authority is not valid at `now`.
    """
    if not dns_names and not ip_addresses:
        raise ValueError("dns_names: Required value: a serving certificate needs a name or address")
    if not authority.not_before <= now < authority.not_after:
        raise ValueError(f"authority: Invalid value: not valid at {now:%Y-%m-%dT%H:%M:%SZ}")
    key = key or new_key()
    start = max(_seconds(now - BACKDATE), authority.not_before)
    end = min(_seconds(now + lifetime), authority.not_after)
    names = [*map(x509.DNSName, dns_names), *map(x509.IPAddress, ip_addresses)]
    certificate = (
        _builder(x509.Name([]), key.public_key(), start, end, serial)
        .issuer_name(authority.certificate.subject)
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_identifier_of_issuer(authority.private_key.public_key()), critical=False)
        .sign(authority.private_key, hashes.SHA256())
    )
    return ServingCertificate(
        chain_pem=certificate.public_bytes(serialization.Encoding.PEM),
        key_pem=_key_pem(key),
        not_before=start,
        not_after=end,
        dns_names=tuple(dns_names),
        ip_addresses=tuple(ip_addresses),
        authority_pem=authority.certificate_pem,
        version=f"{certificate.serial_number:x}",
    )


def parse_authority(certificate_pem: bytes, private_key_pem: bytes) -> Authority:
    """Read an authority back from its two PEM blocks.

    Raises:
        AuthorityError: Corrupted, NotACA or KeyMismatch; the message never quotes the key.
    """
    certificate = _load_ca_certificate(certificate_pem)
    try:
        key = _load_key(private_key_pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The cause is left out: a parser may quote its input, which here is secret.
        message = "private key: expected an unencrypted elliptic curve key in PEM"
        raise AuthorityError(Reason.CORRUPTED, message) from None
    if key.public_key() != certificate.public_key():
        message = "private key: does not belong to the certificate"
        raise AuthorityError(Reason.KEY_MISMATCH, message)
    return _authority(certificate, private_key_pem)


def _load_ca_certificate(pem: bytes) -> x509.Certificate:
    """Load exactly one CA certificate, whatever else was stored in its place."""
    try:
        certificates = x509.load_pem_x509_certificates(pem)
        certificate, is_ca = certificates[0], _is_ca(certificates[0])
    except UNREADABLE as error:
        raise AuthorityError(Reason.CORRUPTED, f"certificate: {error}") from error
    if len(certificates) > 1:
        message = f"certificate: expected one, found {len(certificates)}"
        raise AuthorityError(Reason.CORRUPTED, message)
    if not is_ca:
        raise AuthorityError(Reason.NOT_A_CA, "certificate: basic constraints do not say CA")
    try:
        # No client checks this of an anchor; it is how a flipped bit in the Secret is found.
        certificate.verify_directly_issued_by(certificate)
    except (*UNREADABLE, TypeError, InvalidSignature) as error:
        message = "certificate: not signed by its own key"
        raise AuthorityError(Reason.CORRUPTED, message) from error
    return certificate


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("expected an elliptic curve key")
    return key


def _authority(certificate: x509.Certificate, key_pem: bytes) -> Authority:
    """Gather the fields; the certificate is spelled anew, so that equal ones compare equal."""
    return Authority(
        certificate_pem=certificate.public_bytes(serialization.Encoding.PEM),
        private_key_pem=key_pem,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        serial=certificate.serial_number,
    )


def _builder(
    subject: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    start: datetime,
    end: datetime,
    serial: int | None,
) -> x509.CertificateBuilder:
    """Start a certificate with what authority and leaf have in common."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public_key)
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _identifier_of_issuer(public_key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    """Point at the issuer's key: with two CAs of one name in a bundle, only this tells which."""
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(public_key)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _seconds(moment: datetime) -> datetime:
    """X.509 times carry no fraction (RFC 5280, section 4.1.2.5)."""
    return moment.replace(microsecond=0)
