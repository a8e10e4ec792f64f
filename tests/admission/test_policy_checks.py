"""Mistakes in NetworkPolicies that the API server accepts: told or refused by setting."""

import json
import threading
from dataclasses import replace

import pytest

from tests.fakes.cluster import FakeCluster
from tests.reviews import network_policy, review
from webhook.bootstrap import admission as compose
from webhook.deadline import Deadline
from webhook.errors import UnavailableError
from webhook.lint.evidence import LAST_APPLIED
from webhook.metrics import SilentRecorder
from webhook.model.namespace import OVERRIDE_ANNOTATION
from webhook.model.objects import ObjectMeta
from webhook.model.pods import PodAddress, PodObject, PodState
from webhook.model.review import decode_review
from webhook.model.text import MAX_WARNING_RUNES, MAX_WARNINGS
from webhook.settings import load

CLOSED = {"podSelector": {}, "policyTypes": ["Ingress"]}
DEAD = CLOSED | {"egress": [{"to": [{"podSelector": {}}]}]}
BY_NAME = {"namespaceSelector": {"matchLabels": {"name": "web"}}}
AND_OR = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "web"}}},
          {"podSelector": {"matchLabels": {"app": "front"}}}]  # fmt: skip
HALVES = {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/9", "10.128.0.0/9"]}}
STICKY_TOLD = (
    "spec.policyTypes: egress rules are not enforced: policyTypes, once left out, stays [Ingress]; "
    "add Egress to it [types-vs-rules/sticky]"
)
OPEN_TOLD = (
    "spec.ingress[0]: no from allows everything from everyone, in and out of the cluster: name the "
    "peers [rule-allows-all-peers]"
)
NAME_TOLD = (
    "spec.ingress[0].from[0].namespaceSelector: no Namespace has the label name=web: select "
    "kubernetes.io/metadata.name: web [ns-selector-matches-none/name-label]"
)
OR_TOLD = (
    "spec.ingress[0].from[0]: two items mean OR: every pod of those namespaces, or own pods; for "
    "AND drop the second dash [and-or]"
)
HALVES_TOLD = (
    "spec.ingress[0].from[0].ipBlock.except: the exceptions cover all of the cidr, so this matches "
    "nothing: narrow them [except-covers-all]"
)


class Counting(SilentRecorder):
    """Keeps what was counted of findings."""

    def __init__(self):
        self.findings = []

    def finding(self, check_id, outcome):
        self.findings.append((check_id, outcome))


def pod(namespace, name, number, **labels):
    """A running pod with an IPv4 address."""
    state = PodState(phase="Running", pod_ips=[PodAddress(f"10.0.0.{number}")])
    return PodObject(ObjectMeta(name=name, namespace=namespace, labels=labels), status=state)


@pytest.fixture
def cluster():
    """A shop with a database, and a web with a front end; nothing is sealed."""
    fake = FakeCluster()
    for name in ("kube-system", "shop", "web"):
        fake.add_namespace(name)
        fake.labels[name] = {}
    fake.pod_list += [pod("shop", "db", 1, app="db"), pod("web", "front", 2, app="front")]
    return fake


@pytest.fixture
def recorder():
    """What was counted."""
    return Counting()


@pytest.fixture
def send(cluster, recorder, tmp_path):
    """Sends a change of a policy in `shop` through all of admission, with settings."""

    def send(new, old=None, checks=(), annotations=None, user="jane", left=10.0, **settings):
        given = tmp_path / "settings.json"
        unhurried = {"diff": {"budgetMillis": 2000}, "checks": list(checks)}
        given.write_text(json.dumps({"networkPolicies": {**unhurried, **settings}}))
        environ = {"POD_NAMESPACE": "portcullis-system", "PORTCULLIS_SETTINGS": str(given)}
        made = compose(load(environ), recorder, cluster)
        kept = {"annotations": annotations or {}}
        versions = [it and network_policy("mine", "shop", spec=it, **kept) for it in (new, old)]
        operation = "UPDATE" if new and old else "CREATE" if new else "DELETE"
        body = json.dumps(review(operation, *versions, user=user)).encode()
        return made.validate(decode_review(body), Deadline.after(left))

    return send


def told(response):
    """The warnings of checks, without those of the change in words."""
    return [each for each in response.warnings if each.endswith("]")]


def ingress(*peers):
    """A policy that lets these in."""
    return CLOSED | {"ingress": [{"from": list(peers)}]}


def rule(action, *checks, **labels):
    """A setting."""
    selector = {"namespaceSelector": {"matchLabels": labels}} if labels else {}
    return {"checks": list(checks), "action": action, **selector}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(CLOSED, DEAD, [STICKY_TOLD], id="sticky-types"),
        pytest.param(None, CLOSED | {"ingress": [{}]}, [OPEN_TOLD], id="all-peers"),
        pytest.param(None, ingress(*AND_OR), [OR_TOLD], id="and-or"),
        pytest.param(None, ingress(BY_NAME), [NAME_TOLD], id="name-label"),
        pytest.param(None, ingress(HALVES), [HALVES_TOLD], id="nothing-left"),
        pytest.param(None, ingress(AND_OR[0]), [], id="plain"),
        pytest.param(DEAD, DEAD | {"podSelector": {"matchLabels": {"a": "b"}}}, [], id="before"),
        pytest.param(ingress(BY_NAME), None, [], id="gone"),
    ],
)
def test_warned_of_by_default(send, recorder, old, new, expected):
    """What is hardly ever meant, with the field and the check's id; and it is counted."""
    response = send(new, old)
    ids = [each.rpartition("[")[2].rstrip("]").partition("/")[0] for each in expected]

    assert (response.allowed, told(response)) == (True, expected)
    assert recorder.findings == [(each, "warned") for each in ids]


