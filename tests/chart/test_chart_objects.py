"""What stands beside the Deployment: autoscaler, our NetworkPolicy, FlowSchema, test."""

import json
import subprocess
import sys

import pytest

from webhook.lint.own import own_policies

pytestmark = pytest.mark.controlplane

OWN_POD = "portcullis-system/portcullis-1"


@pytest.fixture(scope="session")
def allowed(render):
    """Whether our own engine finds a connection allowed by the NetworkPolicy that is rendered."""

    def run(source, target, port, *values):
        rendered = render(*values)
        labels = rendered.one("Deployment")["spec"]["template"]["metadata"]["labels"]
        world = [
            namespace("portcullis-system"),
            namespace("kube-system"),
            namespace("monitoring"),
            pod("portcullis-1", "portcullis-system", labels),
            pod("dns", "kube-system", {"k8s-app": "kube-dns"}),
            pod("prometheus", "monitoring", {"app": "prometheus"}),
            rendered.one("NetworkPolicy"),
        ]
        where = ["--from", source, "--to", target, "--port", port, "--output", "json"]
        done = subprocess.run(
            [sys.executable, "-m", "webhook", "explain", *where, "-"],
            input="\n---\n".join(json.dumps(it) for it in world),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout)["verdict"] == "allowed"

    return run


def namespace(name):
    labels = {"kubernetes.io/metadata.name": name}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def pod(name, where, labels):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": where, "labels": labels},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
        "status": {"podIPs": [{"ip": f"{net}{len(name)}"} for net in ("10.1.0.", "fd00::")]},
    }


@pytest.mark.parametrize(
    ("source", "port", "expected"),
    [
        pytest.param("192.0.2.1", "TCP/8443", True, id="api-server-on-a-node"),
        pytest.param("2001:db8::1", "TCP/8443", True, id="api-server-by-ipv6"),
        pytest.param("monitoring/prometheus", "TCP/8443", True, id="pod-to-reviews"),
        pytest.param("monitoring/prometheus", "TCP/9402", True, id="metrics"),
        pytest.param("monitoring/prometheus", "TCP/9403", True, id="metrics-of-the-controller"),
        pytest.param("192.0.2.1", "TCP/9402", False, id="metrics-from-outside"),
        pytest.param("monitoring/prometheus", "TCP/22", False, id="another-port"),
    ],
)
def test_reviews_come_from_anywhere_and_nothing_else_does(allowed, source, port, expected):
    """By our own engine: no selector finds the API server, so its port is open to all."""
    assert allowed(source, OWN_POD, port) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [("monitoring/prometheus", True), ("kube-system/dns", False)],
)
def test_metrics_can_be_limited_to_who_scrapes_them(allowed, source, expected):
    """`networkPolicy.metricsFrom` takes peers."""
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}

    assert allowed(source, OWN_POD, "9402", f"networkPolicy.metricsFrom=[{json.dumps(peer)}]") is (
        expected
    )


@pytest.mark.parametrize(
    ("target", "port", "values", "expected"),
    [
        pytest.param("198.51.100.1", "TCP/443", [], True, id="unlimited-by-default"),
        pytest.param("198.51.100.1", "TCP/25", [], True, id="any-port-by-default"),
        pytest.param("198.51.100.1", "TCP/6443", ["enabled=true"], True, id="api-server"),
        pytest.param("198.51.100.1", "TCP/25", ["enabled=true"], False, id="mail"),
        pytest.param("kube-system/dns", "UDP/53", ["enabled=true"], True, id="dns"),
        pytest.param(
            "kube-system/dns", "UDP/53", ["enabled=true", "dns=false"], False, id="no-dns"
        ),
        pytest.param(
            "198.51.100.1",
            "TCP/6443",
            ["enabled=true", 'apiServers=["10.96.0.1/32"]'],
            False,
            id="another-api-server",
        ),
        pytest.param(
            "10.96.0.1",
            "TCP/443",
            ["enabled=true", 'apiServers=["10.96.0.1/32"]'],
            True,
            id="listed-api-server",
        ),
    ],
)
def test_egress_is_limited_where_it_is_wished_for(allowed, target, port, values, expected):
    """To the API server and DNS; off by default, for nobody here knows the API server's port."""
    sets = [f"networkPolicy.egress.{it}" for it in values]

    assert allowed(OWN_POD, target, port, *sets) is expected


def test_our_linter_finds_what_cannot_be_otherwise(rendered):
    """Reviews come from anywhere, and who scrapes metrics is not known; nothing else is found."""
    done = subprocess.run(
        [sys.executable, "-m", "webhook", "lint", "--output", "json", "-"],
        input=json.dumps(rendered.one("NetworkPolicy")),
        capture_output=True,
        text=True,
        check=False,
    )
    found = [(it["check"], it["field"]) for it in json.loads(done.stdout)["findings"]]

    assert [
        ("rule-allows-all-peers", "spec.ingress[0]"),
        ("broad-ns", "spec.ingress[1].from[0].namespaceSelector"),
    ] == found


def test_lint_knows_our_policy_in_a_cluster(rendered):
    """By what the chart writes: what the policy means is then no finding of `lint --live`."""
    policy = rendered.one("NetworkPolicy")

    assert own_policies(rendered.objects) == {rendered.objects.index(policy)}


