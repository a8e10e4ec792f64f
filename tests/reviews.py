"""AdmissionReviews as the API server sends them, for tests, the tour and benchmarks alike."""

import json
from typing import Any

JSON = dict[str, Any]

KINDS = {
    "ConfigMap": ("", "configmaps"),
    "Namespace": ("", "namespaces"),
    "Pod": ("", "pods"),
    "NetworkPolicy": ("networking.k8s.io", "networkpolicies"),
    "IPPool": ("crd.projectcalico.org", "ippools"),
    "FelixConfiguration": ("crd.projectcalico.org", "felixconfigurations"),
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
    api: tuple[str, str] | None = None,
) -> JSON:
    """One review; kind, resource, namespace and name are taken from the object.

    Args:
        operation: CREATE, UPDATE or DELETE.
        new: the object.
        old: the old one.
        user: who asks.
        groups: of the user.
        dry_run: whether nothing is to be changed.
        name: in place of the object's, empty under deletecollection.
        uid: of the review.
        api: (group, version) of the request, for kinds that stand in several.
    """
    subject = new or old or {}
    kind, metadata = subject["kind"], subject.get("metadata", {})
    group, resource = KINDS[kind]
    group, version = api or (group, "v1")
    gvk = {"group": group, "version": version, "kind": kind}
    gvr = {"group": group, "version": version, "resource": resource}
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


def ip_pool(
    name: str = "default-ipv4-ippool", *, metadata: JSON | None = None, **spec: Any
) -> JSON:
    """An IPPool of Calico, as kubectl writes it."""
    return {
        "apiVersion": "crd.projectcalico.org/v1",
        "kind": "IPPool",
        "metadata": {"name": name, **(metadata or {})},
        "spec": {"cidr": "10.244.0.0/16", **spec},
    }


def felix_configuration(name: str = "default", **spec: Any) -> JSON:
    """A FelixConfiguration."""
    return {
        "apiVersion": "crd.projectcalico.org/v1",
        "kind": "FelixConfiguration",
        "metadata": {"name": name},
        "spec": spec,
    }


def calico_config(data: JSON | None = None, *, namespace: str = "kube-system", **more: str) -> JSON:
    """The ConfigMap calico-config."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "calico-config", "namespace": namespace},
        "data": {"calico_backend": "bird", **(data or {}), **more},
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
