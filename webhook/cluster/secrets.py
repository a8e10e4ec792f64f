"""The CA's Secret in the cluster: `certs.store.CertificateStore`."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from certs.state import OWNER, OWNER_LABEL, REPLACE_ANNOTATION, StoredSecret
from certs.store import AlreadyExistsError, ConflictError
from webhook import errors
from webhook.cluster.client import METADATA, Api, resource_path
from webhook.cluster.decoding import decode
from webhook.cluster.release import MANAGER
from webhook.deadline import Deadline
from webhook.model.namespace import MANAGED_BY, MANAGED_BY_LABEL
from webhook.model.objects import ObjectMeta, PartialObject, StringMap

CALL_SECONDS = 10.0


class _Secret(msgspec.Struct, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    data: StringMap | None = None


_decoder = msgspec.json.Decoder(_Secret)
_object = msgspec.json.Decoder(PartialObject)


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
        metadata = secret.metadata
        return StoredSecret(
            _plain(secret.data or {}),
            metadata.resource_version,
            owned=metadata.label_map.get(OWNER_LABEL) == OWNER,
            replace=metadata.annotation_map.get(REPLACE_ANNOTATION, ""),
        )

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

    def ask_for_another(self, serial: str) -> None:
        """Ask the leader for another authority in the place of this one, as the caller.

        An annotation (`REPLACE_ANNOTATION`) by server-side apply; the uid keeps it from making a
        Secret where there is none.

        Args:
            serial: of the authority to be replaced, hex.

        Raises:
            NotFoundError: there is no Secret.
            ClusterError: the API server was asked in vain, or refused.
        """
        raw = self._api.get(self._path, _deadline(), accept=METADATA)
        metadata = {
            "name": self._name,
            "uid": decode(_object, raw).metadata.uid,
            "annotations": {REPLACE_ANNOTATION: serial},
        }
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
        self._api.apply(self._path, body, _deadline(), manager=MANAGER)


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