def test_on_the_hosts_network_there_is_no_policy(render):
    """It would select Pods that no policy governs, and promise what does not hold."""
    objects = render("hostNetwork=true").objects

    assert "NetworkPolicy" not in {it["kind"] for it in objects}


def test_with_an_autoscaler_nobody_else_sets_the_replicas(render):
    """Else every upgrade would scale back."""
    rendered = render("autoscaling.enabled=true", "autoscaling.minReplicas=3")
    scaler = rendered.one("HorizontalPodAutoscaler")["spec"]

    assert "replicas" not in rendered.one("Deployment")["spec"]
    assert (3, 6) == (scaler["minReplicas"], scaler["maxReplicas"])
    assert {"apiVersion": "apps/v1", "kind": "Deployment", "name": "portcullis"} == (
        scaler["scaleTargetRef"]
    )


def test_the_autoscaler_looks_at_the_container_that_answers(render):
    """The mean of both would be half of what the busy one has."""
    values = ("autoscaling.enabled=true", "autoscaling.targetMemoryUtilizationPercentage=70")
    metrics = render(*values).one("HorizontalPodAutoscaler")["spec"]["metrics"]

    assert {("webhook", "cpu", 80), ("webhook", "memory", 70)} == {
        (source["container"], source["name"], source["target"]["averageUtilization"])
        for source in (it["containerResource"] for it in metrics)
    }


def test_our_requests_have_a_flow_of_their_own(render):
    """For our ServiceAccount alone, before the schema that takes all of them (9000)."""
    spec = render('serviceAccount.name="mine"', namespace="gate").one("FlowSchema")["spec"]
    (rule,) = spec["rules"]

    account = {"name": "mine", "namespace": "gate"}
    assert [{"kind": "ServiceAccount", "serviceAccount": account}] == rule["subjects"]
    assert spec["matchingPrecedence"] < 9000
    assert {"name": "workload-high"} == spec["priorityLevelConfiguration"]


def test_what_stands_beside_can_be_left_out(render):
    """Each by its `enabled`."""
    parts = ("networkPolicy", "flowSchema", "backstop", "tests", "podDisruptionBudget")
    rendered = render(*(f"{it}.enabled=false" for it in parts))

    kinds = {it["kind"] for it in rendered.objects}
    assert not {"NetworkPolicy", "FlowSchema", "PodDisruptionBudget"} & kinds
    assert not [it for it in kinds if it.startswith("ValidatingAdmissionPolicy")]
    assert [] == rendered.hooks


def test_another_namespace_is_followed_everywhere(render):
    """A parent chart may put us where its release is not."""
    rendered = render('namespaceOverride="gate"', namespace="parent")
    namespaced = [it for it in rendered.objects if "namespace" in it["metadata"]]

    assert {"gate"} == {it["metadata"]["namespace"] for it in namespaced}
    assert "parent" not in rendered.text
    assert "system:serviceaccount:gate:portcullis" in rendered.text


def test_annotations_of_all_reach_all(render):
    """Beside an object's own, which win."""
    rendered = render('commonAnnotations={"team":"net"}', 'service.annotations={"team":"web"}')
    given = {
        (it["kind"], it["metadata"]["name"]): it["metadata"].get("annotations", {}).get("team")
        for it in (*rendered.objects, *rendered.hooks)
    }

    assert "web" == given.pop(("Service", "portcullis"))
    assert {"net"} == set(given.values())


def test_a_parents_registry_and_secrets_are_taken(render):
    """`global` wins over the image's own registry."""
    rendered = render(
        'global={"imageRegistry":"mirror.example","imagePullSecrets":[{"name":"a"}]}',
        'imagePullSecrets=[{"name":"b"}]',
    )

    images = {it["image"] for it in rendered.pod["containers"]}
    assert {"mirror.example/portcullis/portcullis:0.1.0"} == images
    assert [{"name": "a"}, {"name": "b"}] == rendered.pod["imagePullSecrets"]


def test_objects_of_users_are_rendered_with_the_release(render):
    """As maps or text, templates in them included."""
    given = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-a"}},
        "apiVersion: v1\nkind: Secret\nmetadata: {name: b}",
    ]
    rendered = render(f"extraObjects={json.dumps(given)}")

    assert rendered.one("ConfigMap", "portcullis-a")
    assert rendered.one("Secret", "b")


def test_the_tests_pod_is_restricted_and_is_no_replica(rendered):
    """The Service and the budget must not count it, and it ends by itself."""
    (it,) = [hook for hook in rendered.hooks if hook["kind"] == "Pod"]
    selector = rendered.one("Service")["spec"]["selector"]
    (container,) = it["spec"]["containers"]

    assert not selector.items() <= it["metadata"]["labels"].items()
    assert ("Never", 120) == (it["spec"]["restartPolicy"], it["spec"]["activeDeadlineSeconds"])
    assert container["image"] == rendered.container("webhook")["image"]
    assert container["securityContext"] == rendered.container("webhook")["securityContext"]
    assert it["spec"]["securityContext"] == rendered.pod["securityContext"]
