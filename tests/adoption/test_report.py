"""What adopting a namespace would cut off: a table, and the reference evaluator's own answer."""

import random

import msgspec
import pytest

from tests.adoption.reference import broken
from tests.netpol import clusters
from webhook.adoption.report import Report, report, sentence, workload
from webhook.controller.survey import injected
from webhook.model.pods import PodObject
from webhook.model.profiles import policies
from webhook.netpol.fields import Field
from webhook.netpol.parse_policy import parse_policy

BOTH = ("Ingress", "Egress")


def pod(name="web", phase="Running", host=False, owner=None, **labels):
    metadata = {"name": name, "namespace": "shop", "labels": labels}
    if owner:
        kind, _, owned_by = owner.partition("/")
        metadata["ownerReferences"] = [{"kind": kind, "name": owned_by, "controller": True}]
    spec = {"hostNetwork": host}
    return msgspec.convert(
        {"metadata": metadata, "spec": spec, "status": {"phase": phase}}, PodObject
    )


def standing(name="own", selector=None, types=("Ingress",), **rules):
    spec = {"podSelector": selector or {}, "policyTypes": list(types), **rules}
    return parsed({"metadata": {"name": name, "namespace": "shop"}, "spec": spec})


def parsed(manifest):
    return parse_policy(Field(manifest))


def of(profile, pods, present=(), conflicts=()):
    added = injected("shop", policies(profile, dns=True))
    return report("shop", profile, pods, present, added, conflicts)


def names(found: Report):
    return [[it.pod for it in side] for side in (found.ingress, found.egress)]


WEB, DB = {"matchLabels": {"app": "web"}}, {"matchLabels": {"app": "db"}}
PODS = (pod("web", app="web"), pod("db", app="db"))


@pytest.mark.parametrize(
    ("profile", "pods", "present", "ingress", "egress"),
    [
        pytest.param("deny-all", PODS, [], ["db", "web"], ["db", "web"], id="nothing-stands"),
        pytest.param("deny-ingress", PODS, [], ["db", "web"], [], id="one-direction"),
        pytest.param("same-namespace", PODS, [], ["db", "web"], ["db", "web"], id="own-pods-only"),
        pytest.param("deny-all", [], [], [], [], id="no-pods"),
        pytest.param(
            "deny-all", PODS, [standing(selector=WEB)], ["db"], ["db", "web"], id="one-isolated"
        ),
        pytest.param("deny-all", PODS, [standing(types=BOTH)], [], [], id="all-isolated"),
        pytest.param(
            "deny-all",
            PODS,
            [standing(types=["Egress"], egress=[{}]), standing("in", DB)],
            ["web"],
            [],
            id="an-allow-for-everything-isolates-and-opens",
        ),
        pytest.param(
            "deny-all",
            PODS,
            [standing(egress=[{"to": [{"podSelector": {}}]}])],
            [],
            ["db", "web"],
            id="egress-rules-without-the-type-allow-nothing",
        ),
        pytest.param(
            "deny-all",
            [pod("node", host=True), pod("job", "Succeeded"), pod("crash", "Failed")],
            [],
            [],
            [],
            id="no-endpoints-of-policies",
        ),
        pytest.param("deny-all", [pod("new", "Pending")], [], ["new"], ["new"], id="starting"),
    ],
)
def test_what_no_policy_selects_is_cut_off(profile, pods, present, ingress, egress):
    """Per direction: the pods that nothing isolates yet, and that the profile does."""
    assert names(of(profile, pods, present)) == [ingress, egress]


def test_a_profile_that_allows_everything_cuts_off_nobody():
    """A profile of one's own may isolate and let everything through."""
    added = [standing("portcullis-open", types=BOTH, ingress=[{}], egress=[{}])]

    assert not report("shop", "own-open", PODS, [], added).breaks


def test_the_short_form_names_workloads():
    """Deployments in place of pods: their names outlive a rollout."""
    hashed = {"app": "web", "pod-template-hash": "5d8f"}
    pods = [pod(f"web-{n}", owner="ReplicaSet/web-5d8f", **hashed) for n in range(3)]
    pods += [pod(name) for name in ("a", "b", "c")]
    found = of("deny-all", pods, [standing(types=["Egress"])], ["portcullis-deny-all"])

    assert found.short == (
        "deny-all: ingress 6/6 (Deployment/web, Pod/a, Pod/b, 1 more), egress 0/6; "
        "in the way: portcullis-deny-all"
    )


@pytest.mark.parametrize(
    ("owner", "labels", "expected"),
    [
        pytest.param(None, {}, "Pod/web", id="bare"),
        pytest.param("Job/once", {}, "Job/once", id="job"),
        pytest.param("ReplicaSet/web", {}, "ReplicaSet/web", id="bare-replica-set"),
        pytest.param(
            "ReplicaSet/web-1", {"pod-template-hash": "2"}, "ReplicaSet/web-1", id="another-hash"
        ),
        pytest.param(
            "ReplicaSet/web-1", {"pod-template-hash": "1"}, "Deployment/web", id="deployment"
        ),
    ],
)
def test_a_pod_is_told_by_its_workload(owner, labels, expected):
    """The controller that made it; the Deployment behind a ReplicaSet by the hash in its name."""
    assert workload(pod(owner=owner, **labels)) == expected


@pytest.mark.parametrize("profile", ["deny-all", "deny-ingress", "same-namespace"])
@pytest.mark.parametrize("seed", range(100))
def test_the_report_is_what_tuples_tell(profile, seed):
    """300 clusters: the report is what the reference evaluator finds by asking each tuple.

    Three namespaces each, policies of every shape among them.
    """
    objects = clusters.cluster(random.Random(seed))
    pods = [o for o in objects if o["kind"] == "Pod"]
    manifests = policies(profile, dns=True)
    for name in clusters.NAMESPACES:
        inside = [msgspec.convert(o, PodObject) for o in pods if o["metadata"]["namespace"] == name]
        present = [
            parsed(o)
            for o in objects
            if o["kind"] == "NetworkPolicy" and o["metadata"]["namespace"] == name
        ]
        found = report(name, profile, inside, present, injected(name, manifests))
        added = [
            {**it, "metadata": {**it["metadata"], "namespace": name}, "spec": dict(it["spec"])}
            for it in manifests
        ]
        plain = [o for o in objects if o["kind"] in {"Namespace", "Pod", "NetworkPolicy"}]

        assert names(found) == list(broken(plain, added, name).values())


@pytest.mark.parametrize(
    ("short", "told"),
    [
        ("deny-all: ingress 0/0, egress 0/0", "deny-all would cut off nothing"),
        ("deny-all: ingress 0/10, egress 0/10", "deny-all would cut off nothing"),
        (
            "own-a: ingress 0/2, egress 0/2; in the way: portcullis-a",
            "own-a would cut off nothing; in the way: portcullis-a",
        ),
        (
            "deny-all: ingress 0/2, egress 1/2 (Pod/a)",
            "would cut off by deny-all: ingress 0/2, egress 1/2 (Pod/a)",
        ),
    ],
)
def test_the_short_form_as_people_are_told_it(short, told):
    """Where it cuts off nothing it says so, in place of counts that are all 0."""
    assert sentence(short) == told
