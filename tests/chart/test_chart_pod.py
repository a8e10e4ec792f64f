"""The Pods: what runs, with what environment, probes and rights."""

from pathlib import Path

import pytest

from webhook import settings

pytestmark = pytest.mark.controlplane

BOTH = pytest.mark.parametrize("name", ["webhook", "controller"])


def probe(container, kind):
    get = container[f"{kind}Probe"]["httpGet"]
    (number,) = [it["containerPort"] for it in container["ports"] if it["name"] == get["port"]]
    return get.get("scheme", "HTTP"), number, get["path"]


def test_two_containers_of_one_image_run_what_the_repository_serves(rendered):
    """The command lines that tests and the demo run too."""
    webhook, controller = rendered.pod["containers"]

    assert ["gunicorn", "--config=gunicorn.conf.py", "wsgi:app"] == webhook["command"]
    assert ["portcullis", "controller"] == controller["command"]
    assert webhook["image"] == controller["image"] == "ghcr.io/portcullis/portcullis:0.1.0"


def test_a_digest_wins_over_the_tag(render):
    """An image that is pinned stays pinned."""
    digest = "sha256:" + "a" * 64
    rendered = render(f'image={{"registry":"","tag":"1","digest":"{digest}"}}')

    assert f"portcullis/portcullis@{digest}" == rendered.container("webhook")["image"]


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("webhook", "startup", ("HTTP", 9402, "/healthz")),
        ("webhook", "readiness", ("HTTPS", 8443, "/readyz")),
        ("webhook", "liveness", ("HTTP", 9402, "/healthz")),
        ("controller", "liveness", ("HTTP", 9403, "/healthz")),
    ],
)
def test_probes_ask_the_server_that_serves(rendered, name, kind, expected):
    """A probe that asks elsewhere would not see what the API server sees."""
    assert expected == probe(rendered.container(name), kind)


def test_the_service_leads_to_the_port_of_the_reviews(rendered):
    """443 of the Service is the container's TLS port, by name."""
    service = rendered.one("Service")["spec"]

    assert [("https", 443, "https")] == [
        (it["name"], it["port"], it["targetPort"]) for it in service["ports"]
    ]
    labels = rendered.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()


@BOTH
def test_the_environment_is_what_settings_reads(rendered, name):
    """`webhook.settings.load` finds the identity of the Pod in it."""
    given = rendered.container(name)["env"]
    environ = {it["name"]: it.get("value", "from-the-pod") for it in given}
    del environ["PORTCULLIS_SETTINGS"]
    read = settings.load(environ)

    assert "portcullis" == read.identity.service
    assert "portcullis" == read.identity.installation
    fields = {it["name"]: it["valueFrom"]["fieldRef"]["fieldPath"] for it in given[-3:]}
    assert fields == {
        "POD_NAME": "metadata.name",
        "POD_NAMESPACE": "metadata.namespace",
        "POD_SERVICE_ACCOUNT": "spec.serviceAccountName",
    }
    assert "from-the-pod" == read.identity.pod == read.identity.namespace
    # The workers share their counters there; the controller is one process.
    assert (Path("/tmp/metrics") if name == "webhook" else None) == read.metrics


@BOTH
def test_the_settings_file_is_mounted_where_the_environment_says(rendered, name):
    """PORTCULLIS_SETTINGS names a file of the mounted ConfigMap."""
    container = rendered.container(name)
    environ = {it["name"]: it.get("value") for it in container["env"]}
    (mount,) = [it for it in container["volumeMounts"] if it["name"] == "settings"]
    (volume,) = [it for it in rendered.pod["volumes"] if it["name"] == "settings"]

    (key,) = rendered.one("ConfigMap", volume["configMap"]["name"])["data"]
    assert f"{mount['mountPath']}/{key}" == environ["PORTCULLIS_SETTINGS"]
    assert mount["readOnly"] is True


@BOTH
def test_each_container_has_a_small_tmp_of_its_own_in_memory(rendered, name):
    """The root is read-only, and two containers must not share files named by process id."""
    mounts = {it["mountPath"]: it["name"] for it in rendered.container(name)["volumeMounts"]}
    volumes = {it["name"]: it for it in rendered.pod["volumes"]}

    assert f"tmp-{name}" == mounts["/tmp"]
    assert {"medium": "Memory", "sizeLimit": "32Mi"} == volumes[f"tmp-{name}"]["emptyDir"]


