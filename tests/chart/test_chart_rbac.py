"""What Portcullis may do: the whole table. Whoever widens it changes this file, and says why."""

import json

import pytest

from tests.e2e import chart_rights
from tools import chart_readme

pytestmark = pytest.mark.controlplane

CLUSTER = {
    # flannel: is the cluster live?
    ("", "nodes", ()): {"list"},
    # flannel's version; which network plugin runs
    ("apps", "daemonsets", ()): {"list"},
    # Calico: is a pool in use?
    ("crd.projectcalico.org", "ipamblocks", ()): {"list"},
    ("projectcalico.org", "ipamblocks", ()): {"list"},
    # the watch for new ones, the gate's look, the seal
    ("", "namespaces", ()): {"get", "list", "watch", "patch"},
    # server-side apply asks for create and patch; would a change leave a namespace closed? Ours are
    # watched by label, to repair them, and deleted where a former profile left them
    ("networking.k8s.io", "networkpolicies", ()): {"list", "watch", "create", "patch", "delete"},
    # whom does a changed policy open to whom? whom would default deny cut off?
    ("", "pods", ()): {"list"},
    # may the caller override?
    ("authorization.k8s.io", "subjectaccessreviews", ()): {"create"},
    ("", "events", ()): {"create", "patch"},
    # the caBundle
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", ("portcullis",)): {
        "get",
        "list",
        "watch",
        "patch",
    },
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", ("portcullis",)): {
        "get",
        "list",
        "watch",
        "patch",
    },
}
OWN_NAMESPACE = {
    # the CA, replaced by a JSON patch bound to its resourceVersion
    ("", "secrets", ("portcullis-ca",)): {"get", "list", "watch", "patch"},
    ("", "secrets", ()): {"create"},
    ("coordination.k8s.io", "leases", ("portcullis",)): {"get", "update"},
    ("coordination.k8s.io", "leases", ()): {"create"},
    # its creation is the time of the installation
    ("", "configmaps", ("portcullis",)): {"get"},
    # the platform team's own profiles
    ("", "configmaps", ("portcullis-profiles",)): {"get", "list", "watch"},
    # profiles as they were last valid, and flannel's configuration as it was when it was taken
    # away; a create by patch has a name
    ("", "configmaps", ("portcullis-netconf",)): {"get", "create", "patch"},
}
TEST = {
    # a dry run needs the right to the real thing
    ("networking.k8s.io", "networkpolicies", ()): {"create"},
}
TEST_CLUSTER = {
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", ("portcullis",)): {"get"},
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", ("portcullis",)): {"get"},
}
REPORTS = {
    # server-side apply asks for create and patch; listed to see what stands
    ("openreports.io", "reports", ()): {"list", "create", "patch"},
    ("wgpolicyk8s.io", "policyreports", ()): {"list", "create", "patch"},
}
OVERRIDE = {("portcullis.dev", "guards", ()): {"override"}}


def table(role):
    return {
        (group, resource, tuple(rule.get("resourceNames", ()))): set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        pytest.param("ClusterRole", "portcullis", CLUSTER, id="cluster"),
        pytest.param("Role", "portcullis", OWN_NAMESPACE, id="own-namespace"),
        pytest.param("ClusterRole", "portcullis-override", OVERRIDE, id="override"),
    ],
)
def test_each_role_allows_exactly_this(rendered, kind, name, expected):
    """Least privilege, by name and verb."""
    assert expected == table(rendered.one(kind, name))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(chart_rights.CLUSTER_RULES, CLUSTER, id="cluster"),
        pytest.param(chart_rights.RULES, OWN_NAMESPACE, id="own-namespace"),
        pytest.param(chart_rights.REPORT_RULES, REPORTS, id="reports"),
    ],
)
def test_the_tests_of_the_live_cluster_have_no_other_rights(given, expected):
    """What `webhook.cluster` is shown to do there it may do here, and the other way round."""
    ours = json.loads(json.dumps(given).replace(chart_rights.NAME, "portcullis"))

    assert expected == table({"rules": ours})


def test_there_are_no_other_roles_and_bindings(rendered):
    """Three roles, two of them bound."""
    kinds = [it["kind"] for it in rendered.objects if it["apiVersion"].startswith("rbac.")]

    assert ["ClusterRole", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"] == sorted(
        kinds
    )


