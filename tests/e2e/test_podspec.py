"""How a pod template becomes an environment, a command line and files."""

import base64

import pytest

from tests.controlplane import ControlPlaneError
from tests.controlplane.podspec import Pod, command_line, environment, expand, volume_files

POD = Pod(
    name="webhook-1",
    namespace="guard",
    address="10.88.0.11",
    node="node-1",
    service_account="webhook",
    labels={"app": "webhook"},
    annotations={},
)
OBJECTS = {
    ("configmap", "settings"): {"data": {"level": "high", "mode": "warn"}},
    ("secret", "keys"): {"data": {"token": base64.b64encode(b"t0ken").decode()}},
}


def lookup(kind, name):
    return OBJECTS.get((kind, name))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("$(PORT)", "8443", id="known"),
        pytest.param("$(OTHER)", "$(OTHER)", id="unknown-stays"),
        pytest.param("$$(PORT)", "$(PORT)", id="escaped"),
        pytest.param("[$(HOST)]:$(PORT)", "[::]:8443", id="two-of-them"),
        pytest.param("$PORT", "$PORT", id="no-parentheses"),
    ],
)
def test_expand(text, expected):
    """References are expanded as the kubelet expands them."""
    assert expected == expand(text, {"PORT": "8443", "HOST": "::"})


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param({"value": "plain"}, "plain", id="value"),
        pytest.param({"value": "on $(EARLIER)"}, "on first", id="refers-to-an-earlier-one"),
        pytest.param(
            {"valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
            "webhook",
            id="label",
        ),
        pytest.param(
            {"valueFrom": {"configMapKeyRef": {"name": "settings", "key": "level"}}},
            "high",
            id="configmap-key",
        ),
        pytest.param(
            {"valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
            "t0ken",
            id="secret-key",
        ),
        pytest.param(
            {"valueFrom": {"secretKeyRef": {"name": "gone", "key": "token", "optional": True}}},
            None,
            id="optional-and-missing",
        ),
    ],
)
def test_environment(entry, expected):
    """Each kind of source gives its value; an optional one that is missing gives none."""
    container = {"env": [{"name": "EARLIER", "value": "first"}, {"name": "HERE", **entry}]}

    assert expected == environment(container, POD, lookup).get("HERE")


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        pytest.param({"emptyDir": {}}, {}, id="empty"),
        pytest.param(
            {"configMap": {"name": "settings", "items": [{"key": "level", "path": "a/b"}]}},
            {"a/b": b"high"},
            id="chosen-items",
        ),
        pytest.param({"secret": {"secretName": "keys"}}, {"token": b"t0ken"}, id="secret"),
        pytest.param(
            {
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"path": "token"}},
                        {"secret": {"name": "keys", "items": [{"key": "token", "path": "other"}]}},
                    ]
                }
            },
            {"token": b"issued", "other": b"t0ken"},
            id="projected",
        ),
    ],
)
def test_volume_files(volume, expected):
    """A volume's files lie where its kind and its items put them."""
    assert expected == volume_files(volume, POD, lookup, token=lambda: "issued")


def test_a_missing_secret_is_named():
    """What the kubelet would wait for without end is an error that names it."""
    with pytest.raises(ControlPlaneError, match="secret gone does not exist"):
        volume_files({"secret": {"secretName": "gone"}}, POD, lookup, token=lambda: "")


def test_command_line_needs_a_command():
    """Without `command` the image's entrypoint is taken, and there must be one."""
    assert command_line({"args": ["controller"]}, ["portcullis"], {}) == [
        "portcullis",
        "controller",
    ]

    with pytest.raises(ControlPlaneError, match="pass the image's entrypoint"):
        command_line({"name": "webhook", "args": ["controller"]}, (), {})
