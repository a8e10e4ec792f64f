"""OpenTelemetry: a span for each review and each reconcile, for who wishes it.

Loaded only where the setting `tracing.enabled` is on: the libraries, a dozen packages to keep safe
for what few use, are no part of the image (the extra ``tracing`` brings them). Where spans go is
told by the standard OTEL_ variables, which the operator of the Pod sets; nothing that a request
says decides it, though by its headers it may be part of its sender's trace. A span holds what a
line of the log does (`webhook.admission.journal`): ids and names, never an object's data.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.propagate import get_global_textmap
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, Status, StatusCode, Tracer

from webhook.controller.sealer import Done, Sealer
from webhook.deadline import Deadline
from webhook.model.review import AdmissionResponse, Attributes
from webhook.model.text import one_line
from webhook.server.endpoint import Continue, Decide, Deciding
from webhook.server.http1 import Headers

NAME = "portcullis"

logger = logging.getLogger(__name__)


def tracer_of(version: str, component: str, exporter: SpanExporter) -> Tracer:
    """Begin to trace; after a fork, for the thread that exports does not survive one.

    Args:
        version: of Portcullis.
        component: ``webhook`` or ``controller``.
        exporter: where spans go.
    """
    # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say wins.
    ours = {"service.name": f"{NAME}-{component}", "service.version": version}
    resource = Resource.create(ours).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider.get_tracer(NAME, version)


def continuing() -> Continue:
    """Give what makes a review's span a child of its sender's, by the propagators that are set.

    Those are of OTEL_PROPAGATORS; W3C's ``traceparent``, unless it says otherwise.
    """
    # They would quote malformed headers, of whoever connects, in a warning for each request.
    for name in ("opentelemetry.trace", "opentelemetry.baggage", "opentelemetry.propagators"):
        logging.getLogger(name).setLevel(logging.ERROR)
    propagator = get_global_textmap()

    def extract(headers: Headers) -> Context:
        try:
            # Not None: that is what an empty list of propagators (none) would hand back.
            return propagator.extract(headers, Context(), getter=_HEADERS)
        except Exception as error:  # noqa: BLE001 - a propagator may be anybody's
            logger.debug("no trace continued: %s", type(error).__name__)
            return Context()

    @contextmanager
    def entered(headers: Headers) -> Iterator[None]:
        token = context.attach(extract(headers))
        try:
            yield
        finally:
            context.detach(token)

    return entered


class _HeadersGetter(Getter[Headers]):
    """Reads a request's headers for a propagator."""

    def get(self, carrier: Headers, key: str) -> list[str] | None:
        """The value of a header, None where there is none."""
        value = carrier.get(key.lower().encode("latin-1"))
        return None if value is None else [value.decode("latin-1")]

    def keys(self, carrier: Headers) -> list[str]:
        """The headers' names."""
        return [name.decode("latin-1") for name in carrier]


_HEADERS = _HeadersGetter()


@dataclass(frozen=True, slots=True)
class TracedAdmission:
    """Decides as another does, in a span."""

    admission: Deciding
    tracer: Tracer

    def validate(self, attributes: Attributes, deadline: Deadline) -> AdmissionResponse:
        """Answer a validating review."""
        return self._traced("validate", self.admission.validate, attributes, deadline)

    def mutate(self, attributes: Attributes, deadline: Deadline) -> AdmissionResponse:
        """Answer a mutating review."""
        return self._traced("mutate", self.admission.mutate, attributes, deadline)

    def _traced(
        self, name: str, decide: Decide, attributes: Attributes, deadline: Deadline
    ) -> AdmissionResponse:
        with self.tracer.start_as_current_span(name, kind=trace.SpanKind.SERVER) as span:
            response = decide(attributes, deadline)
            if span.is_recording():
                _tell(span, attributes, response)
            return response


@dataclass(frozen=True, slots=True)
class TracedSealer(Sealer):
    """Carries plans out as `Sealer` does, each in a span."""

    tracer: Tracer = trace.NoOpTracer()  # noqa: RUF009 - it has no state

    def tend(self, name: str, deadline: Deadline) -> Done | None:
        """As `Sealer.tend`; what it raises is on the span."""
        with self.tracer.start_as_current_span("reconcile") as span:
            span.set_attribute("k8s.namespace.name", name)
            done = Sealer.tend(self, name, deadline)
            if done is not None:
                changes = done.changes
                written = len(changes.missing) + len(changes.edited) + len(changes.orphans)
                span.set_attribute("portcullis.reason", str(done.plan.reason))
                span.set_attribute("portcullis.policies_written", written)
            return done


def _tell(span: Span, attributes: Attributes, response: AdmissionResponse) -> None:
    resource = attributes.resource
    values = {
        "portcullis.request.uid": attributes.uid,
        "portcullis.request.operation": attributes.operation,
        "portcullis.request.resource": f"{resource.group}/{resource.resource}",
        "k8s.namespace.name": attributes.namespace,
        "portcullis.refused_by": response.audit_annotations.get("refused-by", ""),
    }
    for key, value in values.items():
        span.set_attribute(key, one_line(value))
    span.set_attribute("portcullis.request.dry_run", attributes.dry_run)
    span.set_attribute("portcullis.allowed", response.allowed)
    if not response.allowed and response.code in {400, 503}:
        span.set_status(Status(StatusCode.ERROR, "not judged"))
