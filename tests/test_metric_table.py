"""The table of metrics is all that there is, and bounds every label."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from tests import reviews
from tests.fakes.cluster import FakeCluster
from tools import observability_page
from webhook import errors, metric_table
from webhook.bootstrap import admission as compose
from webhook.checks import CHECKS
from webhook.controller.metrics import ControllerMetrics
from webhook.controller.plan import Reason
from webhook.deadline import Deadline
from webhook.metric_table import FAMILIES, Family, cause_of
from webhook.metrics import ProcessMetrics, PrometheusRecorder, ServerMetrics
from webhook.model.review import decode_review
from webhook.settings import load

BY_NAME = {family.name: family for family in FAMILIES}
CHECK_IDS = tuple(check.id for check in CHECKS)


@pytest.fixture
def registry() -> CollectorRegistry:
    """Every metric of both processes, in one registry."""
    registry = CollectorRegistry()
    PrometheusRecorder(registry)
    ServerMetrics(registry)
    ProcessMetrics("1.2.3", registry)
    ControllerMetrics(registry)
    return registry


def base(name: str) -> str:
    """A metric's name in the table, from that of one of its series."""
    return name if name in BY_NAME else re.sub(r"_(bucket|sum|count|created)$", "", name)


def values(family: Family, label: str) -> tuple[str, ...] | str:
    return CHECK_IDS if label == "check" else family.labels[label]


def assert_bounded(registry: CollectorRegistry) -> None:
    for metric in registry.collect():
        for sample in metric.samples:
            if sample.name.endswith("_created"):
                continue
            family = BY_NAME[base(sample.name)]
            labels = {k: v for k, v in sample.labels.items() if k != "le"}
            assert set(family.labels) == set(labels)
            for label, value in labels.items():
                allowed = values(family, label)
                assert isinstance(allowed, str) or value in allowed, (sample.name, label, value)


def test_the_table_is_all_that_is_registered(registry) -> None:
    """No metric beside the table, none of the table missing; kind and help are its own."""
    suffix = {"counter": "_total"}
    found = {
        metric.name + suffix.get(metric.type, ""): (metric.type, metric.documentation)
        for metric in registry.collect()
    }

    assert {family.name: (family.kind, family.help) for family in FAMILIES} == found


def test_names_follow_the_conventions() -> None:
    """One prefix; counters end in _total, times in seconds; no name twice."""
    assert len(BY_NAME) == len(FAMILIES)
    for family in FAMILIES:
        assert family.name.startswith("portcullis_")
        assert family.name.endswith("_total") == (family.kind == "counter")
        assert family.kind != "histogram" or family.name.endswith("_seconds")


def test_what_workers_show_has_labels() -> None:
    """prometheus_client opens the file of a metric without labels at once: before the fork."""
    assert [f.name for f in FAMILIES if f.process != "controller" and not f.labels] == []


def test_the_sets_are_those_of_the_code() -> None:
    """Reasons, errors and guards that are named elsewhere are all in the table."""
    named = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type)
        and issubclass(kind, errors.ClusterError | errors.MalformedReviewError)
    }
    admission = compose(load({}), _Nothing(), FakeCluster())

    assert tuple(Reason) == metric_table.REASONS
    assert named - {"ClusterError"} == set(metric_table.ERRORS) - {"internal"}
    guards = {guard.name for guard in admission.guards.values()}
    assert {*guards, "none", "marking", "gate"} == set(metric_table.GUARDS)


def test_an_error_of_no_known_class_is_internal() -> None:
    """A library's exceptions make no series of their own."""
    assert cause_of(errors.DeadlineError("late")) == "DeadlineError"
    assert cause_of(ZeroDivisionError()) == "internal"


text = st.text(max_size=20)


@given(
    group=text,
    resource=st.one_of(
        st.sampled_from(["pods", "configmaps", "namespaces", "networkpolicies"]), text
    ),
    operation=st.sampled_from(["CREATE", "UPDATE", "DELETE", "CONNECT"]),
    name=text,
    user=text,
    dry_run=st.booleans(),
    thing=st.recursive(st.none() | st.integers() | text, lambda it: st.dictionaries(text, it)),
)
@example(group="", resource="", operation="CREATE", name="", user="", dry_run=False, thing=0)
def test_no_request_adds_a_series(group, resource, operation, name, user, dry_run, thing) -> None:
    """Whatever a review says, every label value is one of the table."""
    registry = CollectorRegistry()
    admission = compose(load({}), PrometheusRecorder(registry), FakeCluster())
    review = reviews.review("UPDATE", reviews.config_map("{}"), reviews.config_map("{}"))
    request = review["request"]
    request |= {"operation": operation, "name": name, "dryRun": dry_run, "object": thing}
    request["resource"] |= {"group": group, "resource": resource}
    request["userInfo"] = {"username": user}
    try:
        attributes = decode_review(json.dumps(review).encode())
    except errors.MalformedReviewError:
        pass  # An object without a name in a request without one: 400, before admission.
    else:
        admission.validate(attributes, Deadline.after(5))
        admission.mutate(attributes, Deadline.after(5))

    assert registry.get_sample_value("portcullis_build_info") is None
    assert_bounded(registry)


@pytest.mark.parametrize(
    ("code", "label"),
    [pytest.param(413, "413", id="known"), pytest.param(418, "other", id="unknown")],
)
def test_a_status_is_counted_under_a_known_label(registry, code, label) -> None:
    """A status that the table lacks is counted as another."""
    fresh = CollectorRegistry()
    ServerMetrics(fresh).rejected(code)

    assert fresh.get_sample_value("portcullis_http_rejected_total", {"code": label}) == 1


def test_a_process_shows_what_it_is_and_until_when_its_certificates_hold() -> None:
    """Timestamps, for Prometheus reckons ages itself."""
    fresh = CollectorRegistry()
    process = ProcessMetrics("1.2.3", fresh)
    process.started()
    process.expires("leaf", datetime(2030, 1, 1, tzinfo=UTC))
    process.watch_ended("policies", "gone")
    (build,) = [s for m in fresh.collect() for s in m.samples if m.name == "portcullis_build_info"]

    assert build.labels["version"] == "1.2.3"
    assert 1893456000 == fresh.get_sample_value(
        "portcullis_certificate_expiration_timestamp_seconds", {"certificate": "leaf"}
    )
    assert_bounded(fresh)


def test_the_page_tells_of_every_metric() -> None:
    """docs/observability.md holds the table as the code has it; `make docs` renews it."""
    page = observability_page.PATH.read_text(encoding="utf-8")

    assert [family.name for family in FAMILIES if f"`{family.name}`" not in page] == []
    assert page == observability_page.render()


class _Nothing:
    """A recorder that is never called."""
