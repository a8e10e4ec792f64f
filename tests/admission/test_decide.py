"""Whatever happens inside, a review gets an explicit decision."""

import json
from dataclasses import dataclass, replace

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from tests import reviews
from tests.reviews import config_map, namespace, network_policy
from webhook.admission.guard import Case
from webhook.bootstrap import admission as compose
from webhook.deadline import Deadline
from webhook.errors import UnavailableError
from webhook.metrics import PrometheusRecorder
from webhook.model.namespace import PROFILE_LABEL
from webhook.model.objects import ObjectMeta
from webhook.model.review import decode_review
from webhook.rationed import LINES, TRACEBACKS
from webhook.settings import decode_settings


@dataclass
class Broken:
    """A guard with a bug."""

    name: str = "broken"

    def gather(self, attributes, deadline):
        raise ZeroDivisionError("secret detail")


def attributes(*args, **kwargs):
    return decode_review(json.dumps(reviews.review(*args, **kwargs)).encode())


def test_a_bug_refuses_and_says_so(admission, caplog) -> None:
    """The answer is a decision with the uid to look for; the detail is in the log alone."""
    broken = replace(admission, guards={"/configmaps": Broken()})
    response = broken.validate(attributes("DELETE", None, config_map("{}")), Deadline.after(5))

    assert (response.allowed, response.code) == (False, 503)
    assert "705ab4f5-6393-11e8-b7cc-42010a800002" in response.message
    assert "secret detail" not in response.message
    assert "secret detail" in caplog.text


def test_a_failure_to_mark_allows(admission) -> None:
    """A namespace is born unmarked rather than not at all; the gate covers it."""
    broken = replace(admission, rules="no rules at all")
    response = broken.mutate(attributes("CREATE", namespace("shop")), Deadline.after(5))

    assert response.allowed
    assert "not-marked" in response.audit_annotations


@pytest.mark.parametrize(
    ("new", "field"),
    [
        pytest.param(config_map("{}") | {"data": ["no map"]}, "data", id="data-is-a-list"),
        pytest.param(config_map("{}") | {"metadata": 7}, "metadata", id="metadata-is-a-number"),
    ],
)
def test_an_object_of_another_shape(admission, new, field) -> None:
    """What no API server would send is refused as a bad request, naming the place."""
    review = reviews.review("UPDATE", config_map("{}"), config_map("{}"))
    review["request"]["object"] = new
    response = admission.validate(decode_review(json.dumps(review).encode()), Deadline.after(5))

    assert (response.allowed, response.code, response.reason) == (False, 400, "BadRequest")
    assert field in response.message


def test_what_no_guard_judges_is_allowed(admission) -> None:
    """A resource that somebody registered by mistake is let through."""
    review = reviews.review("CREATE", network_policy("web"))
    review["request"]["resource"]["resource"] = "ingresses"
    response = admission.validate(decode_review(json.dumps(review).encode()), Deadline.after(5))

    assert response.allowed


def test_default_deny_can_be_off(environment, cluster) -> None:
    """Then nothing is marked and no pod is gated, while the guards stay."""
    off = decode_settings("defaultDeny: {enabled: false}")
    changed = type(environment)(
        **{f: getattr(environment, f) for f in environment.__struct_fields__} | {"settings": off}
    )
    admission = compose(changed, PrometheusRecorder(CollectorRegistry()), cluster)
    cluster.add_namespace("team-a", seal="pending")

    assert (
        admission.mutate(attributes("CREATE", namespace("shop")), Deadline.after(5)).patch is None
    )
    assert admission.validate(
        attributes("CREATE", reviews.pod("p", "team-a")), Deadline.after(5)
    ).allowed
    assert cluster.policies == {}


def test_reviews_and_findings_are_counted(environment, cluster) -> None:
    """Metrics carry guard, operation, verdict, dry run, and the check's id."""
    registry = CollectorRegistry()
    admission = compose(environment, PrometheusRecorder(registry), cluster)
    injected = network_policy("portcullis-x", labels={"app.kubernetes.io/managed-by": "portcullis"})
    cluster.add_namespace("dev", seal="sealed")
    admission.validate(attributes("DELETE", None, injected, dry_run=True), Deadline.after(5))
    text = generate_latest(registry).decode()

    assert (
        'portcullis_admission_reviews_total{dry_run="true",guard="networkpolicies",'
        'operation="DELETE",verdict="refused"} 1.0'
    ) in text
    assert (
        'portcullis_check_findings_total{check="networkpolicy-injected-protected",'
        'outcome="refused"} 1.0'
    ) in text
    assert 'portcullis_admission_duration_seconds_count{guard="networkpolicies"} 1.0' in text


@dataclass
class Unadvised:
    """A guard whose advice has a bug."""

    name: str = "unadvised"

    def gather(self, attributes, deadline):
        def advise():
            raise ZeroDivisionError("a bug of ours")

        return Case(None, ObjectMeta(), advise=advise)


def test_a_bug_in_advice_does_not_fill_the_disk(admission, caplog) -> None:
    """Every review is let through, and a few of them are logged, with the traceback."""
    broken = replace(admission, guards={"/configmaps": Unadvised()})
    asked = attributes("DELETE", None, config_map("{}"))
    answers = [broken.validate(asked, Deadline.after(5)) for _ in range(100)]
    told = [record for record in caplog.records if record.message == "no advice"]

    assert all(answer.allowed for answer in answers)
    assert len(told) == TRACEBACKS
    assert all(record.uid == asked.uid and record.exc_info for record in told)


def test_a_wish_that_cannot_be_judged_does_not_fill_the_disk(admission, cluster, caplog) -> None:
    """While the API server gives no answer, each Namespace made would have a line of the log."""
    cluster.fail("may_override", UnavailableError("away"), times=LINES + 40)
    for _ in range(LINES + 40):
        born = attributes("CREATE", namespace("shop", {PROFILE_LABEL: "none"}))
        admission.mutate(born, Deadline.after(5))

    assert len([each for each in caplog.records if each.message == "wish not judged"]) == LINES
