"""Decoding of answers, cut down to what is asked of them."""

from typing import TypeVar

import msgspec

from webhook.errors import UnavailableError

Decoded = TypeVar("Decoded")


class ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    """``metav1.ListMeta``."""

    resource_version: str = ""
    token: str = msgspec.field(name="continue", default="")


def decode(decoder: "msgspec.json.Decoder[Decoded]", raw: bytes) -> Decoded:
    """Decode an answer.

    Raises:
        UnavailableError: it is none; it comes from something in between, or was cut.
    """
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnavailableError(f"the API server's answer cannot be read: {error}") from error
