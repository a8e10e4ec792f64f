"""How flanneld is run is read as flannel and Go's flag package read it."""

import pytest

from webhook.model.flanneld import annotation_key, image_tag, is_flanneld


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        ("flannel.alpha.coreos.com", "flannel.alpha.coreos.com/backend-type"),
        ("flannel.alpha.coreos.com/", "flannel.alpha.coreos.com/backend-type"),
        ("mine.io/net", "mine.io/net-backend-type"),
        ("mine.io/net-", "mine.io/net-backend-type"),
    ],
)
def test_a_prefix_is_completed(prefix, key) -> None:
    """With a slash, or behind one with a hyphen (annotations.go)."""
    assert annotation_key(prefix, "backend-type") == key


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("ghcr.io/flannel-io/flannel:v0.28.10", "v0.28.10"),
        ("localhost:5000/flannel", ""),
        ("localhost:5000/flannel:v0.14.0-amd64", "v0.14.0-amd64"),
        ("flannel:v0.20.0@sha256:00", "v0.20.0"),
        ("flannel@sha256:00", ""),
        ("", ""),
    ],
)
def test_tags(image, tag) -> None:
    """A registry's port is no tag, a digest neither."""
    assert image_tag(image) == tag


@pytest.mark.parametrize(
    ("name", "image", "words", "expected"),
    [
        pytest.param("kube-flannel", "x", (), True, id="name"),
        pytest.param("x", "rancher/hardened-flannel:v1", (), True, id="image"),
        pytest.param("x", "y", ("sh", "-c", "/opt/bin/flanneld --ip-masq"), True, id="command"),
        pytest.param("calico-node", "docker.io/calico/node:v3", (), False, id="canals-other"),
        pytest.param("x", "flannel.example/node:v3", (), False, id="registry"),
    ],
)
def test_what_looks_like_flanneld(name, image, words, expected) -> None:
    """By name, image or command line."""
    assert is_flanneld(name, image, words) is expected
