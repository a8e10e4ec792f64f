"""The webhook configurations: who is called for what, and what happens when nobody answers."""

import json
import re

import pytest

from tools import chart_readme
from webhook.admission.calico import GROUPS
from webhook.calico import FELIX_KEYS
from webhook.calico.config import CONFIG_KEYS
from webhook.model.namespace import MANAGED_BY, MANAGED_BY_LABEL, PROFILE_LABEL, SEAL_LABEL
from webhook.model.profiles import POLICY_PREFIX
from webhook.settings import SYSTEM_NAMESPACES

pytestmark = pytest.mark.controlplane

METADATA_NAME = "kubernetes.io/metadata.name"
DEFAULT_DENY = ("namespaces", "marks", "namespace-labels", "pods-pending", "pods-unmarked")
GUARDS = (
    "flannel",
    "flannel-daemonsets",
    "calico-config",
    "networkpolicies",
    "marks",
    "namespace-labels",
)


def rules(entry):
    return [
        (group, resource, operation)
        for rule in entry.get("rules", [])
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for operation in rule["operations"]
    ]


def cel(entry):
    return " ".join(it["expression"] for it in entry.get("matchConditions", []))


@pytest.mark.parametrize(
    ("entry", "path", "policy", "effects", "seconds"),
    [
        ("namespaces", "/mutate", "Ignore", "None", 5),
        ("flannel", "/validate", "Fail", "NoneOnDryRun", 5),
        ("flannel-daemonsets", "/validate", "Ignore", "NoneOnDryRun", 5),
        ("flannel-namespaces", "/validate", "Fail", "NoneOnDryRun", 5),
        ("calico", "/validate", "Fail", "NoneOnDryRun", 5),
        ("calico-config", "/validate", "Fail", "NoneOnDryRun", 5),
        ("networkpolicies", "/validate", "Fail", "NoneOnDryRun", 5),
        ("networkpolicies-sealed", "/validate", "Fail", "NoneOnDryRun", 5),
        ("networkpolicies-protected", "/validate", "Fail", "NoneOnDryRun", 5),
        ("networkpolicies-elsewhere", "/validate", "Ignore", "NoneOnDryRun", 2),
        ("marks", "/validate", "Fail", "NoneOnDryRun", 5),
        ("namespace-labels", "/validate", "Ignore", "NoneOnDryRun", 2),
        ("pods-pending", "/validate", "Fail", "NoneOnDryRun", 10),
        ("pods-unmarked", "/validate", "Ignore", "NoneOnDryRun", 10),
    ],
)
def test_each_entry_has_its_path_policy_side_effects_and_timeout(
    rendered, entry, path, policy, effects, seconds
):
    """Every entry calls our Service, and fails as its reasoning says."""
    got = rendered.entries[entry]

    service = {"name": "portcullis", "namespace": "portcullis-system", "path": path, "port": 443}
    assert {"service": service} == got["clientConfig"]
    assert policy == got["failurePolicy"]
    assert effects == got["sideEffects"]
    assert seconds == got["timeoutSeconds"]
    assert ["v1"] == got["admissionReviewVersions"]
    assert "Equivalent" == got["matchPolicy"]


def test_there_are_fifteen_entries_in_this_order(rendered):
    """Nothing else is ever sent to us."""
    assert [
        "namespaces",
        "flannel",
        "flannel-daemonsets",
        "flannel-namespaces",
        "calico",
        "calico-config",
        "networkpolicies",
        "networkpolicies-sealed",
        "networkpolicies-protected",
        "networkpolicies-elsewhere",
        "networkpolicies-new",
        "marks",
        "namespace-labels",
        "pods-pending",
        "pods-unmarked",
    ] == list(rendered.entries)


