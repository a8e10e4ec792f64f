"""portcullis cni: the verdict over manifests."""

import json

import pytest

from tests.enforcement.manifests import container, manifest
from webhook.cli import main

FLANNEL = manifest("kube-flannel/kube-flannel-ds", container("f", "flannel/flannel:v0.28.10"))
CALICO = manifest("kube-system/calico-node", container("calico-node", "calico/node:v3"))


@pytest.mark.parametrize(
    ("objects", "code", "text"),
    [
        ([FLANNEL], 1, "cni: flannel\nenforced: no\n"),
        ([FLANNEL, CALICO], 0, "cni: canal\nenforced: yes\n"),
        ([], 0, "cni: unknown\nenforced: unknown\n"),
    ],
)
def test_text(tmp_path, capsys, objects, code, text) -> None:
    """Exit 1 where NetworkPolicies would have no effect."""
    path = tmp_path / "all.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    assert main(["cni", str(path)]) == code
    assert capsys.readouterr().out.startswith(text)


def test_json(tmp_path, capsys) -> None:
    """For other programs."""
    path = tmp_path / "ds.json"
    path.write_text(json.dumps(FLANNEL))
    main(["cni", "--output", "json", str(path)])

    assert json.loads(capsys.readouterr().out) == {
        "cni": "flannel",
        "enforced": "no",
        "evidence": ["DaemonSet kube-flannel/kube-flannel-ds: flannel"],
    }


def test_what_cannot_be_read(tmp_path, capsys) -> None:
    """Exit 2, with a word on why."""
    path = tmp_path / "ds.json"
    path.write_text(json.dumps({**FLANNEL, "spec": 3}))

    assert main(["cni", str(path)]) == 2
    assert "not a manifest of its kind" in capsys.readouterr().err
