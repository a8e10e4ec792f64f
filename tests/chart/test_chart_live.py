"""What the real API server sends, by the chart's configurations.

The Service is taken away and every entry set to Fail: a request that would be sent is then refused
with the name of its entry, one that is never sent succeeds. No server of ours is needed, and an
expression that errs would show as a third answer.
"""

import json
import re
import time

import pytest

from tools.chart_readme import CHART

pytestmark = pytest.mark.controlplane

VALIDATING, MUTATING = "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"
RELEASE = ("portcullis", str(CHART), "--namespace", "portcullis-system")
EXEMPT = 'defaultDeny.exemptNamespaces=["ci-*"]'
NO_BACKSTOP = "backstop.enabled=false"
"""It would refuse before any webhook is called: tests/chart/test_chart_backstop.py."""
FLANNEL = ("--namespace", "kube-flannel")
SEALED = ("--namespace", "sealed")
OURSELVES = "system:serviceaccount:portcullis-system:portcullis"
CONTROLLER = "system:serviceaccount:kube-system:namespace-controller"
MANAGED = {"app.kubernetes.io/managed-by": "portcullis"}
"""User names as the API server tells them; all act as system:masters here."""


@pytest.fixture(scope="module")
def plane(control_plane):
    """The chart installed, objects to be changed, and nobody behind the Service."""
    plane = control_plane
    for name, labels in {
        "kube-flannel": {},
        "plain": {},
        "pending": {"portcullis.dev/seal": "pending"},
        "sealed": {"portcullis.dev/seal": "sealed"},
        "odd": {"portcullis.dev/seal": ""},
    }.items():
        create(plane, new_namespace(name, labels))
    for name in ("kube-flannel-cfg", "other"):
        create(plane, config_map(name, "kube-flannel"))
    create(plane, config_map("bare", "kube-flannel", data=None))
    for name in ("kube-flannel-ds", "other"):
        create(plane, daemon_set(name))
    for name, labels in {"portcullis-deny-all": MANAGED, "own": {"a": "b"}, "bare": None}.items():
        create(plane, policy(name, "sealed", labels))
    values = ("--set-json", EXEMPT, "--set-json", NO_BACKSTOP)
    plane.helm("install", *RELEASE, "--create-namespace", *values)
    plane.kubectl("delete", "service", "portcullis", "--namespace", "portcullis-system")
    fail_with(
        plane, VALIDATING, "Fail", sent_then=["delete", "configmap", "kube-flannel-cfg", *FLANNEL]
    )
    yield plane
    plane.helm("uninstall", "portcullis", "--namespace", "portcullis-system")


@pytest.fixture
def marking_fails(plane):
    """For a test: the entry that marks new Namespaces is Fail too."""
    probe = ["create", new_namespace("probe")]
    fail_with(plane, MUTATING, "Fail", sent_then=probe)
    yield
    fail_with(plane, MUTATING, "Ignore", passed_then=probe)


def fail_with(plane, kind, policy, *, sent_then=None, passed_then=None):
    """Set the failurePolicy of every entry, and wait until the API server goes by it."""
    configuration = plane.get(kind, "portcullis")
    for entry in configuration["webhooks"]:
        entry["failurePolicy"] = policy
    plane.kubectl("replace", "-f", "-", stdin=configuration)
    for _ in range(100):
        if bool(sent_then) == bool(sent(plane, *(sent_then or passed_then))):
            return
        time.sleep(0.1)
    pytest.fail(f"the API server does not take {kind} up")


def create(plane, manifest):
    plane.kubectl("create", "-f", "-", stdin=manifest)


def meta(name, namespace=None, labels=None, **more):
    given = {"name": name, "namespace": namespace, "labels": labels, **more}
    return {key: value for key, value in given.items() if value is not None}


def config_map(name, namespace, data=(("net-conf.json", "{}"),), **more):
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(name, namespace)}
    return {**manifest, **({"data": dict(data)} if data else {}), **more}


def daemon_set(name=None, mounts=None, namespace="kube-flannel", **more):
    """A DaemonSet; `mounts` names the ConfigMap that is its one volume."""
    volumes = {"volumes": [{"name": "v", "configMap": {"name": mounts}}]} if mounts else {}
    spec = {"containers": [{"name": "c", "image": "i"}], **volumes}
    labels = {"app": "a"}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": meta(name, namespace, **more),
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def policy(name, namespace, labels=None, **more):
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": meta(name, namespace, labels, **more),
        "spec": {"podSelector": {}},
    }