def test_the_readme_tells_of_every_entry(rendered):
    """Who reads the configurations finds each line in the chart's table, and no other."""
    table = chart_readme.README.read_text().partition("## What the API server sends")[2]
    told = re.findall(r"^\| `([a-z-]+)` \|", table.partition("\n## ")[0], re.MULTILINE)

    assert sorted(rendered.entries) == sorted(told)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("namespaces", [("", "namespaces", "CREATE")]),
        ("flannel", [("", "configmaps", each) for each in ("CREATE", "UPDATE", "DELETE")]),
        ("flannel-daemonsets", [("apps", "daemonsets", e) for e in ("CREATE", "UPDATE")]),
        ("flannel-namespaces", [("", "namespaces", "DELETE")]),
        (
            "calico",
            [
                (group, resource, operation)
                for group in GROUPS
                for resource in ("ippools", "felixconfigurations")
                for operation in ("CREATE", "UPDATE", "DELETE")
            ],
        ),
        ("calico-config", [("", "configmaps", each) for each in ("UPDATE", "DELETE")]),
        ("networkpolicies-protected", []),
        (
            "networkpolicies-elsewhere",
            [("networking.k8s.io", "networkpolicies", e) for e in ("CREATE", "UPDATE", "DELETE")],
        ),
        ("namespace-labels", [("", "namespaces", each) for each in ("CREATE", "UPDATE")]),
        (
            "networkpolicies-sealed",
            [("networking.k8s.io", "networkpolicies", e) for e in ("CREATE", "UPDATE", "DELETE")],
        ),
        (
            "networkpolicies",
            [("networking.k8s.io", "networkpolicies", e) for e in ("CREATE", "UPDATE", "DELETE")],
        ),
        (
            "marks",
            [
                ("", "namespaces", "UPDATE"),
                ("", "namespaces/status", "UPDATE"),
                ("", "namespaces/finalize", "UPDATE"),
                ("", "namespaces", "CREATE"),
            ],
        ),
        ("pods-pending", [("", "pods", "CREATE")]),
        ("pods-unmarked", [("", "pods", "CREATE")]),
    ],
)
def test_each_entry_names_its_resources_and_operations(rendered, entry, expected):
    """No entry has a wildcard, or a resource that it does not judge."""
    assert expected == rules(rendered.entries[entry])


def test_no_ca_bundle_is_rendered_anywhere(rendered):
    """It is ours to write at run time; a rendered one, even empty, would be fought over."""
    assert "caBundle" not in json.dumps(rendered.entries)


def test_the_configurations_are_named_by_the_release(render):
    """What the settings file tells the caBundle's writer is what the chart renders."""
    rendered = render('fullnameOverride="gate"')

    assert rendered.one("ValidatingWebhookConfiguration", "gate")
    assert rendered.one("MutatingWebhookConfiguration", "gate")
    assert (
        "webhookConfiguration: gate" in rendered.one("ConfigMap", "gate")["data"]["settings.yaml"]
    )


@pytest.mark.parametrize("entry", ["pods-pending", "pods-unmarked"])
def test_pods_of_system_namespaces_and_our_own_are_never_gated(rendered, entry):
    """A cluster must be able to start without us, and we without ourselves."""
    expressions = rendered.entries[entry]["namespaceSelector"]["matchExpressions"]

    (names,) = [it for it in expressions if it["key"] == METADATA_NAME]
    assert "NotIn" == names["operator"]
    assert {*SYSTEM_NAMESPACES, "portcullis-system"} == set(names["values"])


@pytest.mark.parametrize("entry", GUARDS)
def test_guards_leave_our_own_namespace_alone(rendered, entry):
    """Whatever happens, our own objects can be changed."""
    (names,) = rendered.entries[entry]["namespaceSelector"]["matchExpressions"]

    expected = {"key": METADATA_NAME, "operator": "NotIn", "values": ["portcullis-system"]}
    assert expected == names


@pytest.mark.parametrize(
    ("entry", "operator"),
    [
        ("networkpolicies-sealed", "In"),
        ("networkpolicies-protected", "NotIn"),
        ("networkpolicies-elsewhere", "NotIn"),
    ],
)
def test_each_users_policy_is_sent_once(rendered, entry, operator):
    """Under Fail where the namespace is to stay closed, else to warn; our own namespace never."""
    expressions = rendered.entries[entry]["namespaceSelector"]["matchExpressions"]

    seals = {"key": SEAL_LABEL, "operator": operator, "values": ["sealed", "pending"]}
    own = {"key": METADATA_NAME, "operator": "NotIn", "values": ["portcullis-system"]}
    assert [seals, own] == expressions


