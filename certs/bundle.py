"""Bundles of CA certificates in PEM, as they stand in a caBundle. PURE.

The API server takes any text for a caBundle and skips what it does not understand
(client-go util/cert `ParseCertsPEM`). We are strict: whatever is no certificate is named with its
line, above all a private key that slipped into a field which everybody may read.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs.authority import UNREADABLE, Authority

MAX_BUNDLE_BYTES = 256 * 1024
"""A bound on parsing work (GHSA-r4pg-vg54-wxx4); a certificate of ours has some 700 bytes."""

_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"
_HEADER = re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}-----")
"""Of RFC 7468; a pasted key may have its line ends as backslash and n, all of it in one line."""


class BundleError(ValueError):
    """A bundle holds something that is no certificate; the message names the line."""


def parse_bundle(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Parse PEM certificates; blank lines and lines starting with `#` may stand between them.

    Raises:
        BundleError: anything else was found, with its line.
    """
    if len(pem) > MAX_BUNDLE_BYTES:
        raise BundleError(f"expected at most {MAX_BUNDLE_BYTES} bytes, found {len(pem)}")
    return tuple(_load(line, block) for line, block in _blocks(pem.decode("utf-8", "replace")))


def normalise(certificates: Iterable[x509.Certificate], now: datetime) -> bytes:
    """Write a bundle: each certificate once, in order of first mention, the expired left out."""
    live = dict.fromkeys(unexpired(certificates, now))
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in live)


def unexpired(
    certificates: Iterable[x509.Certificate], now: datetime
) -> tuple[x509.Certificate, ...]:
    """Keep the certificates whose life is not over."""
    return tuple(c for c in certificates if now < c.not_valid_after_utc)


def covers(bundle_pem: bytes, authority: Authority) -> bool:
    """Tell whether a client that trusts this bundle accepts leaves of this authority.

    A bundle that cannot be parsed covers nothing.
    """
    return authority.certificate in salvage(bundle_pem)


def salvage(bundle_pem: bytes) -> tuple[x509.Certificate, ...]:
    """Parse a bundle that others may have damaged: all of it or, if it cannot be read, nothing."""
    try:
        return parse_bundle(bundle_pem)
    except BundleError:
        return ()


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Cut the text into certificate blocks, each with its first line's number."""
    start, block = 0, list[str]()
    for number, line in enumerate(map(str.strip, text.split("\n")), start=1):
        if block:
            block.append(line)
            if line == _END:
                yield start, "\n".join(block)
                block = []
        elif line == _BEGIN:
            start, block = number, [line]
        elif line and not line.startswith("#"):
            raise BundleError(f"line {number}: expected {_BEGIN!r}, found {_describe(line)}")
    if block:
        raise BundleError(f"line {start}: certificate has no {_END!r}")


def _describe(line: str) -> str:
    """Quote a PEM header only: whatever follows it, or any other text, might be a private key."""
    header = _HEADER.match(line)
    return repr(header.group()) if header else "text"


def _load(line: int, block: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(block.encode())
    except UNREADABLE as error:
        raise BundleError(f"line {line}: no valid certificate: {error}") from error
