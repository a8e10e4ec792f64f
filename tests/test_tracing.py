"""Spans of reviews and reconciles, where they are wished; nothing of it where they are not."""

import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, get_current_span

from tests import reviews
from tests.fakes.cluster import FakeCluster
from tests.reviews import config_map, network_policy
from webhook import bootstrap
from webhook.bootstrap import admission as compose
from webhook.bootstrap_tracing import continuing, tracer
from webhook.controller.plan import Rules
from webhook.deadline import Deadline
from webhook.errors import SettingsError, UnavailableError
from webhook.metrics import SilentRecorder
from webhook.model.profiles import Profile
from webhook.model.review import decode_review
from webhook.server.endpoint import AdmissionEndpoint
from webhook.server.http1 import Request
from webhook.server.lifecycle import Lifecycle, State
from webhook.settings import load
from webhook.settings_observability import TracingSettings
from webhook.tracing import TracedAdmission, TracedSealer, tracer_of

SECRET = "hunter2-not-for-any-span"
INJECTED = network_policy("portcullis-x", labels={"app.kubernetes.io/managed-by": "portcullis"})


class Traces:
    """A tracer whose spans stay in memory."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracer = tracer_of("1.2.3", "webhook", self._exporter)

    def spans(self):
        self.tracer.span_processor.force_flush()
        return self._exporter.get_finished_spans()


@pytest.fixture
def traces():
    made = Traces()
    yield made
    made.tracer.span_processor.shutdown()


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def admission(cluster):
    return compose(load({}), SilentRecorder(), cluster)


def attributes(*args, **kwargs):
    return decode_review(json.dumps(reviews.review(*args, **kwargs)).encode())


def test_a_review_is_a_span_with_its_uid(traces, admission, cluster) -> None:
    """What was asked, what came of it and by which checks; the answer is the same."""
    cluster.add_namespace("dev", seal="sealed")
    asked = attributes("DELETE", None, INJECTED)
    plain = admission.validate(asked, Deadline.after(5))
    traced = TracedAdmission(admission, traces.tracer).validate(asked, Deadline.after(5))
    (span,) = traces.spans()

    assert plain == traced
    assert span.name == "validate"
    assert span.attributes["portcullis.request.uid"] == "705ab4f5-6393-11e8-b7cc-42010a800002"
    assert span.attributes["portcullis.allowed"] is False
    assert span.attributes["portcullis.refused_by"] == "networkpolicy-injected-protected"
    assert span.status.status_code is StatusCode.UNSET
    assert span.resource.attributes["service.name"] == "portcullis-webhook"
    assert span.resource.attributes["service.version"] == "1.2.3"


def test_who_runs_it_may_name_it_otherwise(monkeypatch) -> None:
    """The standard variables win over what we call ourselves."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "network-guard")
    tracer = tracer_of("1.2.3", "webhook", InMemorySpanExporter())
    tracer.span_processor.shutdown()

    assert tracer.resource.attributes["service.name"] == "network-guard"
    assert tracer.resource.attributes["service.version"] == "1.2.3"


def test_what_could_not_be_judged_is_an_error(traces, admission) -> None:
    """So that a search for errors finds it."""

    class Broken:
        name = "flannel"

        def gather(self, attributes, deadline):
            raise UnavailableError("away")

    broken = replace(admission, guards={"/configmaps": Broken()})
    asked = attributes("DELETE", None, config_map("{}"))
    TracedAdmission(broken, traces.tracer).validate(asked, Deadline.after(5))
    (span,) = traces.spans()

    assert span.status.status_code is StatusCode.ERROR


def test_no_span_holds_what_an_object_holds(traces, admission) -> None:
    """Data, labels and annotations stay where they are."""
    stuffed = config_map(SECRET)
    stuffed["metadata"] |= {"annotations": {"a": SECRET}, "labels": {"b": SECRET}}
    traced = TracedAdmission(admission, traces.tracer)
    for operation, new in (("UPDATE", stuffed), ("CREATE", stuffed), ("DELETE", None)):
        asked = attributes(operation, new, stuffed)
        traced.validate(asked, Deadline.after(5))
        traced.mutate(asked, Deadline.after(5))
    spans = traces.spans()

    assert len(spans) == 6
    assert SECRET not in "".join(span.to_json() for span in spans)


TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE}-{PARENT}-01"


def answer(traces, admission, **headers):
    """An answer of the endpoint to a review with headers, traced as the webhook traces."""
    traced = TracedAdmission(admission, traces.tracer)
    endpoint = AdmissionEndpoint(
        traced, Lifecycle(State.SERVING, ""), default_timeout=10.0, trace=continuing()
    )
    body = json.dumps(reviews.review("DELETE", None, INJECTED)).encode()
    sent = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    request = Request("POST", b"/validate", {b"content-length": b"%d" % len(body)} | sent, body)
    return endpoint.answer(b"/validate", request, Deadline.after(5), lambda: None)


def test_a_review_is_part_of_its_senders_trace(traces, admission) -> None:
    """An API server that traces tells of its span; ours is that one's child, and ends with it."""
    answer(traces, admission, traceparent=SAMPLED, tracestate="vendor=1")
    answer(traces, admission)
    child, alone = traces.spans()

    assert f"{child.context.trace_id:032x}" == TRACE
    assert f"{child.parent.span_id:016x}" == PARENT
    assert child.context.trace_state == {"vendor": "1"}
    assert alone.parent is None
    assert not get_current_span().get_span_context().is_valid