def pod(namespace, **more):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta(None, namespace, generateName="p-", **more),
        "spec": {
            "containers": [{"name": "c", "image": "i"}],
            "automountServiceAccountToken": False,
            "nodeName": "node-1",  # a mirror pod must have one
        },
    }


def new_namespace(name=None, labels=None, **more):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta(name, None, labels, **more)}


def sent(plane, verb, *command, user=None, groups=()):
    """The entry that a request would be sent to, None if to none; nothing is changed.

    Args:
        plane: the control plane.
        verb: of kubectl.
        command: what follows it: strings, or one manifest.
        user: as whom, always with the rights of an admin.
        groups: of the user, beyond that.
    """
    flags = ["--dry-run=server"]
    if user:
        flags += ["--as", user, *(f"--as-group={it}" for it in ("system:masters", *groups))]
    if isinstance(command[0], dict):
        done = plane.kubectl(verb, "-f", "-", *flags, stdin=command[0], check=False)
    else:
        done = plane.kubectl(verb, *command, *flags, check=False)
    called = re.search(r'failed calling webhook "([a-z-]+)\.portcullis\.dev"', done.stderr)
    assert called or done.returncode == 0, done.stderr
    return called[1] if called else None


def changed(kind, name, patch, *where, subresource=None):
    """A merge patch."""
    more = ["--subresource", subresource] if subresource else []
    return ["patch", kind, name, "--type=merge", "--patch", json.dumps(patch), *where, *more]


@pytest.mark.parametrize(
    ("command", "entry"),
    [
        pytest.param(["delete", "configmap", "kube-flannel-cfg", *FLANNEL], "flannel", id="delete"),
        pytest.param(["delete", "configmaps", "--all", *FLANNEL], "flannel", id="delete-all"),
        pytest.param(["delete", "configmap", "other", *FLANNEL], None, id="delete-other"),
        pytest.param(
            changed("configmap", "kube-flannel-cfg", {"data": {"x": "y"}}, *FLANNEL),
            "flannel",
            id="data-changed",
        ),
        pytest.param(
            changed("configmap", "kube-flannel-cfg", {"data": None}, *FLANNEL),
            "flannel",
            id="data-removed",
        ),
        pytest.param(
            changed("configmap", "kube-flannel-cfg", {"binaryData": {"x": "eA=="}}, *FLANNEL),
            "flannel",
            id="binary-data-changed",
        ),
        pytest.param(
            changed(
                "configmap", "kube-flannel-cfg", {"metadata": {"labels": {"a": "b"}}}, *FLANNEL
            ),
            None,
            id="label-changed",
        ),
        pytest.param(
            changed("configmap", "other", {"data": {"x": "y"}}, *FLANNEL), None, id="other-changed"
        ),
        pytest.param(
            changed("configmap", "bare", {"data": {"x": "y"}}, *FLANNEL), None, id="bare-changed"
        ),
        pytest.param(["create", config_map("canal-config", "kube-system")], "flannel", id="create"),
        pytest.param(["create", config_map("canal-config", "plain")], None, id="other-namespace"),
    ],
)
def test_only_listed_config_maps_whose_data_changes_are_sent(plane, command, entry):
    """A deletecollection too, whose reviews carry no name."""
    assert entry == sent(plane, *command)


def image(name):
    template = {"spec": {"containers": [{"name": "c", "image": "new"}]}}
    return changed("daemonset", name, {"spec": {"template": template}}, *FLANNEL)


