"""A serving certificate in files: a mounted Secret, or what another tool writes.

Read again and compared by content, not by time or by watching: a kubelet swaps a symbolic link,
other tools write two files one after the other, and a restored file may be older than its
predecessor. A pair that does not fit is half written, and is read again; the last good one serves.
"""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from certs.authority import UNREADABLE
from certs.bundle import MAX_BUNDLE_BYTES, BundleError, parse_bundle

CERTIFICATE_FILE = "tls.crt"
KEY_FILE = "tls.key"
AUTHORITY_FILE = "ca.crt"
"""The keys of a Secret of type kubernetes.io/tls, as cert-manager fills it."""


class FilesError(ValueError):
    """The files hold nothing that could be served; the message never quotes them."""


@dataclass(frozen=True, slots=True)
class FilePair:
    """A serving certificate as it stood in the files. `version` tells one from another."""

    chain_pem: bytes
    key_pem: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime
    version: str


class FileIdentity:
    """The serving certificate of files; `current` is cheap, `refresh` reads them.

    Attributes:
        lacks: what is wrong with the files now; empty if nothing is.
    """

    def __init__(self, directory: Path, clock: Callable[[], datetime]) -> None:
        self._directory = directory
        self._clock = clock
        self._lock = threading.Lock()
        self._pair: FilePair | None = None
        self.lacks = f"{CERTIFICATE_FILE} and {KEY_FILE} in {directory}"

    def current(self) -> FilePair | None:
        """Give the last pair that fitted; None before the first one."""
        return self._pair

    def due(self) -> bool:
        """Files tell nobody that they have changed: look each time."""
        return True

    def refresh(self) -> FilePair | None:
        """Read the files.

        Returns:
            The pair to serve; None if none has fitted yet, or it is not valid by the wall clock.
        """
        with self._lock:
            try:
                self._pair, self.lacks = read_pair(self._directory), ""
            except FilesError as error:
                self.lacks = f"a serving certificate: {error}"
            pair, now = self._pair, self._clock()
            if pair is None or pair.not_before <= now < pair.not_after:
                return pair
            life = f"{pair.not_before:%Y-%m-%dT%H:%M:%SZ} to {pair.not_after:%Y-%m-%dT%H:%M:%SZ}"
            self.lacks = f"a valid certificate in {self._directory}: this one is for {life}"
            return None


def read_pair(directory: Path) -> FilePair:
    """Read certificate and key of a directory.

    Raises:
        FilesError: one is absent, is none, or they do not belong together.
    """
    chain, key = (read_file(directory / name) for name in (CERTIFICATE_FILE, KEY_FILE))
    leaf = _leaf(chain, directory / CERTIFICATE_FILE)
    if _public_key(key, directory / KEY_FILE) != leaf.public_key():
        message = f"{directory / KEY_FILE}: does not belong to {CERTIFICATE_FILE}"
        raise FilesError(message)
    return FilePair(
        chain_pem=chain,
        key_pem=key,
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        version=hashlib.sha256(chain).hexdigest(),
    )


def read_file(path: Path) -> bytes:
    """Read a file of bounded size.

    Raises:
        FilesError: it is absent, cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise FilesError(f"{path}: {error.strerror}") from error
    if len(content) > MAX_BUNDLE_BYTES:
        raise FilesError(f"{path}: expected at most {MAX_BUNDLE_BYTES} bytes")
    return content


def _leaf(chain: bytes, path: Path) -> x509.Certificate:
    try:
        certificates = parse_bundle(chain)
    except BundleError as error:
        raise FilesError(f"{path}: {error}") from error
    if not certificates:
        raise FilesError(f"{path}: expected a certificate, found none")
    return certificates[0]


def _public_key(pem: bytes, path: Path) -> object:
    """The public half of a key, to compare; a cause that may quote the key is left out."""
    try:
        return serialization.load_pem_private_key(pem, password=None).public_key()
    except (*UNREADABLE, TypeError, UnsupportedAlgorithm):
        raise FilesError(f"{path}: expected an unencrypted private key in PEM") from None
