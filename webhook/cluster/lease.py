"""The Lease that leaders are elected by: `webhook.controller.elector.Lock`."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from webhook.cluster.client import Api, resource_path
from webhook.cluster.decoding import decode
from webhook.controller.election import LeaseRecord
from webhook.deadline import Deadline
from webhook.errors import NotFoundError
from webhook.model.objects import ObjectMeta


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: datetime | None = None
    renew_time: datetime | None = None
    lease_transitions: int | None = None


class _Lease(msgspec.Struct, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    spec: _Spec = _Spec()


_decoder = msgspec.json.Decoder(_Lease)


class LeaseLock:
    """A ``coordination.k8s.io/v1`` Lease.

    Args:
        api: may get and update this Lease, and create Leases in its namespace.
        namespace: of the Lease.
        name: of the Lease.
    """

    def __init__(self, api: Api, namespace: str, name: str) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._collection = resource_path(
            "apis", "coordination.k8s.io", "v1", "namespaces", namespace, "leases"
        )
        self._path = f"{self._collection}{resource_path(name)}"

    def read(self, deadline: Deadline) -> LeaseRecord | None:
        """The Lease as it is now, None where there is none."""
        try:
            return _record(self._api.get(self._path, deadline))
        except NotFoundError:
            return None

    def write(self, record: LeaseRecord, deadline: Deadline) -> LeaseRecord:
        """Create or replace the Lease, if it is still of the record's version.

        Raises:
            ConflictError, AlreadyExistsError: another was faster.
            NotFoundError: it was deleted meanwhile.
        """
        body = self._manifest(record)
        if record.version:
            return _record(self._api.replace(self._path, body, deadline))
        return _record(self._api.create(self._collection, body, deadline))

    def _manifest(self, record: LeaseRecord) -> dict[str, Any]:
        metadata = {"name": self._name, "namespace": self._namespace}
        if record.version:
            metadata["resourceVersion"] = record.version
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": record.holder,
                "leaseDurationSeconds": record.duration,
                "acquireTime": _micro_time(record.acquired),
                "renewTime": _micro_time(record.renewed),
                "leaseTransitions": record.transitions,
            },
        }


def _record(raw: bytes) -> LeaseRecord:
    lease = decode(_decoder, raw)
    spec = lease.spec
    return LeaseRecord(
        holder=spec.holder_identity or "",
        duration=spec.lease_duration_seconds or 0,
        acquired=spec.acquire_time,
        renewed=spec.renew_time,
        transitions=spec.lease_transitions or 0,
        version=lease.metadata.resource_version,
    )


def _micro_time(moment: datetime | None) -> str | None:
    """``metav1.MicroTime``: RFC 3339, UTC, six digits."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None
