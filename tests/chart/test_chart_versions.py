"""Every Kubernetes version that is supported: what is rendered is served there."""

import tarfile
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.controlplane

SUPPORTED = [f"1.{minor}.0" for minor in range(30, 38)]

SERVED_SINCE = {
    ("v1", "ConfigMap"): 0,
    ("v1", "Pod"): 0,
    ("v1", "ResourceQuota"): 0,
    ("v1", "Secret"): 0,
    ("v1", "Service"): 0,
    ("v1", "ServiceAccount"): 0,
    ("apps/v1", "Deployment"): 9,
    ("rbac.authorization.k8s.io/v1", "Role"): 8,
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): 8,
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): 8,
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): 8,
    ("networking.k8s.io/v1", "NetworkPolicy"): 7,
    ("policy/v1", "PodDisruptionBudget"): 21,
    ("autoscaling/v2", "HorizontalPodAutoscaler"): 23,
    ("flowcontrol.apiserver.k8s.io/v1", "FlowSchema"): 29,
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"): 16,
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"): 16,
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"): 30,
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"): 30,
}
"""First minor version of 1.x that serves a kind in this version of its group.

Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/ and the release notes.
None of them is served no more: a GA version stays as long as Kubernetes 1 does (deprecation policy,
rule 4a).
"""

FIELDS_SINCE = {
    # On by default since; https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/
    ("lifecycle", "sleep"): 30,  # PodLifecycleSleepAction
    ("webhooks", "matchConditions"): 28,  # AdmissionWebhookMatchConditions, beta
    ("metrics", "containerResource"): 27,  # HPAContainerMetrics, beta
    ("spec", "unhealthyPodEvictionPolicy"): 27,  # PDBUnhealthyPodEvictionPolicy, beta
}
"""Fields younger than their kinds that are rendered by default or with autoscaling."""

ALL = ("autoscaling.enabled=true",)


PREVIOUS = Path(__file__).parents[1] / "e2e" / "previous"


def kinds(rendered):
    return {(it["apiVersion"], it["kind"]) for it in (*rendered.objects, *rendered.hooks)}


@pytest.mark.parametrize("version", SUPPORTED)
def test_each_supported_version_gets_the_same(render, version):
    """No version is a special case; none is refused."""
    flags = ("--kube-version", version)

    assert render(*ALL, flags=flags).objects == render(*ALL).objects


def test_every_kind_is_served_by_the_oldest_version(render):
    """A kind that the table does not know has to be looked up first."""
    since = {it: SERVED_SINCE.get(it, 1000) for it in kinds(render(*ALL))}

    assert {} == {it: minor for it, minor in since.items() if minor > 30}


def test_young_fields_are_on_by_default_in_the_oldest_version(render):
    """What an API server drops in silence would be a replica without a drain."""
    text = render(*ALL).text

    assert {} == {it: minor for it, minor in FIELDS_SINCE.items() if minor > 30}
    assert all(f"{name}:" in text for _, name in FIELDS_SINCE)


def test_no_entry_of_the_previous_chart_is_missing(helm, rendered, tmp_path):
    """An upgrade that drops one fails while the release before it owns the caBundle."""
    (archive,) = PREVIOUS.glob("*.tar.xz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    chart = str(tmp_path / "charts" / "portcullis")
    printed = helm("template", "portcullis", chart, "--namespace", "portcullis-system").stdout
    before = {
        entry["name"].removesuffix(".portcullis.dev")
        for it in yaml.safe_load_all(printed)
        for entry in it.get("webhooks", [])
    }

    assert before
    assert before <= set(rendered.entries)
