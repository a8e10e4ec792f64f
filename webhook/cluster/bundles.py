"""The caBundles of our webhook configurations: `certs.rotation.BundlePublisher`."""

import base64
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from webhook.cluster.client import Api, resource_path
from webhook.cluster.decoding import decode
from webhook.deadline import Deadline
from webhook.errors import NotFoundError, RefusedError
from webhook.model.policies import ManagedMeta
from webhook.model.trust import Anchor

logger = logging.getLogger(__name__)

FIELD_MANAGER = "portcullis-ca"
"""Under which the caBundles are applied, and which then gives up owning them.

Helm and GitOps tools leave alone what they do not set, owned or not. An owner would keep half an
entry alive, name and caBundle, when they take the entry away: the API server refuses such a rest,
and with it the rollback of an upgrade that brought an entry.
"""

INJECTOR = "cert-manager-cainjector"
"""The field manager of cert-manager's cainjector, such an owner where it has written caBundles."""

INJECTS = "cert-manager.io/inject-"
"""Annotations by which it does."""

API_VERSION = "admissionregistration.k8s.io/v1"
KINDS = {
    "validatingwebhookconfigurations": "ValidatingWebhookConfiguration",
    "mutatingwebhookconfigurations": "MutatingWebhookConfiguration",
}
CALL_SECONDS = 10.0


class _Service(msgspec.Struct, frozen=True):
    name: str
    namespace: str


class _ClientConfig(msgspec.Struct, frozen=True):
    ca_bundle: str | None = msgspec.field(name="caBundle", default=None)
    service: _Service | None = None
    url: str | None = None

    @property
    def server_name(self) -> str:
        """The name that the API server asks for.

        Source: k8s.io/apiserver/pkg/util/webhook/client.go, hookClientConfig.
        """
        if self.service is not None:
            return f"{self.service.name}.{self.service.namespace}.svc"
        return urlsplit(self.url or "").hostname or ""

    @property
    def bundle(self) -> bytes:
        """The caBundle; an unset one is empty."""
        return base64.b64decode(self.ca_bundle or "")


class _Webhook(msgspec.Struct, frozen=True):
    name: str
    client_config: _ClientConfig = msgspec.field(name="clientConfig", default=_ClientConfig())


class _Configuration(msgspec.Struct, frozen=True):
    metadata: ManagedMeta = ManagedMeta()
    webhooks: list[_Webhook] | None = None

    @property
    def entries(self) -> Sequence[_Webhook]:
        return self.webhooks or ()

    @property
    def anchors(self) -> Sequence[Anchor]:
        return [
            Anchor(entry.name, entry.client_config.server_name, entry.client_config.bundle)
            for entry in self.entries
        ]


_decoder = msgspec.json.Decoder(_Configuration)


class WebhookBundles:
    """The validating and the mutating configuration of one name, as far as they exist.

    Args:
        api: may get and patch the two.
        name: of both.
    """

    def __init__(self, api: Api, name: str) -> None:
        self._api = api
        self._name = name

    def published(self) -> Sequence[bytes]:
        """Read the live bundle of every webhook entry; an unset one is empty."""
        return tuple(anchor.bundle_pem for anchor in self.anchors())

    def anchors(self) -> Sequence[Anchor]:
        """Read how the API server verifies us, entry by entry; none if nothing is registered."""
        return tuple(anchor for found in self.configurations().values() for anchor in found)

    def configurations(self) -> Mapping[str, Sequence[Anchor]]:
        """Read the same by kind of configuration; one that is not there is left out."""
        found = {kind: self._read(resource) for resource, kind in KINDS.items()}
        return {kind: it.anchors for kind, it in found.items() if it is not None}

    def publish(self, bundle_pem: bytes) -> None:
        """Write this bundle into every entry that lacks it.

        Raises:
            ClusterError: one could not be written; the others may have been.
        """
        bundle = base64.b64encode(bundle_pem).decode("ascii")
        for resource in KINDS:
            configuration = self._read(resource)
            if configuration and any(
                entry.client_config.ca_bundle != bundle for entry in configuration.entries
            ):
                self._write(resource, configuration, bundle)

    def disown(self) -> None:
        """Take our field manager off both configurations; the caBundles stay.

        And cainjector's where it has nothing to write any more (certificates.mode was another
        one): it does not do so itself, and what it leaves is the name of each entry.

        Raises:
            ClusterError: a configuration could not be read or patched.
        """
        for resource in KINDS:
            configuration = self._read(resource)
            if configuration is not None:
                self._disown(resource, configuration.metadata)

    def _read(self, resource: str) -> _Configuration | None:
        try:
            raw = self._api.get(self._path(resource), Deadline.after(CALL_SECONDS))
        except NotFoundError:
            return None
        return decode(_decoder, raw)

    def _write(self, resource: str, configuration: _Configuration, bundle: str) -> None:
        """Apply to the entries that stand there; the uid keeps apply from making a new object."""
        webhooks = [
            {"name": entry.name, "clientConfig": {"caBundle": bundle}}
            for entry in configuration.entries
        ]
        body: dict[str, Any] = {
            "apiVersion": API_VERSION,
            "kind": KINDS[resource],
            "metadata": {"name": self._name, "uid": configuration.metadata.uid},
            "webhooks": webhooks,
        }
        deadline = Deadline.after(CALL_SECONDS)
        self._api.apply(self._path(resource), body, deadline, manager=FIELD_MANAGER)

    def _disown(self, resource: str, metadata: ManagedMeta) -> None:
        """From the end, so that the places before it hold."""
        injected = any(key.startswith(INJECTS) for key in metadata.annotations or ())
        leaving = {FIELD_MANAGER} if injected else {FIELD_MANAGER, INJECTOR}
        operations = [
            operation
            for place, fields in reversed(list(enumerate(metadata.managed_fields or ())))
            if fields.manager in leaving
            for operation in (
                {
                    "op": "test",
                    "path": f"/metadata/managedFields/{place}/manager",
                    "value": fields.manager,
                },
                {"op": "remove", "path": f"/metadata/managedFields/{place}"},
            )
        ]
        if not operations:
            return
        try:
            self._api.patch(self._path(resource), operations, Deadline.after(CALL_SECONDS))
        except RefusedError as error:
            # Another controller was faster, and the test failed; else the next look tries again.
            logger.info("a caBundle's owner was not removed", extra={"error": str(error)})

    def _path(self, resource: str) -> str:
        return resource_path("apis", "admissionregistration.k8s.io", "v1", resource, self._name)