@pytest.mark.parametrize(
    ("command", "entry"),
    [
        pytest.param(["create", daemon_set("canal")], "flannel-daemonsets", id="canal"),
        pytest.param(["create", daemon_set("rke2-canal")], "flannel-daemonsets", id="rke2-canal"),
        pytest.param(
            ["create", daemon_set("kube-flannel-ds-arm64")], "flannel-daemonsets", id="per-arch"
        ),
        pytest.param(
            ["create", daemon_set("mine", "kube-flannel-cfg")],
            "flannel-daemonsets",
            id="by-its-volume",
        ),
        pytest.param(
            ["create", daemon_set(None, "kube-flannel-cfg", generateName="mine-")],
            "flannel-daemonsets",
            id="by-its-volume-with-a-generated-name",
        ),
        pytest.param(["create", daemon_set("mine", "canal-config")], None, id="not-listed-here"),
        pytest.param(["create", daemon_set("calico-node")], None, id="another-plugin"),
        pytest.param(["create", daemon_set("canal2", "some")], None, id="another-volume"),
        pytest.param(image("kube-flannel-ds"), "flannel-daemonsets", id="image"),
        pytest.param(image("other"), None, id="image-of-another"),
        pytest.param(
            changed("daemonset", "kube-flannel-ds", {"metadata": {"labels": {"a": "b"}}}, *FLANNEL),
            None,
            id="label",
        ),
        pytest.param(
            changed(
                "daemonset",
                "kube-flannel-ds",
                {"spec": {"template": {"metadata": {"annotations": {"at": "now"}}}}},
                *FLANNEL,
            ),
            None,
            id="rollout-restart",
        ),
        pytest.param(["delete", "daemonset", "kube-flannel-ds", *FLANNEL], None, id="delete"),
        pytest.param(["delete", "ns", "kube-flannel"], "flannel-namespaces", id="namespace"),
        pytest.param(["delete", "ns", "plain"], None, id="another-namespace"),
    ],
)
def test_what_leads_flanneld_elsewhere_is_sent(plane, command, entry):
    """Its DaemonSet, and the end of its Namespace; no other workload, no Pod of a plugin."""
    assert entry == sent(plane, *command)


@pytest.mark.parametrize(
    ("command", "user", "entry"),
    [
        pytest.param(
            ["delete", "networkpolicy", "portcullis-deny-all", *SEALED],
            None,
            "networkpolicies",
            id="delete",
        ),
        pytest.param(
            ["delete", "networkpolicies", "--all", *SEALED],
            None,
            "networkpolicies-sealed",  # of "bare", the first
            id="delete-all",
        ),
        pytest.param(
            ["delete", "networkpolicies", "--all", *SEALED], CONTROLLER, None, id="end-of-namespace"
        ),
        pytest.param(
            ["delete", "networkpolicies", "--all", *SEALED],
            "system:kube-controller-manager",
            None,
            id="end-of-namespace-without-service-accounts",
        ),
        pytest.param(
            changed("networkpolicy", "portcullis-deny-all", {"spec": {"egress": [{}]}}, *SEALED),
            CONTROLLER,
            "networkpolicies",
            id="update-by-namespace-controller",
        ),
        pytest.param(
            ["delete", "networkpolicies", "--all", *SEALED], OURSELVES, None, id="ourselves"
        ),
        pytest.param(
            changed(
                "networkpolicy", "portcullis-deny-all", {"metadata": {"labels": None}}, *SEALED
            ),
            None,
            "networkpolicies",
            id="labels-removed",
        ),
        pytest.param(
            changed("networkpolicy", "bare", {"metadata": {"labels": MANAGED}}, *SEALED),
            None,
            "networkpolicies",
            id="label-added",
        ),
        pytest.param(
            changed("networkpolicy", "own", {"spec": {"egress": [{}]}}, *SEALED),
            None,
            "networkpolicies-sealed",
            id="users-own",
        ),
        pytest.param(
            ["delete", "networkpolicy", "bare", *SEALED],
            None,
            "networkpolicies-sealed",
            id="users-bare",
        ),
        pytest.param(
            ["create", policy("portcullis-mine", "plain")], None, "networkpolicies", id="our-name"
        ),
        pytest.param(
            ["create", policy(None, "plain", generateName="portcullis-")],
            None,
            "networkpolicies",
            id="our-generated-name",
        ),
        pytest.param(
            ["create", policy("mine", "plain", MANAGED)], None, "networkpolicies", id="our-label"
        ),
        pytest.param(
            ["create", policy("portcullis", "plain")],
            None,
            "networkpolicies-elsewhere",
            id="not-quite-our-name",
        ),
        pytest.param(
            ["create", policy("mine", "plain")], None, "networkpolicies-elsewhere", id="users-new"
        ),
        pytest.param(["create", policy("mine", "plain")], OURSELVES, None, id="our-new"),
        pytest.param(
            ["create", policy("portcullis-mine", "portcullis-system")],
            None,
            None,
            id="our-own-namespace",
        ),
    ],
)
def test_network_policies_are_sent_where_they_matter(plane, command, user, entry):
    """What is ours or would pass for it, changes in sealed namespaces, and new ones anywhere."""
    assert entry == sent(plane, *command, user=user)


