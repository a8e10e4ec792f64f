"""DaemonSets of network plugins, cut down to what their own manifests say of them."""

from typing import Any

import msgspec

from webhook.model.objects import Node, ObjectMeta
from webhook.model.workloads import DaemonSet

JSON = dict[str, Any]


def container(name: str, image: str, *args: str, **env: str) -> JSON:
    """A container; environment from keyword arguments."""
    variables = [{"name": k, "value": v} for k, v in env.items()]
    return {"name": name, "image": image, "args": list(args), "env": variables}


def manifest(where: str, *containers: JSON) -> JSON:
    """The manifest of a DaemonSet ``namespace/name``."""
    namespace, _, name = where.partition("/")
    labels = {"k8s-app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": list(containers)}},
        },
    }


def daemon_set(where: str, *containers: JSON) -> DaemonSet:
    """The same as it is read."""
    return msgspec.convert(manifest(where, *containers), DaemonSet)


def node(name: str, **annotations: str) -> Node:
    """A Node; ``__`` in a keyword stands for the slash, ``_`` for a dot."""
    marks = {k.replace("__", "/").replace("_", "."): v for k, v in annotations.items()}
    return Node(ObjectMeta(name=name, annotations=marks))


_FLANNEL_POD = container("kube-flannel", "ghcr.io/flannel-io/flannel:v0.28.10", "--kube-subnet-mgr")
_CALICO_POD = container("calico-node", "quay.io/calico/node:v3.31.0")
_POLICY_POD = container(
    "calico-node", "docker.io/calico/node:v3.31.0", CALICO_NETWORKING_BACKEND="none"
)

FLANNEL = daemon_set("kube-flannel/kube-flannel-ds", _FLANNEL_POD)
CALICO = daemon_set("kube-system/calico-node", _CALICO_POD)
CALICO_POLICY = daemon_set("kube-system/calico-node", _POLICY_POD)
CANAL = daemon_set("kube-system/canal", _POLICY_POD, _FLANNEL_POD)
KUBE_PROXY = daemon_set(
    "kube-system/kube-proxy", container("p", "registry.k8s.io/kube-proxy:v1.37")
)
