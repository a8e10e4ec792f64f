"""Pods, workloads, Namespaces and Services as the engine takes them."""

import pytest

from webhook.netpol.errors import InvalidObjectError
from webhook.netpol.parse import parse_world


def thing(kind, name="web", namespace="x", api="apps/v1", owner=None, **rest):
    metadata = {"name": name, "namespace": namespace}
    if owner:
        kind_of_owner, name_of_owner = owner
        reference = {"kind": kind_of_owner, "name": name_of_owner, "controller": True}
        metadata["ownerReferences"] = [reference]
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


def templated(kind, api="apps/v1", **rest):
    template = {"metadata": {"labels": {"app": "w"}}, "spec": {"containers": []}}
    spec = {"template": template}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    return thing(kind, api=api, spec=spec, **rest)


def pod(name="web", status=None, **rest):
    return thing("Pod", name, api="v1", spec={"containers": []}, status=status or {}, **rest)


def names(*objects):
    return [pod.key for pod in parse_world(objects).pods]


@pytest.mark.parametrize(
    ("kind", "api"),
    [
        ("Deployment", "apps/v1"),
        ("StatefulSet", "apps/v1"),
        ("DaemonSet", "apps/v1"),
        ("ReplicaSet", "apps/v1"),
        ("ReplicationController", "v1"),
        ("CronJob", "batch/v1"),
    ],
)
def test_a_workload_stands_for_one_pod(kind, api):
    """A template is one IPv4 pod of the workload's name, with the template's labels."""
    (found,) = parse_world([templated(kind, api)]).pods

    assert ("x/web", {"app": "w"}, {4}) == (found.key, found.labels, set(found.families))


@pytest.mark.parametrize(
    ("manual", "given"),
    [
        pytest.param({}, True, id="by-default"),
        pytest.param({"manualSelector": True}, False, id="manual-selector"),
    ],
)
def test_the_pods_of_a_job_have_its_name(manual, given):
    """The Job controller labels them, which policies for what a Job may reach select by."""
    job = templated("Job", "batch/v1")
    job["spec"] |= manual
    (found,) = parse_world([job]).pods
    by_name = {"job-name": "web", "batch.kubernetes.io/job-name": "web"}

    assert {"app": "w"} | (by_name if given else {}) == found.labels


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param([pod(status={"phase": "Succeeded"})], [], id="succeeded-is-no-endpoint"),
        pytest.param([pod(status={"phase": "Failed"})], [], id="failed-is-no-endpoint"),
        pytest.param([pod(status={"phase": "Pending"})], ["x/web"], id="pending-is-one"),
        pytest.param(
            [
                templated(
                    "Job",
                    "batch/v1",
                    status={"conditions": [{"type": "Complete", "status": "True"}]},
                )
            ],
            [],
            id="complete-job",
        ),
        pytest.param(
            [
                templated("Deployment"),
                templated("ReplicaSet", name="web-1", owner=("Deployment", "web")),
                pod("web-1-a", owner=("ReplicaSet", "web-1")),
            ],
            ["x/web-1-a"],
            id="pods-count-before-their-templates",
        ),
        pytest.param(
            [
                templated("Deployment"),
                templated("ReplicaSet", name="web-1", owner=("Deployment", "web")),
            ],
            ["x/web"],
            id="the-owner's-template-counts",
        ),
        pytest.param(
            [templated("ReplicaSet", name="web-1", owner=("Deployment", "web"))],
            ["x/web-1"],
            id="an-absent-owner-does-not",
        ),
        pytest.param(
            [templated("Deployment"), templated("StatefulSet")],
            ["x/web[Deployment]", "x/web[StatefulSet]"],
            id="same-name-other-kind",
        ),
        pytest.param([pod(), pod()], ["x/web"], id="the-same-object-twice"),
        pytest.param([pod(namespace=None)], ["default/web"], id="no-namespace-is-default"),
        pytest.param(
            [thing("ConfigMap", api="v1"), thing("NetworkPolicy", api="projectcalico.org/v3")],
            [],
            id="other-kinds-are-passed-over",
        ),
    ],
)
def test_which_pods_count(objects, expected):
    """Endpoints are the pods that run, or one for a template without pods."""
    assert expected == names(*objects)


def test_a_later_policy_replaces_an_earlier_one():
    """Of two objects of one name the last counts, as in kubectl apply."""
    first = thing("NetworkPolicy", api="networking.k8s.io/v1", spec={"policyTypes": ["Egress"]})
    second = thing("NetworkPolicy", api="networking.k8s.io/v1", spec={})
    (found,) = parse_world([first, second]).policies

    assert ["Ingress"] == sorted(found.types)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"kind": "Pod"}, "object: apiVersion", id="no-version"),
        pytest.param({"apiVersion": "v1"}, "kind: Required value", id="no-kind"),
        pytest.param({"apiVersion": "v1", "kind": "Pod"}, "metadata.name: Required", id="no-name"),
        pytest.param(pod("a\nb"), "metadata.name: Invalid value", id="name"),
        pytest.param(pod(namespace="A"), "metadata.namespace: Invalid value", id="namespace"),
        pytest.param(
            thing("NetworkPolicy", api="extensions/v1beta1"), "no longer served", id="old-group"
        ),
        pytest.param(
            pod(status={"podIPs": [{"ip": "10.0.0"}]}),
            "Pod x/web: status.podIPs[0].ip: Invalid value",
            id="address",
        ),
    ],
)
def test_refused(value, expected):
    """A malformed object is an error that says where."""
    with pytest.raises(InvalidObjectError) as error:
        parse_world([value])

    assert expected.replace("object: ", "") in str(error.value)