@BOTH
def test_the_pod_meets_the_restricted_pod_security_standard(rendered, name):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted."""
    pod, container = rendered.pod["securityContext"], rendered.container(name)["securityContext"]

    assert (True, 65532, 65532) == (pod["runAsNonRoot"], pod["runAsUser"], pod["runAsGroup"])
    assert {"type": "RuntimeDefault"} == pod["seccompProfile"]
    assert container == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & rendered.pod.keys()


@BOTH
def test_memory_is_limited_and_cpu_is_not(rendered, name):
    """Throttling would add to the latency of every guarded write."""
    resources = rendered.container(name)["resources"]

    assert {"cpu", "memory"} == set(resources["requests"])
    assert {"memory"} == set(resources["limits"])


def test_a_stopping_replica_has_time_to_leave_drain_and_finish(render):
    """preStop, then the drain, then the last review, then a margin."""
    pod = render(
        "preStopSeconds=7", "server.drainSeconds=20.5", "webhooks.podTimeoutSeconds=30"
    ).pod

    assert {"sleep": {"seconds": 7}} == pod["containers"][0]["lifecycle"]["preStop"]
    assert 7 + 21 + 30 + 5 == pod["terminationGracePeriodSeconds"]


def test_the_grace_period_outlasts_gunicorns_own(rendered):
    """By drainSeconds + 15 gunicorn is gone (gunicorn.conf.py); the kubelet counts preStop too."""
    assert 5 + 10 + 15 < rendered.pod["terminationGracePeriodSeconds"]


def test_without_a_pre_stop_there_is_no_hook(render):
    """A sleep of 0 is refused by older API servers."""
    assert "lifecycle" not in render("preStopSeconds=0").container("webhook")


def test_other_settings_roll_the_pods(render):
    """The settings are read once."""

    def checksum(*values):
        template = render(*values).one("Deployment")["spec"]["template"]
        return template["metadata"]["annotations"]["checksum/settings"]

    assert checksum() != checksum('defaultDeny.profile="deny-ingress"')
    assert checksum() == checksum("replicaCount=3")


def test_replicas_prefer_different_nodes_and_zones(rendered):
    """Softly: two replicas on one node are better than one replica."""
    (term,) = rendered.pod["affinity"]["podAntiAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    (spread,) = rendered.pod["topologySpreadConstraints"]

    assert "kubernetes.io/hostname" == term["podAffinityTerm"]["topologyKey"]
    assert "topology.kubernetes.io/zone" == spread["topologyKey"]
    assert "ScheduleAnyway" == spread["whenUnsatisfiable"]


def test_a_system_priority_brings_the_quota_that_admits_it(render):
    """GKE admits it only so; where there is no such limit the quota does no harm."""
    quota = render().one("ResourceQuota")["spec"]

    (expression,) = quota["scopeSelector"]["matchExpressions"]
    assert ["system-cluster-critical"] == expression["values"]
    other = render('priorityClassName="mine"')
    assert "mine" == other.pod["priorityClassName"]
    assert "ResourceQuota" not in {it["kind"] for it in other.objects}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([], {"maxUnavailable": 1}, id="neither"),
        pytest.param(["minAvailable=1"], {"minAvailable": 1}, id="min"),
        pytest.param(['maxUnavailable="50%"'], {"maxUnavailable": "50%"}, id="max"),
    ],
)
def test_the_disruption_budget_has_one_bound(render, values, expected):
    """And replicas that are broken may always be evicted."""
    spec = render(*(f"podDisruptionBudget.{it}" for it in values)).one("PodDisruptionBudget")[
        "spec"
    ]

    assert expected == {k: spec[k] for k in ("minAvailable", "maxUnavailable") if k in spec}
    assert "AlwaysAllow" == spec["unhealthyPodEvictionPolicy"]


def test_threads_share_a_heap(render):
    """What each of many threads has freed does not stay in a heap of its own."""
    for container in render().pod["containers"]:
        assert {"name": "MALLOC_ARENA_MAX", "value": "1"} in container["env"]


def test_what_users_add_reaches_the_pods(render):
    """Each of these values does something."""
    rendered = render(
        'tolerations=[{"operator":"Exists"}]',
        'nodeSelector={"kubernetes.io/os":"linux"}',
        "hostNetwork=true",
        'extraEnv=[{"name":"A","value":"b"}]',
        'extraVolumes=[{"name":"v","emptyDir":{}}]',
        'extraVolumeMounts=[{"name":"v","mountPath":"/v"}]',
        'imagePullSecrets=[{"name":"s"}]',
        'podLabels={"a":"b"}',
        'podAnnotations={"c":"d"}',
        'commonLabels={"team":"net"}',
        'affinity={"nodeAffinity":{}}',
    )

    pod = rendered.pod
    assert [{"operator": "Exists"}] == pod["tolerations"]
    assert {"kubernetes.io/os": "linux"} == pod["nodeSelector"]
    assert (True, "ClusterFirstWithHostNet") == (pod["hostNetwork"], pod["dnsPolicy"])
    assert [{"name": "s"}] == pod["imagePullSecrets"]
    assert {"nodeAffinity": {}} == pod["affinity"]
    assert {"name": "v", "emptyDir": {}} in pod["volumes"]
    for container in pod["containers"]:
        assert {"name": "A", "value": "b"} in container["env"]
        assert {"name": "v", "mountPath": "/v"} in container["volumeMounts"]
    metadata = rendered.one("Deployment")["spec"]["template"]["metadata"]
    assert "b" == metadata["labels"]["a"]
    assert "d" == metadata["annotations"]["c"]
    assert all("net" == it["metadata"]["labels"]["team"] for it in rendered.objects)
