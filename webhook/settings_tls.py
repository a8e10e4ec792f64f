"""The settings of TLS: what is spoken, who may call, and where certificates come from."""

from enum import StrEnum
from typing import Annotated

import msgspec

from webhook.settings_section import Name, Section

Pem = Annotated[str, msgspec.Meta(max_length=256 * 1024)]
"""Certificates, never keys: the settings file is a ConfigMap."""


class MinVersion(StrEnum):
    """The lowest version of TLS that is spoken; nothing under 1.2 can be chosen."""

    TLS_1_2 = "1.2"
    TLS_1_3 = "1.3"


class TlsSettings(Section, frozen=True):
    """What the webhook's port speaks. Suites are AEAD with forward secrecy, whatever is chosen.

    Args:
        min_version: lower ones are refused.
    """

    min_version: MinVersion = MinVersion.TLS_1_2


class MtlsSettings(Section, frozen=True):
    """Who may send reviews; empty: whoever reaches the port.

    The CA stands here and not in a file of its own: it is public, short and changes by a rollout,
    as every setting does. Several certificates are an overlap of two CAs.

    Args:
        client_ca: CA certificates in PEM, of the API server's client certificate.
        allowed_names: common names or DNS names, one of which the certificate bears. A CA signs
            for others too (the cluster's own for every kubelet), so there must be some.

    Raises:
        ValueError: one is given without the other.
    """

    client_ca: Pem = ""
    allowed_names: tuple[Name, ...] = ()

    def __post_init__(self) -> None:
        """Refuse half a choice."""
        if bool(self.client_ca.strip()) != bool(self.allowed_names):
            raise ValueError("clientCa and allowedNames must be given together")

    @property
    def enabled(self) -> bool:
        """Whether reviews need a client certificate."""
        return bool(self.allowed_names)


class CertificateMode(StrEnum):
    """Who makes the serving certificate and keeps the caBundle."""

    SELF_MANAGED = "self-managed"
    """Portcullis both, from a CA of its own."""
    CERT_MANAGER = "cert-manager"
    """cert-manager the first, its cainjector the second."""
    EXISTING = "existing-secret"
    """Somebody the first, Portcullis the second."""


class CertificateSettings(Section, frozen=True):
    """Where certificates come from and how long they live; which configurations have the caBundle.

    Args:
        secret_name: Secret of the CA of mode ``self-managed``.
        webhook_configuration: name of both webhook configurations.
        leaf_duration: life of a replica's serving certificate, in seconds; a former CA stays
            trusted for so long. A third of it is a dozen looks at the clock at least.
        mode: who makes them.
        directory: of ``tls.crt``, ``tls.key`` and ``ca.crt`` in the other modes.
        ca_bundle: CA certificates in PEM for mode ``existing-secret``; empty takes ``ca.crt``.
        refresh_period: seconds after which a replica looks whether there is another CA; what the
            clock asks for is not waited for.
    """

    secret_name: Name = "portcullis-ca"  # noqa: S105 - the name of a Secret, not one
    webhook_configuration: Name = "portcullis"
    leaf_duration: Annotated[float, msgspec.Meta(ge=180, le=7_776_000)] = 604_800.0
    mode: CertificateMode = CertificateMode.SELF_MANAGED
    directory: Name = "/var/run/portcullis/tls"
    ca_bundle: Pem = ""
    refresh_period: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 60.0
