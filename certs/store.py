"""Where the CA's Secret is kept: the interface, and stores in memory and in a file.

The store of a cluster implements `CertificateStore` elsewhere; concurrent writers are told from
each other by the version alone, as by a resourceVersion.
"""

import base64
import fcntl
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from certs.state import OWNER, OWNER_LABEL, SECRET_NAME, StoredSecret


class AlreadyExistsError(Exception):
    """Somebody else created the Secret first: load it and decide again."""


class ConflictError(Exception):
    """The Secret was changed or deleted since it was loaded: load it and decide again."""


class CertificateStore(Protocol):
    """One Secret, with optimistic concurrency."""

    def load(self) -> StoredSecret | None:
        """Read the Secret afresh (not from a cache that may lag); None if there is none."""
        ...

    def create(self, data: Mapping[str, bytes]) -> None:
        """Create it, with our mark.

        Raises:
            AlreadyExistsError: there is one, whosever it is.
        """
        ...

    def replace(self, data: Mapping[str, bytes], version: str) -> None:
        """Replace the whole content, if it still has this version.

        Raises:
            ConflictError: it has another version, or is gone.
        """
        ...


class MemoryStore:
    """A store for one process; may be shared by threads.

    Attributes:
        secret: the content, open to tests that play a careless administrator.
    """

    def __init__(self) -> None:
        self.secret: StoredSecret | None = None
        self._lock = threading.Lock()
        self._writes = 0

    def load(self) -> StoredSecret | None:
        """Give the Secret."""
        return self.secret

    def create(self, data: Mapping[str, bytes]) -> None:
        """Create it unless it exists."""
        with self._lock:
            if self.secret is not None:
                raise AlreadyExistsError(SECRET_NAME)
            self._write(data)

    def replace(self, data: Mapping[str, bytes], version: str) -> None:
        """Replace it if its version is the given one."""
        with self._lock:
            if self.secret is None or self.secret.version != version:
                raise ConflictError(SECRET_NAME)
            self._write(data)

    def _write(self, data: Mapping[str, bytes]) -> None:
        self._writes += 1
        asked = self.secret.replace if self.secret else ""
        self.secret = StoredSecret(dict(data), version=str(self._writes), replace=asked)


@dataclass(frozen=True, slots=True)
class FileStore:
    """A Secret manifest in a JSON file, for installations outside a cluster.

    Written atomically (a new file with mode 0600, synced, renamed, its directory synced), under an
    advisory lock on `<path>.lock`, so that several processes may share it. `kubectl apply -f` reads
    the file as it is.
    """

    path: Path

    def load(self) -> StoredSecret | None:
        """Read the file; whatever is no Secret of ours is foreign, and left alone."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        version = hashlib.sha256(content).hexdigest()
        data = _parse_manifest(content)
        return StoredSecret(data or {}, version, owned=data is not None)

    def create(self, data: Mapping[str, bytes]) -> None:
        """Create the file unless it exists."""
        with self._locked():
            if self.path.exists():
                raise AlreadyExistsError(str(self.path))
            self._write(_render_manifest(data))

    def replace(self, data: Mapping[str, bytes], version: str) -> None:
        """Replace the file if its digest is the given version."""
        with self._locked():
            stored = self.load()
            if stored is None or stored.version != version:
                raise ConflictError(str(self.path))
            self._write(_render_manifest(data))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock; it goes with the descriptor, even if the process is killed."""
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, content: bytes) -> None:
        """Let the content appear whole or not at all, also after a power failure."""
        # mkstemp makes the file with mode 0600: the key is never readable by others.
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_directory(self.path.parent)


def _sync_directory(path: Path) -> None:
    """Make a rename last (fsync(2): syncing a file does not sync its directory's entry)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _render_manifest(data: Mapping[str, bytes]) -> bytes:
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET_NAME, "labels": {OWNER_LABEL: OWNER}},
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }
    return json.dumps(manifest, indent=2).encode() + b"\n"


def _parse_manifest(content: bytes) -> dict[str, bytes] | None:
    """Give the data of a Secret with our label; None if it is anything else."""
    try:
        manifest = json.loads(content)
        if manifest["metadata"]["labels"][OWNER_LABEL] != OWNER:
            return None
        return {
            key: base64.b64decode(value, validate=True) for key, value in manifest["data"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