def test_the_sender_decides_whether_its_reviews_are_sampled(traces, admission) -> None:
    """As OpenTelemetry's own sampler has it, which is parent-based."""
    answer(traces, admission, traceparent=SAMPLED[:-2] + "00")

    assert traces.spans() == ()


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"traceparent": "nonsense"}, id="nonsense"),
        pytest.param({"traceparent": ""}, id="empty"),
        pytest.param({"traceparent": f"{SAMPLED},{SAMPLED}"}, id="sent-twice"),
        pytest.param({"traceparent": f"00-{'0' * 32}-{PARENT}-01"}, id="no-trace"),
        pytest.param({"traceparent": f"ff-{TRACE}-{PARENT}-01"}, id="forbidden-version"),
        pytest.param({"traceparent": "\xff\x9b" * 400}, id="too-long-and-no-ascii"),
        pytest.param({"traceparent": SAMPLED, "tracestate": f"{SECRET}="}, id="malformed-state"),
        pytest.param({"traceparent": SAMPLED, "baggage": f"{SECRET}," * 300}, id="odd-baggage"),
    ],
)
def test_what_a_sender_says_of_its_trace_disturbs_no_review(
    traces, admission, caplog, headers
) -> None:
    """The answer is the same, the span is there, and nobody fills the log by headers."""
    caplog.set_level(logging.INFO)
    plain = answer(traces, admission)
    odd = answer(traces, admission, **headers)

    assert plain == odd
    assert [span.name for span in traces.spans()] == ["validate", "validate"]
    assert [it.name for it in caplog.records if it.name.startswith("opentelemetry")] == []


def test_a_propagator_that_fails_disturbs_no_review(traces, admission, monkeypatch) -> None:
    """Who runs it may have chosen any; its failure begins a trace of our own."""

    class Failing:
        def extract(self, carrier, context=None, getter=None):
            raise ZeroDivisionError

    monkeypatch.setattr("webhook.tracing.get_global_textmap", Failing)
    got = answer(traces, admission, traceparent=SAMPLED)
    (span,) = traces.spans()

    assert got.code == 200
    assert span.parent is None


@pytest.mark.parametrize(
    ("propagators", "expected"),
    [
        pytest.param("none", "1", id="nothing-is-taken-over"),
        pytest.param("no-such", "OTEL_PROPAGATORS: Propagator no-such not found", id="unknown"),
    ],
)
def test_who_runs_it_may_choose_the_propagators(propagators, expected) -> None:
    """By the standard variable; a name that the image lacks is told before anything is served."""
    source = (
        "from opentelemetry.trace import get_current_span\n"
        "from webhook.bootstrap_tracing import continuing\n"
        "from webhook.errors import SettingsError\n"
        "try:\n"
        f"    with continuing()({{b'traceparent': b'{SAMPLED}'}}):\n"
        "        print(int(not get_current_span().get_span_context().is_valid))\n"
        "except SettingsError as error:\n"
        "    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OTEL_PROPAGATORS": propagators},
    )

    assert done.stdout.startswith(expected)


def test_a_reconcile_is_a_span_with_its_namespace(traces, cluster) -> None:
    """And what it came to; what failed is on it, and goes on to the reconciler."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    sealer = TracedSealer(
        cluster, Rules(Profile.DENY_ALL, True, since, frozenset(), ()), traces.tracer
    )
    cluster.add_namespace("shop", seal="pending")
    sealer.tend("shop", Deadline.after(5))
    cluster.fail("namespace", UnavailableError("away"))
    with pytest.raises(UnavailableError):
        sealer.tend("shop", Deadline.after(5))
    done, failed = traces.spans()

    assert done.attributes["k8s.namespace.name"] == "shop"
    assert done.attributes["portcullis.reason"] == "Pending"
    assert done.attributes["portcullis.policies_written"] == 2
    assert failed.status.status_code is StatusCode.ERROR


def test_without_the_libraries_it_says_what_to_do() -> None:
    """The exporter is no part of what the tests install, nor of the image."""
    with pytest.raises(SettingsError, match=r"portcullis\[tracing\]"):
        tracer("webhook")


def test_off_nothing_of_it_is_loaded() -> None:
    """Neither process pays for what it does not use."""
    source = (
        "import sys, webhook.bootstrap, webhook.bootstrap_controller\n"
        "print(*(it for it in sys.modules if it.startswith('opentelemetry')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == ""


@pytest.mark.parametrize("enabled", [False, True])
def test_the_webhook_continues_traces_where_it_traces(enabled, monkeypatch) -> None:
    """Else its endpoint has nothing to enter."""
    made = []
    monkeypatch.setattr(bootstrap, "AdmissionEndpoint", lambda *_, trace, **__: made.append(trace))
    for name in ("create_app", "PrometheusRecorder", "ProcessMetrics", "ServerMetrics"):
        monkeypatch.setattr(bootstrap, name, lambda *_: None)
    tracing = TracingSettings(enabled=enabled)
    environment = load({})
    settings = msgspec.structs.replace(environment.settings, tracing=tracing)
    bootstrap.webhook(msgspec.structs.replace(environment, settings=settings))

    assert [trace is not None for trace in made] == [enabled]