@pytest.mark.parametrize(
    ("selector", "reverse"),
    [
        pytest.param(
            {"matchLabels": {"env": "prod"}},
            [{"key": "env", "operator": "NotIn", "values": ["prod"]}],
            id="label",
        ),
        pytest.param(
            {"matchExpressions": [{"key": METADATA_NAME, "operator": "In", "values": ["a", "b"]}]},
            [{"key": METADATA_NAME, "operator": "NotIn", "values": ["a", "b"]}],
            id="names",
        ),
        pytest.param(
            {"matchExpressions": [{"key": "env", "operator": "Exists"}]},
            [{"key": "env", "operator": "DoesNotExist"}],
            id="exists",
        ),
        pytest.param(
            {
                "matchLabels": {"env": "prod"},
                "matchExpressions": [{"key": "tier", "operator": "Exists"}],
            },
            [],
            id="two-requirements",
        ),
    ],
)
def test_protected_namespaces_have_an_entry_of_their_own(render, selector, reverse):
    """It selects them under Fail; all others leave them out where a selector can say so."""
    entries = render(f"networkPolicies.protectedNamespaces={json.dumps(selector)}").entries
    ours, others = (
        entries[f"networkpolicies-{name}"]["namespaceSelector"]
        for name in ("protected", "elsewhere")
    )

    assert rules(entries["networkpolicies-protected"]) == rules(entries["networkpolicies-sealed"])
    assert selector.get("matchLabels") == ours.get("matchLabels")
    assert selector.get("matchExpressions", []) == ours["matchExpressions"][2:]
    assert reverse == others["matchExpressions"][2:]


def test_labels_are_told_of_where_only_a_setting_protects(render):
    """Default deny is one reason to care whom labels let in, protected namespaces another."""
    protected = 'networkPolicies.protectedNamespaces={"matchLabels":{"env":"prod"}}'
    entries = render("defaultDeny.enabled=false", protected).entries

    assert rules(entries["namespace-labels"])


def test_a_check_that_refuses_fails_closed(render):
    """Where a rule denies, sealed namespaces wait for us as they do for the other refusals."""
    denies = '[{"checks":["and-or"],"action":"deny"}]'
    entries = render('networkPolicies.reopened="off"', f"networkPolicies.checks={denies}").entries

    assert "Fail" == entries["networkpolicies-sealed"]["failurePolicy"]
    assert "Ignore" == entries["networkpolicies-elsewhere"]["failurePolicy"]


@pytest.mark.parametrize("reopened", ['"warn"', '"off"', "false"])
def test_what_is_not_refused_does_not_fail_closed(render, reopened):
    """Advice must not stop a write, whatever the failurePolicy that is set."""
    entries = render(f"networkPolicies.reopened={reopened}").entries

    assert "Ignore" == entries["networkpolicies-sealed"]["failurePolicy"]
    assert "Fail" == entries["networkpolicies"]["failurePolicy"]


def test_only_pending_namespaces_fail_closed_for_pods(rendered):
    """The one entry for Pods with Fail selects the mark that we set ourselves."""
    expressions = rendered.entries["pods-pending"]["namespaceSelector"]["matchExpressions"]

    assert {"key": SEAL_LABEL, "operator": "In", "values": ["pending"]} in expressions


def test_sealed_and_exempt_namespaces_send_no_pods(rendered):
    """The steady state costs nothing."""
    expressions = rendered.entries["pods-unmarked"]["namespaceSelector"]["matchExpressions"]

    marks = {"key": SEAL_LABEL, "operator": "NotIn", "values": ["pending", "sealed", "exempt"]}
    assert marks in expressions


