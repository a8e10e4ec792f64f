"""The composition of tracing: where it is off, no library of it is loaded."""

from typing import TYPE_CHECKING

from webhook import __version__
from webhook.errors import SettingsError

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


def tracer(component: str) -> "Tracer":
    """A tracer that exports by OTLP over HTTP, as the OTEL_ variables say.

    Args:
        component: ``webhook`` or ``controller``.

    Raises:
        SettingsError: the libraries are not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )

        from webhook.tracing import tracer_of  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError(
            f"tracing.enabled: {error.name} is not installed, as it is no part of the image: build "
            "one with the extra `portcullis[tracing]`, or set tracing.enabled to false"
        ) from error
    return tracer_of(__version__, component, OTLPSpanExporter())
