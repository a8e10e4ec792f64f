"""The composition of tracing: where it is off, no library of it is loaded."""

from typing import TYPE_CHECKING

from webhook import __version__
from webhook.errors import SettingsError

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from webhook.server.endpoint import Continue


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
        raise _lacking(error) from error
    return tracer_of(__version__, component, OTLPSpanExporter())


def continuing() -> "Continue":
    """Give what continues the trace of who sends a review, as OTEL_PROPAGATORS says.

    Raises:
        SettingsError: the libraries are not installed, or lack a propagator of that name.
    """
    try:
        from webhook.tracing import continuing as made  # noqa: PLC0415
    except ImportError as error:
        raise _lacking(error) from error
    except ValueError as error:  # The library reads the variable as it is loaded.
        raise SettingsError(f"OTEL_PROPAGATORS: {error}") from error
    return made()


def _lacking(error: ImportError) -> SettingsError:
    return SettingsError(
        f"tracing.enabled: {error.name} is not installed, as it is no part of the image: build "
        "one with the extra `portcullis[tracing]`, or set tracing.enabled to false"
    )