def test_the_cel_speaks_of_the_same_labels_and_names_as_the_code(rendered):
    """A label renamed in the code must not leave the CEL behind."""
    assert json.dumps(MANAGED_BY_LABEL) in cel(rendered.entries["networkpolicies"])
    assert json.dumps(MANAGED_BY) in cel(rendered.entries["networkpolicies"])
    assert json.dumps(POLICY_PREFIX) in cel(rendered.entries["networkpolicies"])
    assert json.dumps(SEAL_LABEL) in cel(rendered.entries["marks"])
    assert json.dumps(PROFILE_LABEL) in cel(rendered.entries["marks"])


def test_the_cel_names_the_keys_that_the_code_judges(rendered):
    """A key that the CEL forgot would never be sent, one too many would be sent for nothing."""
    assert json.dumps(list(FELIX_KEYS)) in cel(rendered.entries["calico"])
    assert json.dumps(list(CONFIG_KEYS)) in cel(rendered.entries["calico-config"])


def test_calicos_api_server_is_exempt_where_it_asked_before(render):
    """By the name that the values give, and on the group of its storage alone."""
    rendered = render('calico.apiServers=["system:serviceaccount:net:api"]')

    expression = cel(rendered.entries["calico"])
    assert '["system:serviceaccount:net:api"]' in expression
    assert 'request.resource.group != "crd.projectcalico.org"' in expression


@pytest.mark.parametrize("off", ['"off"', "false"])
def test_without_anything_to_tell_its_entry_stands_without_rules(render, off):
    """It is then never called; one that Helm dropped would break the upgrade."""
    silent = ("warnings.notEnforced=false", "networkPolicies.diff.enabled=false")
    checks = f'networkPolicies.checks=[{{"checks":["*"],"action":{off}}}]'
    entries = render(*silent, checks).entries

    assert rules(render(*silent).entries["networkpolicies-elsewhere"])
    assert [] == rules(entries["networkpolicies-elsewhere"])
    assert rules(entries["networkpolicies"])


def test_nobody_is_exempt_from_the_flannel_guard(rendered):
    """Not even a cluster admin: the override exists for that."""
    for entry in ("flannel", "flannel-daemonsets", "flannel-namespaces"):
        assert "userInfo" not in cel(rendered.entries[entry])


def test_our_own_user_follows_the_service_account(render):
    """The exemption names the ServiceAccount that the Pods run as, and no other."""
    protected = 'networkPolicies.protectedNamespaces={"matchLabels":{"env":"prod"}}'
    rendered = render('serviceAccount.name="mine"', protected, namespace="gate")

    for entry in (
        "networkpolicies",
        "networkpolicies-sealed",
        "networkpolicies-protected",
        "networkpolicies-elsewhere",
        "marks",
        "namespace-labels",
    ):
        assert '"system:serviceaccount:gate:mine"' in cel(rendered.entries[entry])


@pytest.mark.parametrize("entry", DEFAULT_DENY)
def test_with_default_deny_off_its_entries_stand_without_rules(render, entry):
    """An entry without rules is never called; one that Helm dropped would break the upgrade."""
    assert [] == rules(render("defaultDeny.enabled=false").entries[entry])


def test_with_default_deny_off_the_other_guards_stay(render):
    """Guarding and default deny are two things; marks gate nothing then."""
    entries = render("defaultDeny.enabled=false").entries

    assert rules(entries["flannel"])
    assert rules(entries["networkpolicies"])


def test_failure_policies_and_timeouts_are_values(render):
    """An operator may weaken a guard, knowingly."""
    rendered = render(
        'webhooks.failurePolicy={"flannel":"Ignore","pendingPods":"Ignore"}',
        "webhooks.timeoutSeconds=3",
        "webhooks.podTimeoutSeconds=7",
        "webhooks.warningTimeoutSeconds=1",
    )

    assert "Ignore" == rendered.entries["flannel"]["failurePolicy"]
    assert "Fail" == rendered.entries["networkpolicies"]["failurePolicy"]
    assert "Ignore" == rendered.entries["pods-pending"]["failurePolicy"]
    assert 3 == rendered.entries["namespaces"]["timeoutSeconds"]
    assert 1 == rendered.entries["networkpolicies-elsewhere"]["timeoutSeconds"]
    assert 7 == rendered.entries["pods-unmarked"]["timeoutSeconds"]
