"""The review that is sent: somebody edits a NetworkPolicy of his own, or creates one.

Field for field what kube-apiserver 1.37 sends: resource, requestKind and
requestResource, userInfo with its extra, both objects with their managedFields, options.
"""

import copy
import json
from typing import Any

JSON = dict[str, Any]

UID = "705ab4f5-6393-11e8-b7cc-42010a800002"
"""Stands in the review where every request is another: the load generator replaces it.

In the new spec too, for nobody writes the same policy again and again.
"""

_PEERS = ("frontend", "checkout", "search", "reporting")


def body() -> bytes:
    """The review of the edit, as the API server writes it: compact, a newline at the end."""
    old = policy()
    new = copy.deepcopy(old)
    new["spec"]["ingress"][0]["ports"].append({"protocol": "TCP", "port": 9090})
    new["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"]["build"] = UID
    new["metadata"] |= {"generation": 8, "labels": old["metadata"]["labels"] | {"release": "r42"}}
    return _review("UPDATE", new, old, _options("Update", "kubectl-edit"))


def creation() -> bytes:
    """The review of a creation: such a policy for pods that none has selected so far.

    The API server has not given it a resourceVersion yet.
    """
    made = policy()
    made["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] = "web"
    made["metadata"] |= {"name": f"web-{UID}", "generation": 1}
    del made["metadata"]["resourceVersion"]
    return _review("CREATE", made, None, _options("Create", "kubectl-client-side-apply"))


def _options(verb: str, manager: str) -> JSON:
    return {
        "kind": f"{verb}Options",
        "apiVersion": "meta.k8s.io/v1",
        "fieldManager": manager,
        "fieldValidation": "Strict",
    }


def _review(operation: str, new: JSON, old: JSON | None, options: JSON) -> bytes:
    gvk = {"group": "networking.k8s.io", "version": "v1", "kind": "NetworkPolicy"}
    gvr = {"group": "networking.k8s.io", "version": "v1", "resource": "networkpolicies"}
    request = {
        "uid": UID,
        "kind": gvk,
        "resource": gvr,
        "requestKind": gvk,
        "requestResource": gvr,
        "name": new["metadata"]["name"],
        "namespace": new["metadata"]["namespace"],
        "operation": operation,
        "userInfo": _user(),
        "object": new,
        "oldObject": old,
        "dryRun": False,
        "options": options,
    }
    review = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
    return json.dumps(review, separators=(",", ":")).encode() + b"\n"


def _user() -> JSON:
    return {
        "username": "jane@example.com",
        "groups": ["team-shop", "system:authenticated"],
        "extra": {
            "authentication.kubernetes.io/credential-id": [
                "X509SHA256=5c1b0d1a2f6e4c9fb0a1d2c3e4f5061728394a5b6c7d8e9f0a1b2c3d4e5f6071"
            ]
        },
    }


def policy() -> JSON:
    """The NetworkPolicy before its edit, as it stands in the cluster."""
    spec = {
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "cart", "tier": "backend"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [_rule(peer, 8080 + n) for n, peer in enumerate(_PEERS)],
        "egress": [
            {
                "to": [
                    {"ipBlock": {"cidr": "10.20.0.0/16", "except": ["10.20.7.0/24"]}},
                    {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "cart-db"}}},
                ],
                "ports": [{"protocol": "TCP", "port": 5432}],
            }
        ],
    }
    applied = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"annotations": {}, "name": "cart", "namespace": "dev"},
        "spec": spec,
    }
    return {
        "kind": "NetworkPolicy",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": {
            "name": "cart",
            "namespace": "dev",
            "uid": "3f1c7f0e-5a5e-4a3e-9a39-0d6e8b7f1c22",
            "resourceVersion": "184467",
            "generation": 7,
            "creationTimestamp": "2026-03-02T09:14:07Z",
            "labels": {"app.kubernetes.io/part-of": "shop", "team": "shop"},
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": json.dumps(
                    applied, separators=(",", ":")
                )
                + "\n"
            },
            "managedFields": [_managed("kubectl-client-side-apply"), _managed("kubectl-edit")],
        },
        "spec": spec,
    }


def _rule(peer: str, port: int) -> JSON:
    return {
        "from": [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
                "podSelector": {"matchLabels": {"app.kubernetes.io/name": peer}},
            }
        ],
        "ports": [{"protocol": "TCP", "port": port}],
    }


def _managed(manager: str) -> JSON:
    return {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "networking.k8s.io/v1",
        "time": "2026-03-02T09:14:07Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {
            "f:metadata": {
                "f:annotations": {
                    ".": {},
                    "f:kubectl.kubernetes.io/last-applied-configuration": {},
                },
                "f:labels": {".": {}, "f:app.kubernetes.io/part-of": {}, "f:team": {}},
            },
            "f:spec": {"f:egress": {}, "f:ingress": {}, "f:podSelector": {}, "f:policyTypes": {}},
        },
    }