def applied(spec):
    """The annotation in which `kubectl apply` keeps what was written."""
    return {LAST_APPLIED: json.dumps({"kind": "NetworkPolicy", "spec": spec})}


WRITTEN = {"podSelector": {}, "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "a"}}}]}]}
STORED = WRITTEN | {"policyTypes": ["Ingress", "Egress"]}
OMITTED_TOLD = (
    "spec.egress: without policyTypes this denies all ingress too: set policyTypes: [Egress] "
    "[types-omitted-egress]"
)
A = {"app": "a"}
SELECTED = {"matchLabels": A}
NULL = {"namespaceSelector": None, "podSelector": SELECTED}
NULL_TOLD = (
    "spec.ingress[0].from[0].namespaceSelector: an empty namespaceSelector is null: own namespace "
    "only; write {} for all [null-ns-beside-pod]"
)


@pytest.mark.parametrize(
    ("new", "written", "expected"),
    [
        pytest.param(STORED, WRITTEN, [OMITTED_TOLD], id="types-omitted"),
        pytest.param(STORED, STORED, [], id="types-written"),
        pytest.param(STORED, None, [], id="not-applied"),
        pytest.param(STORED, {**WRITTEN, "podSelector": {"matchLabels": A}}, [], id="edited"),
        pytest.param(STORED, {**WRITTEN, "ingres": []}, [], id="not-understood"),
        pytest.param(STORED, "spec", [], id="no-spec"),
        pytest.param(ingress({"podSelector": SELECTED}), ingress(NULL), [NULL_TOLD], id="null"),
    ],
)  # fmt: skip
def test_what_its_author_wrote_is_judged_where_it_is_kept(send, new, written, expected):
    """Of `kubectl apply`, as long as the rest of the policy is what was applied."""
    checks = [rule("off", "egress-without-dns")]
    response = send(new, checks=checks, annotations=written and applied(written))

    assert told(response) == expected


def test_mistakes_are_told_before_the_difference(send):
    """They say why the difference is not what the author meant; the worst comes first."""
    spec = CLOSED | {"ingress": [{"from": AND_OR}, {}]}
    response = send(spec)

    assert [each.rpartition("[")[2] for each in told(response)] == [
        "rule-allows-all-peers]",
        "and-or]",
    ]
    assert response.warnings[2].startswith("opens")


DENIED = (
    "spec.ingress[0]: Forbidden: no from allows everything from everyone, in and out of the "
    "cluster: name the peers\n"
    'to override, annotate the object with portcullis.dev/override: "<reason>"; this needs the '
    'verb "override" on guards.portcullis.dev/rule-allows-all-peers'
)


def test_a_setting_refuses(send, recorder):
    """The refusal names the field, the check and the way round."""
    response = send(CLOSED | {"ingress": [{}]}, checks=[rule("deny", "rule-allows-all-peers")])

    assert (response.allowed, response.code, response.message) == (False, 403, DENIED)
    assert response.audit_annotations["refused-by"] == "rule-allows-all-peers"
    assert recorder.findings == [("rule-allows-all-peers", "refused")]


def test_a_refusal_is_overridden(cluster, send):
    """By the annotation and the permission on the check's id, as any other."""
    cluster.overriders.add(("jane", "rule-allows-all-peers"))
    reason = {OVERRIDE_ANNOTATION: "demo"}
    given = {"checks": [rule("deny", "rule-allows-all-peers")], "annotations": reason}
    mine = send(CLOSED | {"ingress": [{}]}, **given)
    others = send(CLOSED | {"ingress": [{}]}, **given, user="joe")

    assert (mine.allowed, others.allowed) == (True, False)
    assert "overridden rule-allows-all-peers at spec.ingress[0]: demo" in mine.warnings


@pytest.mark.parametrize(
    ("checks", "labels", "allowed", "expected"),
    [
        pytest.param([rule("off", "*")], {}, True, [], id="off"),
        pytest.param([rule("deny", "*")], {}, False, [], id="deny-all"),
        pytest.param(
            [rule("deny", "*", env="prod")], {"env": "prod"}, False, [], id="deny-where-selected"
        ),
        pytest.param(
            [rule("deny", "*", env="prod")], {"env": "lab"}, True, [OPEN_TOLD], id="deny-elsewhere"
        ),
        pytest.param(
            [rule("off", "*", env="lab"), rule("deny", "*")], {"env": "lab"}, True, [], id="first"
        ),
    ],
)
def test_by_namespace(cluster, send, checks, labels, allowed, expected):
    """The first rule whose selector fits the Namespace as it is now."""
    cluster.namespaces["shop"] = replace(cluster.namespaces["shop"], labels=labels)
    response = send(CLOSED | {"ingress": [{}]}, checks=checks)

    assert (response.allowed, told(response)) == (allowed, expected)


def test_what_the_cluster_tells_is_refused_too(cluster, send):
    """A namespaceSelector that matches none, a last policy that goes, where a setting says so."""
    named = send(ingress(BY_NAME), checks=[rule("deny", "ns-selector-matches-none")])
    last = send(None, CLOSED, checks=[rule("deny", "isolation-flip")])

    assert (named.allowed, last.allowed) == (False, False)
    assert "no Namespace has the label name=web" in named.message
    assert "no policy isolates shop/db for ingress any more" in last.message


def test_what_cannot_be_seen_in_time_is_not_refused(cluster, send):
    """The author is told that the check was not run; the rest is judged all the same."""
    gate = threading.Event()
    cluster.before("pods", gate.wait)
    response = send(
        ingress(BY_NAME, HALVES),
        checks=[rule("deny", "ns-selector-matches-none")],
        diff={"budgetMillis": 10},
    )
    gate.set()
    missed = "not judged, the cluster was not read in time: ns-selector-matches-none"

    assert response.allowed
    assert missed in response.warnings
    assert [HALVES_TOLD.replace("from[0]", "from[1]")] == told(response)


@pytest.mark.parametrize(
    ("checks", "allowed"),
    [
        pytest.param((), True, id="only-warned-of"),
        pytest.param([rule("deny", "except-covers-all")], False, id="denied"),
    ],
)
def test_a_policy_too_large_for_its_time_passes_no_denial(send, checks, allowed):
    """Without time left: nothing is warned of; what a setting denies is refused, try again."""
    large = ingress(*[HALVES] * 501)
    response = send(large, checks=checks, left=0.4, diff={"enabled": False})

    assert (response.allowed, told(response)) == (allowed, [])
    assert response.code == (200 if allowed else 503)


def test_labels_that_cannot_be_read_refuse_only_what_may_be_denied(cluster, send):
    """A Namespace's labels decide; a change that no check finds anything in needs none."""
    cluster.fail("namespace", UnavailableError("away"))
    checks = [rule("deny", "rule-allows-all-peers", env="prod")]
    open_to_all = send(CLOSED | {"ingress": [{}]}, checks=checks)
    plain = send(ingress(AND_OR[0]), checks=checks, reopened="off")

    assert (open_to_all.allowed, open_to_all.code) == (False, 503)
    assert plain.allowed


def test_without_pods_the_policy_alone_is_judged(cluster, send):
    """Where nobody may list pods, checks that need them are silent, and no pod is listed."""
    spec = CLOSED | {"ingress": [{"from": [BY_NAME]}, {}]}
    response = send(spec, diff={"enabled": False})

    assert told(response) == [OPEN_TOLD.replace("ingress[0]", "ingress[1]")]
    assert cluster.calls["pods"] == 0


def test_a_plain_policy_asks_nothing_for_the_checks(cluster, send):
    """Without a finding no label is read, whatever the settings."""
    send(ingress(AND_OR[0]), checks=[rule("deny", "broad-ns", env="prod")], reopened="off",
         diff={"enabled": False})  # fmt: skip

    assert cluster.calls["namespace"] == 0


def test_many_findings_fit(send):
    """Six lines and a number, within what the API server passes on."""
    spec = CLOSED | {"ingress": [{"from": [HALVES]} for _ in range(40)]}
    response = send(spec)

    assert len(told(response)) == 6
    assert "34 more findings: see `portcullis lint`" in response.warnings
    assert len(response.warnings) <= MAX_WARNINGS
    assert max(map(len, response.warnings)) <= MAX_WARNING_RUNES


def test_what_has_no_shape_is_nobodys_finding(send):
    """A field of a later Kubernetes: no check speaks of what it does not understand."""
    response = send(CLOSED | {"ingress": [{"from": [{"fqdn": "x"}]}]}, checks=[rule("deny", "*")])

    assert response.allowed
