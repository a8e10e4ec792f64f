"""A Lease on an API server that can be away."""

from dataclasses import replace

from webhook.controller.election import LeaseRecord
from webhook.deadline import Deadline
from webhook.errors import AlreadyExistsError, ConflictError, NotFoundError, UnavailableError


class FakeLock:
    """`webhook.controller.elector.Lock` in memory.

    Attributes:
        record: the Lease as it stands.
        away: every call raises UnavailableError.
    """

    def __init__(self) -> None:
        self.record: LeaseRecord | None = None
        self.writes = 0
        self.away = False

    def read(self, deadline: Deadline) -> LeaseRecord | None:
        """Read, or raise if away."""
        self._reach()
        return self.record

    def write(self, record: LeaseRecord, deadline: Deadline) -> LeaseRecord:
        """Create or replace, checking the version as the API server does."""
        self._reach()
        if self.record is None and record.version:
            raise NotFoundError("gone")
        if self.record is not None and not record.version:
            raise AlreadyExistsError("exists")
        if self.record is not None and record.version != self.record.version:
            raise ConflictError("changed")
        self.writes += 1
        self.record = replace(record, version=str(self.writes))
        return self.record

    def _reach(self) -> None:
        if self.away:
            raise UnavailableError("away")
