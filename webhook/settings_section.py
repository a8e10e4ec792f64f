"""What the sections of the settings file have in common."""

from typing import Annotated, Any

import msgspec

from webhook.netpol.errors import FieldError
from webhook.netpol.fields import Field
from webhook.netpol.labels import Selector
from webhook.netpol.parse_selector import parse_selector

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
"""0 lets the system choose, for tests."""
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=253)]


class Section(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A part of the settings file; keys are lowerCamelCase, as in the chart's values."""


def read_selector(value: dict[str, Any], name: str) -> Selector:
    """Read a ``metav1.LabelSelector``.

    Raises:
        ValueError: it is none.
    """
    try:
        return parse_selector(Field(value, name))
    except FieldError as error:
        raise ValueError(str(error)) from None
