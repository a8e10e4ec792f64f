"""Reports on a real API server, with both APIs of reports and the rights that the chart gives."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from chart_rights import REPORT_RULES, apply, eventually
from prometheus_client import CollectorRegistry

from tests.controlplane.plane import ControlPlane
from tests.e2e import world
from webhook.bootstrap_reports import reporting
from webhook.cluster.client import Api
from webhook.controller.metrics import ControllerMetrics
from webhook.lint.policyreport import KINDS, NAME, ReportKind
from webhook.metrics import ProcessMetrics
from webhook.settings import decode_settings
from webhook.stop import Stop

pytestmark = pytest.mark.controlplane

USER = "system:serviceaccount:portcullis-reports:reporter"
SETTINGS = "reports: {enabled: true, perSecond: 50}\ncontroller: {resyncPeriod: 1}"
OPEN, OLDER = KINDS
WEB = {"to": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 80}]}
LONELY = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [WEB]}

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
REFERENCE = {
    "type": "object",
    "properties": dict.fromkeys(("apiVersion", "kind", "namespace", "name", "uid"), TEXT),
}
RESULTS = ["pass", "fail", "warn", "error", "skip"]
RESULT = {
    "type": "object",
    "required": ["policy"],
    "properties": {
        **dict.fromkeys(("source", "policy", "rule", "category", "message"), TEXT),
        "severity": {"type": "string", "enum": ["critical", "high", "low", "medium", "info"]},
        "result": {"type": "string", "enum": RESULTS},
        "scored": {"type": "boolean"},
        "resources": {"type": "array", "items": REFERENCE},
        "properties": {"type": "object", "additionalProperties": TEXT},
        "timestamp": {
            "type": "object",
            "required": ["nanos", "seconds"],
            "properties": {"seconds": NUMBER, "nanos": NUMBER},
        },
    },
}


def crd(kind: ReportKind) -> dict[str, Any]:
    """The published schema, as far as we write; what is not in it, the API server drops."""
    properties = {
        "scope": REFERENCE,
        "summary": {"type": "object", "properties": dict.fromkeys(RESULTS, NUMBER)},
        "results": {"type": "array", "items": RESULT},
        **({"source": TEXT} if kind.has_source else {}),
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.resource}.{kind.group}"}
        | ({"annotations": {"api-approved.kubernetes.io": "unapproved, a test"}}),
        "spec": {
            "group": kind.group,
            "names": {"kind": kind.kind, "plural": kind.resource, "singular": kind.kind.lower()},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": kind.version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
                }
            ],
        },
    }


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[Api]:
    """Us, with the rights that reports.enabled gives and those to watch policies."""
    name = "portcullis-reports"
    watching = {
        "apiGroups": ["networking.k8s.io"],
        "resources": ["networkpolicies"],
        "verbs": ["list", "watch"],
    }
    group = "rbac.authorization.k8s.io"
    apply(
        control_plane,
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": [watching, *REPORT_RULES],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": group, "kind": "User", "name": USER}],
        },
    )
    api = Api.connect(str(control_plane.kubeconfig(USER)), connections=4, version="test")
    yield api
    api.close()


@pytest.fixture
def registry(api: Api) -> Iterator[CollectorRegistry]:
    """Reporting as the leader runs it; its metrics."""
    registry, stop = CollectorRegistry(), Stop()
    metrics = ControllerMetrics(registry)
    tasks = reporting(api, decode_settings(SETTINGS), metrics, ProcessMetrics("test", registry))
    threads = [threading.Thread(target=task, args=(stop,), daemon=True) for task in tasks.values()]
    for thread in threads:
        thread.start()
    yield registry
    stop.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def counted(registry: CollectorRegistry, outcome: str) -> float:
    labels = {"outcome": outcome}
    return registry.get_sample_value("portcullis_controller_reports_total", labels) or 0.0


def test_the_life_of_a_report(
    control_plane: ControlPlane, namespace: str, registry: CollectorRegistry
) -> None:
    """No API, the older one, the newer one; a change of a policy, a stranger's edit, and quiet."""
    plane = control_plane
    lonely = {**world.policy(namespace, "lonely"), "spec": LONELY}
    world.create(plane, lonely)

    def found(kind: ReportKind) -> Any:
        """The report, None where there is none, or no such API yet."""
        where = f"namespaces/{namespace}/{kind.resource}/{NAME}"
        path = f"/apis/{kind.group}/{kind.version}/{where}"
        done = plane.kubectl("get", "--raw", path, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    assert counted(registry, "written") == 0
    crds = [f"crd/{kind.resource}.{kind.group}" for kind in KINDS]
    try:
        apply(plane, crd(OLDER))
        older = eventually(lambda: found(OLDER), 30)
        apply(plane, crd(OPEN))
        newer = eventually(lambda: found(OPEN), 30)

        assert older["results"] == newer["results"]
        (result,) = newer["results"]
        assert (result["policy"], result["result"]) == ("egress-without-dns", "fail")
        assert result["resources"] == [
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "namespace": namespace,
                "name": "lonely",
            }
        ]
        assert newer["summary"] == {"pass": 0, "fail": 1, "warn": 0, "error": 0, "skip": 0}
        assert newer["source"] == "portcullis"

        patch = '{"summary": {"fail": 0}}'
        report = f"{OPEN.resource}.{OPEN.group}"
        plane.kubectl("patch", report, NAME, "-n", namespace, "--type=merge", "-p", patch)
        eventually(lambda: found(OPEN)["summary"]["fail"] == 1, 30)

        quiet = counted(registry, "written"), world.version(found(OPEN))
        looks = counted(registry, "unchanged")
        threading.Event().wait(3)  # three surveys
        assert (counted(registry, "written"), world.version(found(OPEN))) == quiet
        assert counted(registry, "unchanged") == looks

        plane.kubectl("delete", "networkpolicy", "lonely", "-n", namespace)
        eventually(lambda: found(OPEN)["results"] == [], 30)
        assert counted(registry, "failed") == 0
    finally:
        plane.kubectl("delete", *crds, "--ignore-not-found")
