"""Every key of the values does something: changed alone, it changes what is rendered."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tools import chart_readme

pytestmark = pytest.mark.controlplane

SCHEMA = json.loads((chart_readme.CHART / "values.schema.json").read_text())

NO_EFFECT_ALONE = {
    "allowSingleReplica": "lets replicaCount=1 through, see test_one_replica_is_accepted_knowingly",
}
"""Keys that change nothing on their own, and why."""

PEM = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----"

CONTEXT = {
    "certificates.certManager": ['certificates.mode="cert-manager"'],
    "certificates.existingSecret": [
        'certificates.mode="existing-secret"',
        'certificates.existingSecret.name="mine"',
        "prometheusRule.enabled=true",
    ],
    "server.mtls": [
        f"server.mtls.clientCa={json.dumps(PEM)}",
        'server.mtls.allowedNames=["kube-apiserver"]',
    ],
    "autoscaling": ["autoscaling.enabled=true"],
    "grafanaDashboard": ["grafanaDashboard.enabled=true"],
    "networkPolicy.egress": ["networkPolicy.egress.enabled=true"],
    "podMonitor": ["podMonitor.enabled=true"],
    "prometheusRule": ["prometheusRule.enabled=true"],
    "serviceAccount.create": ['serviceAccount.name="mine"'],
    "serviceMonitor": ["serviceMonitor.enabled=true"],
}
"""What must be set for a key, or all keys under it, to matter."""

SAMPLES: Mapping[str, Any] = {
    "networkPolicies.protectedNamespaces": {"matchLabels": {"a": "b"}},
    "networkPolicies.checks": [{"checks": ["and-or"], "action": "deny"}],
    "server.mtls.clientCa": PEM.replace("MA==", "MQ=="),
    "certificates.certManager.issuerRef": {"name": "mine", "kind": "ClusterIssuer"},
    "certificates.certManager.duration": "4320h",
    "certificates.certManager.renewBefore": "360h",
    "certificates.existingSecret.caBundle": PEM,
    "certificates.existingSecret.renewBefore": "24h",
    "defaultDeny.options": {"same-namespace": {"dns": False}},
    "defaultDeny.rules": [{"namespaceSelector": {}, "profile": "none"}],
    "server.metricsPort": 9500,
    "dnsPolicy": "Default",
    "serviceMonitor.interval": "1m",
    "podMonitor.interval": "1m",
    "prometheusRule.disabled": ["PortcullisAbsent"],
    "extraObjects": [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "other"}}],
    "defaultDeny.profile": "deny-ingress",
    "image.digest": "sha256:" + "a" * 64,
    "terminationGracePeriodSeconds": 600,
    "podDisruptionBudget.minAvailable": 1,
    "podDisruptionBudget.maxUnavailable": "50%",
    "autoscaling.targetMemoryUtilizationPercentage": 70,
    "replicaCount": 3,
    "hostUsers": False,
    "updateStrategy": {"type": "Recreate", "rollingUpdate": None},
    "tmpSizeLimit": "64Mi",
    "controller.leaseDuration": 30,
    "controller.retryPeriod": 3,
}
"""Other values where the schema does not tell one."""


def leaves(schema: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for key, value in schema["properties"].items():
        here = (*path, key)
        if "default" in value:
            yield ".".join(here), value
        elif "properties" in value:
            yield from leaves(value, here)


LEAVES = dict(leaves(SCHEMA))


def other(key: str, schema: Mapping[str, Any]) -> Any:
    """A value that is not the default, made of what the schema tells."""
    if key in SAMPLES:
        return SAMPLES[key]
    default = schema["default"]
    if "enum" in schema:
        return next(it for it in schema["enum"] if it != default)
    match default:
        case bool():
            return not default
        case int() | float():
            return default + 1 if default + 1 <= schema.get("maximum", default + 1) else default - 1
        case list():
            return [*default[:-1]] if default else [item(schema["items"])]
        case dict():
            return {**default, "a": "b"} if not default else {next(iter(default)): "64"}
    text = "other" if not default else f"{default}-b"
    assert re.search(schema.get("pattern", ""), text), f"{key}: add a value to SAMPLES"
    return text


def item(schema: Mapping[str, Any]) -> Any:
    """An element of a list that is empty by default."""
    if "enum" in schema:
        return schema["enum"][0]
    if "object" in schema["type"]:
        named = {key: item(value) for key, value in schema.get("properties", {}).items()}
        return named or {"name": "other"}
    for text in ("true", "other", "10.0.0.0/8", "example.com/other"):
        if re.search(schema.get("pattern", ""), text):
            return text
    raise AssertionError(f"no sample for {schema}")


@pytest.mark.parametrize("key", LEAVES)
def test_a_key_that_is_changed_changes_what_is_rendered(render_text, key):
    """A key without effect would be a promise that is not kept."""
    needed = [it for prefix, each in CONTEXT.items() if key.startswith(prefix) for it in each]
    changed = f"{key}={json.dumps(other(key, LEAVES[key]))}"
    context = [it for it in needed if it != changed]

    same = render_text(*context) == render_text(*context, changed)
    assert same is (key in NO_EFFECT_ALONE)


def test_the_list_of_keys_without_effect_names_keys():
    """One that is gone must go from the list too."""
    assert set(NO_EFFECT_ALONE) <= set(LEAVES)