def annotation(key, value):
    return {"metadata": {"annotations": {f"portcullis.dev/{key}": value}}}


def label(name, **labels):
    return {"metadata": {"labels": {f"portcullis.dev/{k}": v for k, v in labels.items()}}}


@pytest.mark.parametrize(
    ("command", "user", "entry"),
    [
        pytest.param(changed("ns", "plain", label("seal", seal="sealed")), None, "marks", id="set"),
        pytest.param(changed("ns", "plain", label("seal", seal="")), None, "marks", id="set-empty"),
        pytest.param(changed("ns", "sealed", label("seal", seal=None)), None, "marks", id="unset"),
        pytest.param(
            changed("ns", "sealed", {"metadata": {"labels": None}}), None, "marks", id="unset-all"
        ),
        pytest.param(
            changed("ns", "sealed", label("seal", profile="x")), None, "marks", id="profile"
        ),
        pytest.param(
            changed("ns", "plain", label("seal", seal="sealed"), subresource="status"),
            None,
            "marks",
            id="through-status",
        ),
        pytest.param(
            changed("ns", "sealed", annotation("setting", "none")), None, "marks", id="setting"
        ),
        pytest.param(
            changed("ns", "sealed", annotation("reason", "x")), None, "marks", id="reason"
        ),
        pytest.param(
            changed("ns", "sealed", annotation("report", "x")), None, "marks", id="report"
        ),
        pytest.param(changed("ns", "plain", label("s", seal="x")), OURSELVES, None, id="ourselves"),
        pytest.param(
            changed("ns", "sealed", {"metadata": {"labels": {"a": "b"}}}),
            None,
            "namespace-labels",
            id="other",
        ),
        pytest.param(
            changed("ns", "sealed", {"metadata": {"annotations": {"a": "b"}}}),
            None,
            None,
            id="annotation",
        ),
        pytest.param(["delete", "ns", "sealed"], None, None, id="delete"),
        pytest.param(
            changed("ns", "portcullis-system", label("seal", seal="sealed")),
            None,
            None,
            id="our-own-namespace",
        ),
    ],
)
def test_only_changes_of_marks_and_labels_are_sent(plane, command, user, entry):
    """An ordinary update of a Namespace does not know that we exist; no request is sent twice."""
    assert entry == sent(plane, *command, user=user)


def test_a_mark_changed_through_finalize_is_sent(plane):
    """The strategy of namespaces/finalize keeps the labels of the request; plain ones pass."""
    live = plane.get("ns", "sealed")
    forged = {**live, "metadata": {**live["metadata"], "labels": {"portcullis.dev/seal": "x"}}}

    def finalize(body):
        raw = "/api/v1/namespaces/sealed/finalize?dryRun=All"
        return plane.kubectl("replace", "--raw", raw, "-f", "-", stdin=body, check=False)

    assert "marks.portcullis.dev" in finalize(forged).stderr
    assert finalize(live).returncode == 0


@pytest.mark.parametrize(
    ("manifest", "entry"),
    [
        pytest.param(new_namespace("new"), "namespaces", id="new"),
        pytest.param(new_namespace(generateName="new-"), "namespaces", id="generated"),
        pytest.param(
            new_namespace(
                generateName="new-", labels={"kubernetes.io/metadata.name": "kube-system"}
            ),
            "namespaces",
            id="passes-for-a-system-namespace",
        ),
        pytest.param(new_namespace("calico-system"), None, id="system"),
    ],
)
def test_new_namespaces_are_sent_to_be_marked(plane, marking_fails, manifest, entry):
    """All but the system's, whatever label they bring."""
    assert entry == sent(plane, "create", manifest)


@pytest.mark.parametrize(
    ("name", "marks", "entry"),
    [
        ("new", {}, None),
        ("new", {"seal": "pending"}, None),
        ("new", {"seal": "pending", "profile": "deny-all"}, None),
        ("ci-1", {"seal": "exempt"}, None),
        ("new", {"seal": "exempt"}, "marks"),
        ("new", {"seal": "sealed"}, "marks"),
        ("new", {"seal": ""}, "marks"),
        ("new", {"seal": "pending", "profile": "none"}, "marks"),
    ],
)
def test_a_namespace_born_with_a_forged_mark_is_sent(plane, name, marks, entry):
    """Marking is Ignore: where it did not happen, what the user wrote would stand."""
    labels = {f"portcullis.dev/{key}": value for key, value in marks.items()}

    assert entry == sent(plane, "create", new_namespace(name, labels))


