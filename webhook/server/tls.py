"""TLS of the webhook's server: one `ssl.SSLContext` for each certificate, swapped while serving.

gunicorn asks its `ssl_context` hook for every connection, so `TlsContexts.context` costs two
attribute reads and a comparison until the certificate changes. Connections that are open keep the
context they were made with.

Python's `ssl` loads certificates from files only; the key is therefore lent to it through an
anonymous file in memory (memfd_create(2)) and never reaches a disk.
"""

import logging
import os
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_LOG = logging.getLogger(__name__)

TLS12_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""AEAD with forward secrecy only (RFC 9325, section 4.2); TLS 1.3 has no others."""


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """What is spoken, and what is asked of clients.

    Attributes:
        minimum_version: lower ones are refused.
        client_ca: CAs in PEM that client certificates are verified by; empty asks for none.
    """

    minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    client_ca: str = ""


class NoCertificateError(Exception):
    """There is nothing to serve with yet; the connection cannot be accepted."""


class KeyPair(Protocol):
    """A serving certificate in PEM; `version` differs for different certificates."""

    @property
    def chain_pem(self) -> bytes:
        """The leaf and any intermediates."""
        ...

    @property
    def key_pem(self) -> bytes:
        """The leaf's private key, unencrypted."""
        ...

    @property
    def version(self) -> str:
        """An identity, cheap to compare."""
        ...


class CertificateSource(Protocol):
    """Where the server's certificate comes from: signed in memory, or watched files."""

    def current(self) -> KeyPair | None:
        """Give the certificate to serve now; must be cheap, and None only before the first."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry:
    """The context that answers for a version of the certificate."""

    version: str
    context: ssl.SSLContext


class TlsContexts:
    """Contexts by certificate, safe to use from any thread."""

    def __init__(self, source: CertificateSource, policy: TlsPolicy = TlsPolicy()) -> None:
        self._source = source
        self._policy = policy
        self._lock = threading.Lock()
        self._entry: _Entry | None = None

    def context(self) -> ssl.SSLContext:
        """Give the context for the current certificate.

        Raises:
            NoCertificateError: there is no certificate yet.
            ssl.SSLError: the first certificate cannot be used, say as its key is another's.
        """
        pair, entry = self._source.current(), self._entry
        if pair is None:
            raise NoCertificateError("no serving certificate has been issued yet")
        if entry is not None and entry.version == pair.version:
            return entry.context
        return self._swap()

    def build(self, pair: KeyPair) -> ssl.SSLContext:
        """Make a context for a certificate that is not served yet.

        Raises:
            ssl.SSLError: the certificate cannot be used.
        """
        return build_context(pair, self._policy)

    def _swap(self) -> ssl.SSLContext:
        """Build the new certificate's context, once however many connections wait for it."""
        with self._lock:
            pair, entry = self._source.current(), self._entry
            if pair is None:
                raise NoCertificateError("no serving certificate has been issued yet")
            if entry is None or entry.version != pair.version:
                entry = self._entry = _Entry(pair.version, self._build_or_keep(pair, entry))
            return entry.context

    def _build_or_keep(self, pair: KeyPair, former: _Entry | None) -> ssl.SSLContext:
        """Build a context; if the pair is unusable go on with the former one, and say so once.

        Files may be read between the write of the certificate and that of the key: a new version
        follows and is tried then.
        """
        try:
            return self.build(pair)
        except ssl.SSLError:
            if former is None:
                raise
            _LOG.exception("serving certificate %s is unusable, keeping the last", pair.version)
            return former.context


def build_context(pair: KeyPair, policy: TlsPolicy = TlsPolicy()) -> ssl.SSLContext:
    """Make a server's context: AEAD suites, HTTP/1.1, no compression, no renegotiation.

    Only HTTP/1.1 is offered by ALPN, which is all that the API server speaks to a Service
    (kubernetes#75791). Session tickets stay on: a resumed handshake saves it a signature. Where
    client certificates are asked for they are off, so that each connection proves its key again.

    Raises:
        ssl.SSLError: chain and key cannot be loaded, or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = policy.minimum_version
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(TLS12_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    if policy.client_ca:
        _ask_for_certificates(context, policy.client_ca)
    with _lent_as_file(pair.key_pem + b"\n" + pair.chain_pem) as path:
        # Without a password OpenSSL would ask for one on the terminal if the key is encrypted.
        context.load_cert_chain(path, password="")
    return context


def _ask_for_certificates(context: ssl.SSLContext, client_ca: str) -> None:
    """Verify a client's certificate if it shows one; who must is `webhook.server.callers`'s."""
    context.load_verify_locations(cadata=client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0


@contextmanager
def _lent_as_file(content: bytes) -> Iterator[str]:
    """Give a path under which the content can be read during the `with`, in memory if possible."""
    descriptor, path = _open_in_memory() or _open_on_disk()
    try:
        _write_all(descriptor, content)
        yield path
    finally:
        os.close(descriptor)
        if not path.startswith("/proc/"):
            Path(path).unlink()


def _open_in_memory() -> tuple[int, str] | None:
    """Open an anonymous file; None where the system has none, or does not show it in /proc."""
    try:
        descriptor = os.memfd_create("serving-certificate", os.MFD_CLOEXEC)
    except (AttributeError, OSError):
        return None
    path = f"/proc/self/fd/{descriptor}"
    if os.access(path, os.R_OK):
        return descriptor, path
    os.close(descriptor)
    return None


def _open_on_disk() -> tuple[int, str]:
    """Open a temporary file; mkstemp makes it with mode 0600."""
    return tempfile.mkstemp(prefix="serving-certificate.")


def _write_all(descriptor: int, content: bytes) -> None:
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(content)