@pytest.mark.parametrize("kind", ["ClusterRoleBinding", "RoleBinding"])
def test_roles_are_bound_to_our_service_account_alone(render, kind):
    """Whatever it is called."""
    binding = render('serviceAccount.name="mine"', namespace="gate").one(kind)

    account = {"kind": "ServiceAccount", "name": "mine", "namespace": "gate"}
    assert [account] == binding["subjects"]
    assert "portcullis" == binding["roleRef"]["name"]


def test_only_our_pods_get_the_token(rendered):
    """A Pod that somebody else runs under our ServiceAccount has to ask for it."""
    assert rendered.one("ServiceAccount")["automountServiceAccountToken"] is False
    assert rendered.pod["automountServiceAccountToken"] is True


@pytest.mark.parametrize(
    ("settings", "read"),
    [
        pytest.param(("true", "off"), True, id="diff"),
        pytest.param(("false", "report"), True, id="report"),
        pytest.param(("false", "enforce"), True, id="enforce"),
        pytest.param(("false", "off"), False, id="neither"),
    ],
)
def test_pods_are_read_only_where_something_is_told_of_them(render, settings, read):
    """What is not needed is not allowed."""
    diff, backfill = settings
    values = f"networkPolicies.diff.enabled={diff}", f'defaultDeny.backfill="{backfill}"'
    rendered = render(*values)

    assert read is (("", "pods", ()) in table(rendered.one("ClusterRole")))


def test_reports_are_written_only_where_they_are_wished(render):
    """With reports.enabled these two rows are added, and nothing else."""
    rendered = render("reports.enabled=true")

    assert table(rendered.one("ClusterRole")) == CLUSTER | REPORTS


def test_rbac_can_be_left_to_others(render):
    """rbac.create=false renders no role at all."""
    rendered = render("rbac.create=false")

    everything = [*rendered.objects, *rendered.hooks]
    assert not [it for it in everything if it["apiVersion"].startswith("rbac.")]


def test_the_test_has_few_rights_in_one_namespace(render):
    """`helm test` may try to create a policy there, and read our configurations."""
    hooks = render('tests.namespace="probes"', "replicaCount=3").hooks
    roles = {it["kind"]: it for it in hooks if it["kind"].endswith("Role")}
    bindings = [it for it in hooks if it["kind"].endswith("RoleBinding")]

    assert TEST == table(roles["Role"])
    assert TEST_CLUSTER == table(roles["ClusterRole"])
    assert "probes" == roles["Role"]["metadata"]["namespace"]
    account = {
        "kind": "ServiceAccount",
        "name": "portcullis-test",
        "namespace": "portcullis-system",
    }
    assert [[account], [account]] == [it["subjects"] for it in bindings]


def test_what_the_test_is_given_goes_with_it(rendered):
    """Rights before the Pod, and all of it away when it has succeeded, or before the next one."""
    order = {"ServiceAccount": "-1", "Pod": None}
    for hook in rendered.hooks:
        annotations = hook["metadata"]["annotations"]

        assert "test" == annotations["helm.sh/hook"]
        policy = annotations["helm.sh/hook-delete-policy"]
        assert "before-hook-creation,hook-succeeded" == policy
        assert order.get(hook["kind"], "-1") == annotations.get("helm.sh/hook-weight")


def test_what_an_uninstallation_leaves_is_told(rendered, helm):
    """All that we may read or write by name in our namespace, and that the chart does not make."""
    names = {name for it in rendered.one("Role")["rules"] for name in it.get("resourceNames", ())}
    left = names - {it["metadata"]["name"] for it in rendered.objects if it["kind"] == "ConfigMap"}
    chart = chart_readme.CHART
    notes = helm("install", "portcullis", str(chart), "-n", "portcullis-system", "--dry-run=client")
    page = (chart.parents[1] / "docs" / "install.md").read_text()

    assert {"portcullis-ca", "portcullis-netconf", "portcullis-profiles"} == left
    assert all(name in notes.stdout.partition("NOTES:")[2] for name in left)
    for name in ("netconf", "profiles"):
        assert f"`<fullname>-{name}`" in page
        assert f"`<fullname>-{name}`" in chart_readme.HEAD.partition("## Uninstall")[2]
