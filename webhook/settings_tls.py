"""The settings of TLS: where certificates come from."""

from typing import Annotated

import msgspec

from webhook.settings_section import Name, Section


class CertificateSettings(Section, frozen=True):
    """Where certificates live, how long, and which configurations get the caBundle.

    Args:
        leaf_duration: life of a replica's serving certificate, in seconds; a former CA stays
            trusted for so long. A third of the shortest is two of a replica's looks at the clock.
    """

    secret_name: Name = "portcullis-ca"  # noqa: S105 - the name of a Secret, not one
    webhook_configuration: Name = "portcullis"
    leaf_duration: Annotated[float, msgspec.Meta(ge=180, le=7_776_000)] = 604_800.0
