"""The settings of TLS: where certificates come from."""

from webhook.settings_section import Name, Section


class CertificateSettings(Section, frozen=True):
    """Names of what the certificates live in, and which configurations get the caBundle."""

    secret_name: Name = "portcullis-ca"  # noqa: S105 - the name of a Secret, not one
    webhook_configuration: Name = "portcullis"