MIRROR = {"kubernetes.io/config.mirror": "x"}


@pytest.mark.parametrize(
    ("namespace", "annotations", "groups", "entry"),
    [
        ("pending", None, (), "pods-pending"),
        ("plain", None, (), "pods-unmarked"),
        ("odd", None, (), "pods-unmarked"),
        ("sealed", None, (), None),
        ("kube-system", None, (), None),
        ("portcullis-system", None, (), None),
        ("pending", {"a": "b"}, (), "pods-pending"),
        ("pending", MIRROR, (), "pods-pending"),
        ("pending", MIRROR, ("system:nodes",), None),
        ("plain", MIRROR, ("system:nodes",), None),
        ("pending", None, ("system:nodes",), "pods-pending"),
    ],
)
def test_pods_are_sent_until_their_namespace_is_sealed(
    plane, namespace, annotations, groups, entry
):
    """Mirror pods of nodes are not; a user's pod that calls itself one is."""
    manifest = pod(namespace, annotations=annotations)

    assert entry == sent(plane, "create", manifest, user="somebody", groups=groups)


EVERYTHING = (
    "autoscaling.enabled=true",
    "autoscaling.targetMemoryUtilizationPercentage=80",
    'autoscaling.behavior={"scaleDown":{"stabilizationWindowSeconds":600}}',
    "networkPolicy.egress.enabled=true",
    'networkPolicy.egress.apiServers=["10.96.0.1/32"]',
    "hostUsers=false",
    'dnsConfig={"options":[{"name":"ndots","value":"2"}]}',
    'service.ipFamilyPolicy="PreferDualStack"',
    'extraContainers=[{"name":"more","image":"i"}]',
    'extraInitContainers=[{"name":"first","image":"i"}]',
    'commonAnnotations={"example.com/team":"net"}',
    "podDisruptionBudget.minAvailable=1",
)


def test_everything_that_can_be_switched_on_is_valid(plane, render):
    """The API server itself reads every object, CEL and all; nothing is stored."""
    rendered = render(*EVERYTHING, 'fullnameOverride="all"')
    # The test's Pod needs its ServiceAccount; tests/e2e/test_portcullis_helm_test.py runs it.
    for manifest in (it for it in (*rendered.objects, *rendered.hooks) if it["kind"] != "Pod"):
        done = plane.kubectl(
            "create",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            "-",
            stdin=manifest,
            check=False,
        )

        assert done.returncode == 0, (manifest["kind"], done.stderr)
        assert "Warning" not in done.stderr


@pytest.fixture
def second(control_plane):
    """Another release, as Helm leaves it."""
    # Nobody is there to be asked about our own NetworkPolicy, and the first one's entries are Fail.
    alone = ("--set", "networkPolicy.enabled=false")
    release = ("second", str(CHART), "--namespace", "second-system", *alone)
    # Without labels, which the entries of the first one would be asked about.
    create(control_plane, new_namespace("second-system"))
    control_plane.helm("install", *release)
    yield release
    control_plane.helm("uninstall", "second", "--namespace", "second-system")
    for kind in (VALIDATING, MUTATING):
        assert control_plane.get(kind, "second-portcullis") is None, "left behind"


def test_an_upgrade_leaves_the_ca_bundle_alone(control_plane, second):
    """Also one that switches default deny off, and on again; without a conflict of managers."""
    plane, name = control_plane, "second-portcullis"
    for kind in (VALIDATING, MUTATING):
        entries = [
            {"name": it["name"], "clientConfig": {"caBundle": "Y2E="}}
            for it in plane.get(kind, name)["webhooks"]
        ]
        api = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind}
        ours = {**api, "metadata": {"name": name}, "webhooks": entries}
        manager = ("--server-side", "--field-manager=portcullis")
        plane.kubectl("apply", *manager, "-f", "-", stdin=ours)
    for enabled in ("false", "true"):
        plane.helm("upgrade", *second, "--set", f"defaultDeny.enabled={enabled}")

        for kind in (VALIDATING, MUTATING):
            entries = plane.get(kind, name)["webhooks"]
            assert {"Y2E="} == {it["clientConfig"].get("caBundle") for it in entries}
