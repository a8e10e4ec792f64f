"""`portcullis status` over a snapshot; the live commands are tested end to end."""

import json
from pathlib import Path

import pytest

from webhook.cli import main

MANIFESTS = """
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: {portcullis.dev/seal: sealed, portcullis.dev/profile: deny-all}
---
apiVersion: v1
kind: Namespace
metadata:
  name: bank
  labels: {portcullis.dev/seal: sealed, portcullis.dev/profile: deny-all}
  annotations: {portcullis.dev/reason: exceeded quota}
---
apiVersion: v1
kind: Namespace
metadata:
  name: aged
  annotations: {portcullis.dev/report: "deny-all: ingress 1/1 (Pod/a), egress 0/1"}
---
apiVersion: v1
kind: Namespace
metadata:
  name: idle
  annotations: {portcullis.dev/report: "deny-all: ingress 0/0, egress 0/0"}
---
apiVersion: v1
kind: Namespace
metadata: {name: older}
---
apiVersion: v1
kind: Namespace
metadata: {name: kube-system}
---
apiVersion: v1
kind: Namespace
metadata: {name: portcullis-system}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: portcullis-deny-all
  namespace: shop
  labels: {app.kubernetes.io/managed-by: portcullis}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: mine, namespace: bank}
spec: {podSelector: {}}
"""


@pytest.fixture
def snapshot(tmp_path: Path) -> str:
    """A folder with seven namespaces."""
    (tmp_path / "all.yaml").write_text(MANIFESTS)
    return str(tmp_path)


def test_the_table(snapshot: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line each; the exit status tells that one is wrong."""
    code = main(["status", "--snapshot", snapshot])

    assert code == 1
    assert capsys.readouterr().out == (
        "NAMESPACE          STATE     PROFILE   POLICIES  REASON\n"
        "aged               unmarked  -         0         would cut off by deny-all: ingress 1/1 "
        "(Pod/a), egress 0/1\n"
        "bank               drifted   deny-all  0         exceeded quota\n"
        "idle               unmarked  -         0         deny-all would cut off nothing\n"
        "kube-system        unmarked  -         0         system: never touched\n"
        "older              unmarked  -         0\n"
        "portcullis-system  unmarked  -         0         system: never touched\n"
        "shop               sealed    deny-all  1\n"
    )


def test_json_of_what_is_wrong(snapshot: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same for programs."""
    main(["status", "--snapshot", snapshot, "--wrong", "-o", "json"])

    assert json.loads(capsys.readouterr().out) == [
        {
            "namespace": "bank",
            "state": "drifted",
            "profile": "deny-all",
            "policies": [],
            "reason": "exceeded quota",
            "report": None,
        }
    ]
