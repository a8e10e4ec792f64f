"""Each decision is logged once, and no log line holds what an object holds."""

import json
import logging
from dataclasses import replace

import pytest

from tests import reviews
from tests.reviews import config_map, namespace, network_policy
from webhook.deadline import Deadline
from webhook.errors import DeadlineError
from webhook.logs import JsonFormatter
from webhook.model.review import decode_review

UID = "705ab4f5-6393-11e8-b7cc-42010a800002"
SECRET = "hunter2-not-for-any-log"
INJECTED = network_policy("portcullis-x", labels={"app.kubernetes.io/managed-by": "portcullis"})


class Guard:
    """A guard of ConfigMaps that fails in a given way."""

    name = "flannel"

    def __init__(self, error: Exception) -> None:
        self._error = error

    def gather(self, attributes, deadline):
        raise self._error


def attributes(*args, **kwargs):
    return decode_review(json.dumps(reviews.review(*args, **kwargs)).encode())


@pytest.fixture
def lines(caplog):
    """The decisions that were logged, as they are printed."""
    caplog.set_level(logging.DEBUG)

    def read():
        printed = [JsonFormatter().format(it) for it in caplog.records]
        return [
            it for it in map(json.loads, printed) if it["logger"] == "webhook.admission.journal"
        ]

    return read


def test_a_refusal_is_logged_once_with_everything_that_identifies_it(
    admission, cluster, lines
) -> None:
    """uid, guard, verdict, checks, object, user, duration: enough to find the rest."""
    cluster.add_namespace("dev", seal="sealed")
    admission.validate(attributes("DELETE", None, INJECTED, user="eve"), Deadline.after(5))
    (line,) = lines()

    assert line["message"] == "change refused"
    assert line["level"] == "info"
    assert line["uid"] == UID
    assert (line["guard"], line["verdict"]) == ("networkpolicies", "refused")
    assert line["checks"] == ["networkpolicy-injected-protected"]
    assert (line["operation"], line["namespace"], line["object"]) == (
        "DELETE",
        "dev",
        "portcullis-x",
    )
    assert line["resource"] == "networking.k8s.io/networkpolicies"
    assert line["user"] == "eve"
    assert line["milliseconds"] >= 0


@pytest.mark.parametrize(
    ("error", "level", "traceback"),
    [
        pytest.param(DeadlineError("no time was left"), "warning", False, id="of-the-cluster"),
        pytest.param(ZeroDivisionError("a bug"), "warning", True, id="of-ours"),
    ],
)
def test_what_was_not_judged_says_why(admission, lines, error, level, traceback) -> None:
    """One line; the traceback where it is a bug, and only there."""
    broken = replace(admission, guards={"/configmaps": Guard(error)})
    broken.validate(attributes("DELETE", None, config_map("{}")), Deadline.after(5))
    (line,) = lines()

    assert (line["message"], line["level"]) == ("review not judged", level)
    assert (line["verdict"], line["error"]) == ("unjudged", str(error))
    assert ("traceback" in line) is traceback


def test_what_is_allowed_is_told_at_debug_level(admission, caplog) -> None:
    """Nearly everything is allowed: a line for each is for who asks for it."""
    caplog.set_level(logging.INFO)
    admission.mutate(attributes("CREATE", namespace("shop")), Deadline.after(5))
    quiet = [it.getMessage() for it in caplog.records]
    caplog.set_level(logging.DEBUG)
    admission.mutate(attributes("CREATE", namespace("shop")), Deadline.after(5))

    assert quiet == []
    assert [it.getMessage() for it in caplog.records] == ["change allowed"]


def test_what_strangers_wrote_is_cut_and_stays_on_its_line(admission, cluster, lines) -> None:
    """A name of a megabyte, or one with a newline, does not fill or forge a log."""
    cluster.add_namespace("dev", seal="sealed")
    user = "eve\n" + "x" * 1_000_000
    admission.validate(attributes("DELETE", None, INJECTED, user=user), Deadline.after(5))
    (line,) = lines()

    assert len(json.dumps(line)) < 2000
    assert "\n" not in line["user"]


def stuffed(value):
    """The object with the secret in every place that a user may write into."""
    metadata = value["metadata"] | {
        "annotations": {"note": SECRET, "kubectl.kubernetes.io/last-applied-configuration": SECRET},
        "labels": (value["metadata"].get("labels") or {}) | {"token": SECRET},
    }
    return value | {"metadata": metadata}


CLUSTER_POOL = {
    "apiVersion": "crd.projectcalico.org/v1",
    "kind": "IPPool",
    "metadata": {"name": "default"},
    "spec": {"cidr": SECRET},
}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(config_map("{}"), config_map(f'{{"Network": "{SECRET}"}}'), id="bad-network"),
        pytest.param(config_map("{}"), config_map(SECRET), id="no-json"),
        pytest.param(config_map("{}"), config_map("{}") | {"data": [SECRET]}, id="malformed"),
        pytest.param(INJECTED, INJECTED | {"spec": {SECRET: SECRET}}, id="injected-policy"),
        pytest.param(CLUSTER_POOL, CLUSTER_POOL | {"spec": {"cidr": SECRET * 2}}, id="calico-pool"),
        pytest.param(namespace("shop"), namespace("shop"), id="namespace"),
    ],
)
@pytest.mark.parametrize("operation", ["CREATE", "UPDATE", "DELETE"])
def test_no_secret_reaches_any_log(admission, cluster, caplog, operation, old, new) -> None:
    """At debug level, of every logger, with every kind of object: data, labels, annotations."""
    caplog.set_level(logging.DEBUG)
    cluster.add_namespace("dev", seal="sealed")
    before = None if operation == "CREATE" else stuffed(old)
    after = None if operation == "DELETE" else stuffed(new)
    asked = attributes(operation, after, before)
    admission.validate(asked, Deadline.after(5))
    admission.mutate(asked, Deadline.after(5))
    printed = "\n".join(JsonFormatter().format(record) for record in caplog.records)

    assert UID in printed
    assert SECRET not in printed


def test_refusals_become_events_only_where_it_is_wished(admission, cluster) -> None:
    """Off by default; on, an Event names the checks and the user, and nothing of the object."""
    cluster.add_namespace("dev", seal="sealed")
    asked = attributes("DELETE", None, stuffed(INJECTED), user="eve")
    admission.validate(asked, Deadline.after(5))
    quiet = list(cluster.events)
    replace(admission, tells_refusals=True).validate(asked, Deadline.after(5))
    (event,) = cluster.events

    assert quiet == []
    assert (event.reason, event.about.kind, event.about.name) == (
        "ChangeRefused",
        "NetworkPolicy",
        "portcullis-x",
    )
    assert event.message == "eve: DELETE refused by networkpolicy-injected-protected"
