"""Our ServiceAccount with the rights of the chart, for tests of `webhook.cluster`."""

import json
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.controlplane.plane import ControlPlane
from webhook.cluster.client import Api
from webhook.cluster.lease import LeaseLock
from webhook.controller.elector import Elector, Timing
from webhook.deadline import Deadline
from webhook.settings import Identity
from webhook.stop import Stop

HOME = "portcullis-live"
NAME = "portcullis-live"
USER = f"system:serviceaccount:{HOME}:{NAME}"

CLUSTER_RULES = [
    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]},
    {"apiGroups": ["apps"], "resources": ["daemonsets"], "verbs": ["list"]},
    {
        "apiGroups": ["crd.projectcalico.org", "projectcalico.org"],
        "resources": ["ipamblocks"],
        "verbs": ["list"],
    },
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch", "patch"]},
    {
        "apiGroups": ["networking.k8s.io"],
        "resources": ["networkpolicies"],
        "verbs": ["list", "watch", "create", "patch", "delete"],
    },
    {
        "apiGroups": ["authorization.k8s.io"],
        "resources": ["subjectaccessreviews"],
        "verbs": ["create"],
    },
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
    {
        "apiGroups": ["admissionregistration.k8s.io"],
        "resources": ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"],
        "resourceNames": [NAME],
        "verbs": ["get", "list", "watch", "patch"],
    },
]
RULES = [
    {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": [f"{NAME}-ca"],
        "verbs": ["get", "list", "watch", "patch"],
    },
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": [NAME],
        "verbs": ["get", "update"],
    },
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
    {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": [NAME],
        "verbs": ["get"],
    },
    {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": [f"{NAME}-profiles"],
        "verbs": ["get", "list", "watch"],
    },
    {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": [f"{NAME}-netconf"],
        "verbs": ["get", "create", "patch"],
    },
]
REPORT_RULES = [
    {"apiGroups": [group], "resources": [resource], "verbs": ["list", "create", "patch"]}
    for group, resource in (("openreports.io", "reports"), ("wgpolicyk8s.io", "policyreports"))
]
"""What `reports.enabled` adds."""
IDENTITY = Identity(namespace=HOME, service_account=NAME, installation=NAME)


def soon() -> Deadline:
    return Deadline.after(10)


def eventually(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """The first true value of a condition."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.05)
    return value


def apply(plane: ControlPlane, *manifests: dict[str, Any]) -> None:
    content = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    kubectl = [str(plane.programs["kubectl"]), "--kubeconfig", str(plane.admin_kubeconfig)]
    subprocess.run([*kubectl, "apply", "-f", "-"], input=content.encode(), check=True)


def role(kind: str, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A role of these rules, bound to us."""
    meta = {"name": NAME} | ({"namespace": HOME} if kind == "Role" else {})
    group = "rbac.authorization.k8s.io"
    version = f"{group}/v1"
    return [
        {"apiVersion": version, "kind": kind, "metadata": meta, "rules": rules},
        {
            "apiVersion": version,
            "kind": f"{kind}Binding",
            "metadata": meta,
            "roleRef": {"apiGroup": group, "kind": kind, "name": NAME},
            "subjects": [{"apiGroup": group, "kind": "User", "name": USER}],
        },
    ]


def webhook_configuration(kind: str, *names: str) -> dict[str, Any]:
    entries = [
        {
            "name": name,
            "clientConfig": {"url": "https://127.0.0.1:1/x"},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Ignore",
            "rules": [],
        }
        for name in names
    ]
    version = "admissionregistration.k8s.io/v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": NAME}, "webhooks": entries}


class Lead:
    """Notes when it leads, and whether two ever did."""

    together = 0
    count = 0
    lock = threading.Lock()

    def __init__(self) -> None:
        self.leading = threading.Event()

    def lead(self) -> None:
        """Count."""
        with Lead.lock:
            Lead.count += 1
            Lead.together = max(Lead.together, Lead.count)
        self.leading.set()

    def step_down(self) -> None:
        """Discount."""
        with Lead.lock:
            Lead.count -= 1
        self.leading.clear()


def candidate(api: Api, identity: str) -> tuple[Lead, Stop, threading.Thread]:
    elector = Elector(LeaseLock(api, HOME, NAME), identity, Timing(15.0, 10.0, 0.2))
    lead, stop = Lead(), Stop()
    thread = threading.Thread(target=elector.run, args=(stop, lead), daemon=True)
    thread.start()
    return lead, stop, thread
