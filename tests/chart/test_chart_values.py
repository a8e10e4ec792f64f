"""Values: they are what the code reads, they are documented, and unsafe ones are refused."""

import json
import re

import msgspec
import pytest
import yaml

from tools import chart_readme
from webhook.lint.actions import ANY, JUDGED
from webhook.lint.registry import Needs
from webhook.model.profiles import Profile
from webhook.settings import ProfileName, Settings, decode_settings
from webhook.settings_tls import CertificateSettings

SECTIONS = (
    "flannel",
    "calico",
    "warnings",
    "defaultDeny",
    "networkPolicies",
    "logging",
    "events",
    "reports",
    "tracing",
    "server",
    "controller",
)
SCHEMA = json.loads((chart_readme.CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((chart_readme.CHART / "values.yaml").read_text())


def defaults(schema):
    if "properties" not in schema:
        return schema["default"]
    properties = schema["properties"].items()
    return {k: defaults(v) for k, v in properties if "default" in v or "properties" in v}


def closed(schema, path="$"):
    if "properties" in schema:
        yield path, schema.get("additionalProperties")
        for key, value in schema["properties"].items():
            yield from closed(value, f"{path}.{key}")


def test_the_schemas_defaults_are_those_of_values_yaml():
    """One default each, wherever it is read."""
    assert VALUES == defaults(SCHEMA)


def test_the_settings_in_the_schema_are_those_of_the_code():
    """Keys, defaults and all: what is not in webhook/settings.py cannot be set."""
    settings = msgspec.json.decode(msgspec.json.encode(Settings()))

    assert {it: settings[it] for it in SECTIONS} == {it: VALUES[it] for it in SECTIONS}
    assert {*SECTIONS, "certificates"} == set(settings)


@pytest.mark.controlplane
def test_off_without_quotes_is_off(render):
    """YAML reads a bare `off` as false: it means what was meant."""
    text = render("defaultDeny.backfill=false").one("ConfigMap")["data"]["settings.yaml"]

    assert decode_settings(text).default_deny.backfill == "off"


@pytest.mark.controlplane
def test_off_without_quotes_is_an_action(helm, tmp_path):
    """As the documents show it: for what reopens a namespace, and for checks."""
    values = tmp_path / "values.yaml"
    values.write_text("networkPolicies: {reopened: off, checks: [{checks: [and-or], action: off}]}")
    done = helm("template", "portcullis", str(chart_readme.CHART), "-n", "x", "-f", str(values))
    maps = (it for it in yaml.safe_load_all(done.stdout) if it and it["kind"] == "ConfigMap")
    settings = decode_settings(next(maps)["data"]["settings.yaml"]).network_policies

    assert settings.reopened == "off"
    assert [rule.action for rule in settings.checks] == ["off"]


def test_the_schema_knows_every_profile():
    """A new profile of the code is a choice of the chart, which takes what the code takes."""
    settings = SCHEMA["properties"]["defaultDeny"]["properties"]
    (taken,) = ProfileName.__metadata__
    of_rules = settings["rules"]["items"]["properties"]["profile"]

    assert {taken.pattern} == {settings["profile"]["pattern"], of_rules["pattern"]}
    assert all(re.match(taken.pattern, it) for it in Profile)


def test_the_schema_refuses_keys_that_it_does_not_know():
    """A misspelt value must not be silence; `global` alone is shared with other charts."""
    opened = {path: given for path, given in closed(SCHEMA) if given is not False}

    assert {"$.global": None} == opened


def test_the_readme_is_fresh():
    """`python tools/chart_readme.py` renews it."""
    assert chart_readme.README.read_text() == chart_readme.render()


def test_the_schema_names_the_checks_that_admission_judges():
    """All of them, and without pods those that need the policy alone."""
    section = json.loads((chart_readme.CHART / "values.schema.json").read_text())["properties"][
        "networkPolicies"
    ]
    named = section["properties"]["checks"]["items"]["properties"]["checks"]["items"]["enum"]
    blind = section["then"]["properties"]["checks"]["items"]["properties"]["checks"]["items"]

    assert [ANY, *(check.id for check in JUDGED)] == named
    assert [ANY, *(c.id for c in JUDGED if c.needs is not Needs.CLUSTER)] == blind["enum"]


@pytest.mark.controlplane
def test_helm_lint_finds_nothing(helm):
    """Strictly."""
    done = helm("lint", "--strict", str(chart_readme.CHART), "--namespace", "portcullis-system")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout


@pytest.mark.controlplane
def test_the_rendered_settings_are_the_codes_defaults(rendered):
    """With the chart's defaults the settings file says nothing new."""
    text = rendered.one("ConfigMap")["data"]["settings.yaml"]

    assert Settings() == decode_settings(text)


@pytest.mark.controlplane
def test_values_reach_the_settings_file(render):
    """And names that the release makes follow the release."""
    rendered = render(
        'fullnameOverride="gate"',
        'defaultDeny={"profile":"same-namespace","dns":false,"exemptNamespaces":["ci-*"]}',
        'flannel.configMaps=[{"namespace":"net","name":"cfg"}]',
        'calico={"configMaps":[],"apiServers":["system:serviceaccount:net:api"]}',
        "warnings.notEnforced=false",
        'networkPolicies={"protectedNamespaces":{"matchLabels":{"env":"prod"}},"checks":['
        '{"checks":["*"],"namespaceSelector":{"matchLabels":{"env":"lab"}},"action":"off"},'
        '{"checks":["and-or"],"action":"deny"}]}',
        "server.drainSeconds=2.5",
        "server.maxBodyBytes=16777216",
    )
    settings = decode_settings(rendered.one("ConfigMap", "gate")["data"]["settings.yaml"])

    assert CertificateSettings("gate-ca", "gate") == settings.certificates
    assert Profile.SAME_NAMESPACE == settings.default_deny.profile
    assert ("ci-*",) == settings.default_deny.exempt_namespaces
    assert not settings.default_deny.dns
    assert [("net", "cfg")] == [(it.namespace, it.name) for it in settings.flannel.config_maps]
    assert ((), ("system:serviceaccount:net:api",)) == (
        settings.calico.config_maps,
        settings.calico.api_servers,
    )
    assert not settings.warnings.not_enforced
    assert {"matchLabels": {"env": "prod"}} == settings.network_policies.protected_namespaces
    assert [("*",), ("and-or",)] == [it.checks for it in settings.network_policies.checks]
    assert 2.5 == settings.server.drain_seconds
    assert 16 << 20 == settings.server.max_body_bytes


@pytest.mark.controlplane
@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(["replicaCount=1"], "allowSingleReplica=true", id="one-replica"),
        pytest.param(
            ["podDisruptionBudget.minAvailable=1", "podDisruptionBudget.maxUnavailable=1"],
            "minAvailable and maxUnavailable exclude each other",
            id="both-bounds",
        ),
        pytest.param(
            ["podDisruptionBudget.minAvailable=2"], "none of the 2 replicas", id="min-all"
        ),
        pytest.param(
            ['podDisruptionBudget.minAvailable="100%"'], "none of the 2 replicas", id="min-100%"
        ),
        pytest.param(
            ["podDisruptionBudget.maxUnavailable=0"], "none of the 2 replicas", id="max-none"
        ),
        pytest.param(["terminationGracePeriodSeconds=34"], "may need 35 s to stop", id="grace"),
        pytest.param(
            ["controller.renewDeadline=15"], "leaseDuration > renewDeadline", id="lease-times"
        ),
        pytest.param(
            ["autoscaling.enabled=true", "autoscaling.minReplicas=1"],
            "autoscaling.minReplicas 1 with failurePolicy Fail",
            id="scaled-to-one",
        ),
        pytest.param(
            ["autoscaling.enabled=true", "autoscaling.maxReplicas=1"],
            "maxReplicas 1 is less than minReplicas 2",
            id="scaled-upside-down",
        ),
        pytest.param(
            ["autoscaling.enabled=true", "autoscaling.targetCPUUtilizationPercentage=null"],
            "has no target",
            id="scaled-by-nothing",
        ),
        pytest.param(
            ["autoscaling.enabled=true", "resources.webhook.requests=null"],
            "resources.webhook.requests.cpu is not set",
            id="scaled-by-a-share-of-nothing",
        ),
        pytest.param(
            [
                "autoscaling.enabled=true",
                "replicaCount=5",
                "podDisruptionBudget.minAvailable=2",
            ],
            "none of the 2 replicas",
            id="scaled-below-the-budget",
        ),
        pytest.param(["autoscaling=null"], "use --reset-then-reuse-values", id="reuse-values"),
        pytest.param(
            ["hostNetwork=true", "hostUsers=false"], "hostUsers: a Pod on the host's", id="users"
        ),
        pytest.param(
            ['podLabels={"app.kubernetes.io/name":"x"}'],
            "podLabels: app.kubernetes.io/name is what the Service",
            id="selected-by",
        ),
        pytest.param(
            ['tests.namespace="portcullis-system"'], "tests.namespace:", id="own-namespace-tested"
        ),
        pytest.param(
            ['webhooks.matchConditions=[{"name":"is-listed","expression":"true"}]'],
            "matchConditions",
            id="condition-named-as-ours",
        ),
        pytest.param(["server.metricsPort=9403"], "must differ", id="same-ports"),
        pytest.param(["serviceAccount.create=false"], "serviceAccount.name: must", id="no-account"),
        pytest.param(
            ['defaultDeny.systemNamespaces=["kube-public"]'],
            'must contain "kube-system"',
            id="kube-system-gated",
        ),
        pytest.param(
            ['flannel.configMaps=[{"namespace":"portcullis-system","name":"c"}]'],
            "portcullis-system/c is in the release namespace",
            id="own-config-map",
        ),
        pytest.param(
            ['calico.configMaps=[{"namespace":"portcullis-system","name":"c"}]'],
            "portcullis-system/c is in the release namespace",
            id="own-calico-config-map",
        ),
        pytest.param(
            ['certificates.mode="existing-secret"'], "existingSecret.name: must", id="no-secret"
        ),
        pytest.param(
            ['certificates.existingSecret.name="mine"'],
            "has no effect with mode self-managed",
            id="secret-without-mode",
        ),
        pytest.param(
            ['certificates.certManager.issuerRef={"name":"mine"}'],
            "has no effect with mode self-managed",
            id="issuer-without-mode",
        ),
        pytest.param(
            ['server.mtls.clientCa="-----BEGIN CERTIFICATE-----"'],
            "must be given together",
            id="mtls-without-names",
        ),
        pytest.param(
            ['server.mtls={"clientCa":"-----BEGIN PRIVATE KEY-----","allowedNames":["a"]}'],
            "holds a private key",
            id="mtls-key",
        ),
        pytest.param(['server.tls.minVersion="1.1"'], "minVersion", id="tls-too-low"),
        pytest.param(["fluffy=1"], "fluffy", id="unknown-key"),
        pytest.param(["server.prot=1"], "prot", id="unknown-setting"),
        pytest.param(['webhooks.failurePolicy.marks="Maybe"'], "marks", id="enum"),
        pytest.param(
            ['networkPolicies.checks=[{"checks":["service-port"],"action":"warn"}]'],
            "networkPolicies/checks/0/checks/0",
            id="check-for-manifests",
        ),
        pytest.param(
            [
                "networkPolicies.diff.enabled=false",
                'networkPolicies.checks=[{"checks":["and-or"],"action":"warn"}]',
            ],
            "networkPolicies/checks/0/checks/0",
            id="check-by-pods-that-are-not-read",
        ),
        pytest.param(
            ["networkPolicies.protectedNamespaces={}"],
            "networkPolicies/protectedNamespaces",
            id="all-are-protected",
        ),
        pytest.param(["flannel.configMaps=[]"], "configMaps", id="no-config-maps"),
        pytest.param(['image.digest="latest"'], "digest", id="no-digest"),
        pytest.param(['defaultDeny.exemptNamespaces=["a|.*"]'], "exemptNamespaces", id="regexp"),
    ],
)
def test_unsafe_values_are_refused_with_the_reason(refusal, values, message):
    """Before anything is installed. Helm words what the schema refuses, we the rest."""
    assert message in refusal(*values)


@pytest.mark.controlplane
@pytest.mark.parametrize(
    "namespace", ["default", "kube-system", "kube-public", "kube-flannel", "tigera-operator"]
)
def test_a_system_namespace_is_refused_as_ours(refusal, namespace):
    """Our namespace is the one that we never guard."""
    assert f'release namespace "{namespace}"' in refusal(namespace=namespace)


@pytest.mark.controlplane
def test_one_replica_is_accepted_knowingly(render):
    """Or where nothing fails closed."""
    guards = (
        "flannel",
        "calico",
        "networkPolicies",
        "sealedNetworkPolicies",
        "marks",
        "pendingPods",
    )
    ignored = json.dumps(dict.fromkeys(guards, "Ignore"))

    assert render("replicaCount=1", "allowSingleReplica=true")
    assert render("replicaCount=1", f"webhooks.failurePolicy={ignored}")


@pytest.mark.controlplane
def test_old_kubernetes_is_refused(helm):
    """With 1.30 came matchConditions and the preStop sleep."""
    where = (str(chart_readme.CHART), "--namespace", "portcullis-system")
    old = helm("template", "portcullis", *where, "--kube-version", "1.29.9")

    assert "chart requires kubeVersion" in old.stderr
