"""Read port numbers and protocols with the API server's validation."""

from webhook.netpol.fields import Field
from webhook.netpol.ports import MAX_PORT, PROTOCOLS


def read_protocol(at: Field, default: str = "TCP") -> str:
    """Read a protocol, case-sensitive; null is TCP.

    Args:
        at: the field.
        default: what an empty text stands for; Pods and Services default it, policies do not.
    """
    name = at.text("TCP") or default
    if name not in PROTOCOLS:
        supported = ", ".join(f'"{each}"' for each in PROTOCOLS)
        raise at.error(f'Unsupported value: "{name}": supported values: {supported}')
    return name


def read_number(at: Field) -> int:
    """Read a port number."""
    number = at.integer()
    if not 1 <= number <= MAX_PORT:
        raise at.invalid(f"must be between 1 and {MAX_PORT}, inclusive")
    return number
