"""Client certificates for tests of mTLS: who the API server, and who somebody else, could be."""

import ssl
import tempfile
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.authority import Authority, new_key


def client_pair(
    authority: Authority,
    common_name: str = "",
    dns_names: tuple[str, ...] = (),
    *,
    ends: timedelta = timedelta(days=1),
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
) -> bytes:
    """A certificate and its key, both PEM in one."""
    key, now = new_key(), datetime.now(UTC)
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(attributes))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + ends)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    )
    if dns_names:
        names = x509.SubjectAlternativeName([x509.DNSName(name) for name in dns_names])
        builder = builder.add_extension(names, critical=not common_name)
    certificate = builder.sign(authority.private_key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def with_certificate(context: ssl.SSLContext, pair: bytes | None) -> ssl.SSLContext:
    """Have a client's context show this certificate if it is asked for one."""
    if pair is not None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(pair)
            file.flush()
            context.load_cert_chain(file.name)
    return context
