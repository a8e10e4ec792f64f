"""The CA's Secret in the cluster: `certs.store.CertificateStore`."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from certs.state import OWNER, OWNER_LABEL, StoredSecret
from certs.store import AlreadyExistsError, ConflictError
from webhook import errors
from webhook.cluster.client import Api, resource_path
from webhook.cluster.decoding import decode
from webhook.deadline import Deadline
from webhook.model.namespace import MANAGED_BY, MANAGED_BY_LABEL
from webhook.model.objects import ObjectMeta, StringMap

CALL_SECONDS = 10.0


class _Secret(msgspec.Struct, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    data: StringMap | None = None


_decoder = msgspec.json.Decoder(_Secret)


class SecretStore:
    """One Secret; its resourceVersion is the version.

    Args:
        api: may get and patch this Secret, and create Secrets in its namespace.
        namespace: of the Secret.
        name: of the Secret.
    """

    def __init__(self, api: Api, namespace: str, name: str) -> None:
        self._api = api
        self._name = name
        self._collection = resource_path("api", "v1", "namespaces", namespace, "secrets")
        self._path = f"{self._collection}{resource_path(name)}"

    def load(self) -> StoredSecret | None:
        """Read the Secret afresh.

        Raises:
            ClusterError: the API server was asked in vain.
        """
        try:
            raw = self._api.get(self._path, _deadline())
        except errors.NotFoundError:
            return None
        secret = decode(_decoder, raw)
        owned = secret.metadata.label_map.get(OWNER_LABEL) == OWNER
        return StoredSecret(_plain(secret.data or {}), secret.metadata.resource_version, owned)

    def create(self, data: Mapping[str, bytes]) -> None:
        """Create it, with our mark.

        Raises:
            AlreadyExistsError: there is one, whosever it is.
            ClusterError: the API server was asked in vain.
        """
        labels = {OWNER_LABEL: OWNER, MANAGED_BY_LABEL: MANAGED_BY}
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {"name": self._name, "labels": labels},
            "data": _encoded(data),
        }
        try:
            self._api.create(self._collection, body, _deadline())
        except errors.AlreadyExistsError as error:
            raise AlreadyExistsError(str(error)) from error

    def replace(self, data: Mapping[str, bytes], version: str) -> None:
        """Replace the whole content, if it still has this version; metadata stays as it is.

        A JSON patch that sets the resourceVersion is checked as an update's is
        (k8s.io/apiserver/pkg/endpoints/handlers/patch.go), and spares labels that others set.

        Raises:
            ConflictError: it has another version, or is gone.
            ClusterError: the API server was asked in vain.
        """
        operations: list[Mapping[str, Any]] = [
            {"op": "add", "path": "/metadata/resourceVersion", "value": version},
            {"op": "add", "path": "/data", "value": _encoded(data)},
        ]
        try:
            self._api.patch(self._path, operations, _deadline())
        except (errors.ConflictError, errors.NotFoundError) as error:
            raise ConflictError(str(error)) from error


def _deadline() -> Deadline:
    return Deadline.after(CALL_SECONDS)


def _encoded(data: Mapping[str, bytes]) -> StringMap:
    return {key: base64.b64encode(value).decode("ascii") for key, value in data.items()}


def _plain(data: StringMap) -> dict[str, bytes]:
    """Decode the values; the message of a fault must not quote them."""
    try:
        return {key: base64.b64decode(value, validate=True) for key, value in data.items()}
    except (binascii.Error, ValueError):
        raise errors.UnavailableError("the Secret's data cannot be read: not base64") from None
