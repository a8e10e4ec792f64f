"""What the tests of an installed Portcullis share: manifests, and looks at the cluster."""

import json
import re
import time
import urllib.request
from collections.abc import Callable, Mapping
from subprocess import CompletedProcess
from typing import Any

from tests.controlplane.installation import Installation
from tests.controlplane.plane import ControlPlane

Manifest = Mapping[str, Any]

VALUES: Manifest = {
    # Short, for a test waits through each of them.
    "preStopSeconds": 2,
    "server": {"drainSeconds": 2},
    "controller": {"leaseDuration": 4, "renewDeadline": 3, "retryPeriod": 0.5},
    "defaultDeny": {"exemptNamespaces": ["ci-*"]},
    "networkPolicies": {
        # The most there is: what is told here must not hang on how busy the machine is.
        "diff": {"budgetMillis": 2000},
        "protectedNamespaces": {"matchLabels": {"protect": "yes"}},
        "checks": [
            {
                "checks": ["and-or", "ns-selector-matches-none"],
                "namespaceSelector": {"matchLabels": {"strict": "yes"}},
                "action": "deny",
            }
        ],
    },
}

RUNS_FLANNEL = {"flannel.alpha.coreos.com/kube-subnet-manager": "true"}
LISTED = (("kube-flannel", "kube-flannel-cfg"), ("kube-system", "canal-config"))
CNI = '{"name": "cbr0", "plugins": [{"type": "flannel", "delegate": {}}]}'
VXLAN = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'
DIRECT = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan", "DirectRouting": true}}'

SEAL = "portcullis.dev/seal"
PROFILE = "portcullis.dev/profile"
OVERRIDE = "portcullis.dev/override"
MANAGED = {"app.kubernetes.io/managed-by": "portcullis"}
SEALED = {SEAL: "sealed", PROFILE: "deny-all"}
PENDING = {SEAL: "pending", PROFILE: "deny-all"}

DENY_ALL: Manifest = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
ALLOW_DNS: Manifest = {
    "podSelector": {},
    "policyTypes": ["Egress"],
    "egress": [
        {
            "to": [
                {
                    "namespaceSelector": {
                        "matchLabels": {"kubernetes.io/metadata.name": "kube-system"}
                    },
                    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                }
            ],
            "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
        }
    ],
}
INJECTED = {"portcullis-deny-all": DENY_ALL, "portcullis-allow-dns": ALLOW_DNS}
"""What a namespace gets: specs by name."""


def meta(name: str, where: str | None = None, **more: Any) -> Manifest:
    given = {"name": name, "namespace": where, **more}
    return {key: value for key, value in given.items() if value is not None}


def node(name: str, **more: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta(name, **more)}


def config_map(where: str, name: str, net_conf: str | None, **more: Any) -> Manifest:
    data = {"cni-conf.json": CNI, **({} if net_conf is None else {"net-conf.json": net_conf})}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": meta(name, where, **more),
        "data": data,
    }


def new_namespace(name: str, **labels: str) -> Manifest:
    marks = {f"portcullis.dev/{key}": value for key, value in labels.items()}
    metadata = meta(name, labels=marks or None)
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def account(where: str, name: str = "runner") -> Manifest:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta(name, where)}


def pod(where: str, name: str = "first", account_name: str = "runner") -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta(name, where),
        "spec": {
            "serviceAccountName": account_name,
            "containers": [{"name": "c", "image": "registry.invalid/c"}],
        },
    }


def daemon_set(where: str, name: str) -> Manifest:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "c", "image": "registry.invalid/c"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": meta(name, where),
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def policy(where: str, name: str, **more: Any) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": meta(name, where, **more),
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }


def create(plane: ControlPlane, *manifests: Manifest) -> None:
    for manifest in manifests:
        plane.kubectl("create", "-f", "-", stdin=manifest)


def refused(done: CompletedProcess[str]) -> str:
    """What kubectl says of a request that was not carried out."""
    assert done.returncode != 0, done.stdout
    return done.stderr.strip()


def eventually(condition: Callable[[], Any], seconds: float = 15) -> float:
    """Wait until something holds; seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "does not come true"
        time.sleep(0.02)
    return time.monotonic() - began


def listed(plane: ControlPlane, kind: str, where: str) -> list[Manifest]:
    """All objects of a kind in a namespace."""
    found = json.loads(plane.kubectl("get", kind, "-n", where, "-o", "json").stdout)
    items: list[Manifest] = found["items"]
    return items


def policies(plane: ControlPlane, where: str) -> dict[str, Manifest]:
    """The NetworkPolicies of a namespace by name."""
    return {item["metadata"]["name"]: item for item in listed(plane, "networkpolicies", where)}


def specs(plane: ControlPlane, where: str) -> dict[str, Manifest]:
    """Their specs by name."""
    return {name: item["spec"] for name, item in policies(plane, where).items()}


def marks(plane: ControlPlane, name: str) -> dict[str, str]:
    """The marks of a Namespace."""
    found = plane.get("namespace", name)
    assert found is not None
    labels = found["metadata"].get("labels", {})
    return {key: value for key, value in labels.items() if key in {SEAL, PROFILE}}


def seal(plane: ControlPlane, name: str) -> None:
    """Create a namespace and wait until its policies stand."""
    plane.kubectl("create", "namespace", name)
    eventually(lambda: marks(plane, name) == SEALED)


def version(item: Manifest) -> int:
    """resourceVersion: of the revision of etcd, so that objects of all kinds compare."""
    return int(item["metadata"]["resourceVersion"])


def reviews_sent(plane: ControlPlane, entry: str) -> int:
    """How many reviews the API server has sent by one of our entries, by its own count."""
    name = f'name="{entry}.portcullis.dev"'
    lines = plane.kubectl("get", "--raw", "/metrics").stdout.splitlines()
    head = "apiserver_admission_webhook_request_total{"
    return sum(
        int(float(line.split()[-1])) for line in lines if line.startswith(head) and name in line
    )


def metric(installation: Installation, name: str, **labels: str) -> float:
    """A counter of ours, summed over the replicas."""
    total = 0.0
    for replica in installation.replicas:
        port = installation.plane.forward(replica.address, replica.webhook.port("metrics"))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        for line in re.findall(rf"^{name}{{.*$", text, re.MULTILINE):
            if all(f'{key}="{value}"' in line for key, value in labels.items()):
                total += float(line.rpartition(" ")[2])
    return total
