"""What a client of ours trusts: the part of a webhook configuration that TLS hangs on."""

from dataclasses import dataclass

CONFIGURATIONS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
"""Kinds of objects by which the API server calls webhooks."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """How the API server verifies us for one webhook entry.

    Attributes:
        entry: name of the entry.
        server_name: the DNS name or address that it asks for.
        bundle_pem: the entry's caBundle; empty stands for the system's own CAs.
    """

    entry: str
    server_name: str
    bundle_pem: bytes
