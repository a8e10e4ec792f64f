"""Spans of reviews and reconciles, where they are wished; nothing of it where they are not."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from tests import reviews
from tests.fakes.cluster import FakeCluster
from tests.reviews import config_map, network_policy
from webhook.bootstrap import admission as compose
from webhook.bootstrap_tracing import tracer
from webhook.controller.plan import Rules
from webhook.deadline import Deadline
from webhook.errors import SettingsError, UnavailableError
from webhook.metrics import SilentRecorder
from webhook.model.profiles import Profile
from webhook.model.review import decode_review
from webhook.settings import load
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
