"""AdmissionReviews as the API server sends them, for tests, the tour and benchmarks alike."""

import json
from typing import Any

JSON = dict[str, Any]

KINDS = {
    "ConfigMap": ("", "configmaps"),
    "Namespace": ("", "namespaces"),
    "Pod": ("", "pods"),
    "NetworkPolicy": ("networking.k8s.io", "networkpolicies"),
    "DaemonSet": ("apps", "daemonsets"),
}


def review(
    operation: str,
    new: JSON | None = None,
    old: JSON | None = None,
    *,
    user: str = "jane",
    groups: tuple[str, ...] = ("system:authenticated",),
    dry_run: bool = False,
    name: str | None = None,
    uid: str = "705ab4f5-6393-11e8-b7cc-42010a800002",
) -> JSON:
    """One review; kind, resource, namespace and name are taken from the object."""
    subject = new or old or {}
    kind, metadata = subject["kind"], subject.get("metadata", {})
    group, resource = KINDS[kind]
    gvk = {"group": group, "version": "v1", "kind": kind}
    gvr = {"group": group, "version": "v1", "resource": resource}
    return {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": uid,
            "kind": gvk,
            "resource": gvr,
            "requestKind": gvk,
            "requestResource": gvr,
            "name": metadata.get("name", "") if name is None else name,
            "namespace": metadata["name"] if kind == "Namespace" else metadata.get("namespace", ""),
            "operation": operation,
            "userInfo": {"username": user, "groups": list(groups)},
            "object": new,
            "oldObject": old,
            "dryRun": dry_run,
            "options": {"kind": f"{operation.title()}Options", "apiVersion": "meta.k8s.io/v1"},
        },
    }


def body(*args: Any, **kwargs: Any) -> bytes:
    """The same as bytes of JSON."""
    return json.dumps(review(*args, **kwargs)).encode()


def config_map(
    net_conf: str | None,
    *,
    name: str = "kube-flannel-cfg",
    namespace: str = "kube-flannel",
    annotations: dict[str, str] | None = None,
) -> JSON:
    """A ConfigMap with that net-conf.json, or without any."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}},
        "data": {} if net_conf is None else {"net-conf.json": net_conf},
    }


def network_policy(
    name: str,
    namespace: str = "dev",
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    spec: JSON | None = None,
) -> JSON:
    """A NetworkPolicy; denies all unless told otherwise."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels or {},
            "annotations": annotations or {},
        },
        "spec": spec or {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }


def namespace(name: str, labels: dict[str, str] | None = None) -> JSON:
    """A Namespace as it is created."""
    metadata: JSON = {"name": name}
    if labels is not None:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def pod(name: str, namespace: str) -> JSON:
    """A Pod, as little as a review needs."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [{"name": "main", "image": "registry.example/main:1"}]},
    }
