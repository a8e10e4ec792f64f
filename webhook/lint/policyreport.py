"""What is found in a namespace's NetworkPolicies, as a report object of the cluster. PURE.

Sources: openreports/reports-api, apis/openreports.io/v1alpha1/report_types.go, and its predecessor
wgpolicyk8s.io/v1alpha2 of kubernetes-sigs/wg-policy-prototypes. Results have the same fields in
both; no time is written, so that equal findings make an equal report.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from webhook.lint.cluster import build
from webhook.lint.registry import Finding, Severity
from webhook.lint.runner import run
from webhook.model.namespace import MANAGED_BY, MANAGED_BY_LABEL
from webhook.model.objects import NetworkPolicy
from webhook.model.profiles import POLICY_PREFIX

NAME = "portcullis-networkpolicies"
"""Of the one report in each namespace."""
DIGEST_ANNOTATION = "portcullis.dev/digest"
OMITTED_ANNOTATION = "portcullis.dev/omitted"
"""How many findings were left out for want of room."""

Manifest = dict[str, Any]

_OUTCOMES = {
    Severity.ERROR: ("fail", "high"),
    Severity.WARNING: ("warn", "medium"),
    Severity.INFO: ("warn", "info"),
}
"""Result and severity in the words of the report."""
_encoder = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True)
class ReportKind:
    """An API of reports.

    Args:
        has_source: the report itself names who wrote it.
    """

    group: str
    version: str
    kind: str
    resource: str
    has_source: bool


KINDS = (
    ReportKind("openreports.io", "v1alpha1", "Report", "reports", has_source=True),
    ReportKind("wgpolicyk8s.io", "v1alpha2", "PolicyReport", "policyreports", has_source=False),
)
"""The first that a cluster has is used."""


def findings(namespace: str, policies: Iterable[NetworkPolicy]) -> Sequence[Finding]:
    """Judge the NetworkPolicies of a namespace, the most severe findings first.

    Nothing else of the cluster is known, so checks that need Pods, Services or other namespaces
    are silent. Our own policies are neighbours, and not judged.

    Raises:
        InvalidObjectError: a policy is malformed, which the API server would not store.
        MalformedReviewError: so is its spec.
    """
    found = run(build([_written(namespace, policy) for policy in policies]))
    return [it for it in found if not it.object.name.startswith(POLICY_PREFIX)]


def report(kind: ReportKind, namespace: str, found: Sequence[Finding], limit: int) -> Manifest:
    """The report of a namespace.

    Args:
        kind: of the report.
        namespace: judged.
        found: the most severe first.
        limit: results at most; the summary counts all.
    """
    omitted = len(found) - limit
    results = [_result(finding) for finding in found[:limit]]
    counts = Counter(_OUTCOMES[finding.severity][0] for finding in found)
    content = {
        **({"source": MANAGED_BY} if kind.has_source else {}),
        "scope": {"apiVersion": "v1", "kind": "Namespace", "name": namespace},
        "summary": {it: counts[it] for it in ("pass", "fail", "warn", "error", "skip")},
        "results": results,
    }
    annotations = {DIGEST_ANNOTATION: blake2b(_encoder.encode(content), digest_size=12).hexdigest()}
    if omitted > 0:
        annotations[OMITTED_ANNOTATION] = str(omitted)
    return {
        "apiVersion": f"{kind.group}/{kind.version}",
        "kind": kind.kind,
        "metadata": {
            "name": NAME,
            "namespace": namespace,
            "labels": {MANAGED_BY_LABEL: MANAGED_BY},
            "annotations": annotations,
        },
        **content,
    }


def digest_of(manifest: Mapping[str, Any]) -> str:
    """What tells a report from one with other findings."""
    return str(manifest["metadata"]["annotations"][DIGEST_ANNOTATION])


def _written(namespace: str, policy: NetworkPolicy) -> Manifest:
    metadata = {"name": policy.metadata.name, "namespace": namespace}
    api = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    return {**api, "metadata": metadata, "spec": policy.spec}


def _result(finding: Finding) -> Manifest:
    result, severity = _OUTCOMES[finding.severity]
    return {
        "source": MANAGED_BY,
        "policy": finding.check_id,
        **({"rule": finding.sub} if finding.sub else {}),
        "category": "NetworkPolicy",
        "severity": severity,
        "result": result,
        "scored": result == "fail",
        "resources": [
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": finding.object.kind,
                "namespace": finding.object.namespace,
                "name": finding.object.name,
            }
        ],
        "message": finding.message,
        "properties": {"field": finding.field},
    }
