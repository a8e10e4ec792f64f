"""Runs the demo: a real kube-apiserver, the chart, two replicas, and kubectl.

With ``--once`` it leaves when the story is over; else it stays up until Ctrl-C, for more.
"""

import argparse
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tests.controlplane import ControlPlane
from tests.controlplane.installation import Installation

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"

NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
        "name": "node-1",
        "annotations": {
            "flannel.alpha.coreos.com/kube-subnet-manager": "true",
            "flannel.alpha.coreos.com/backend-type": "vxlan",
        },
    },
    "spec": {"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]},
}

PATCH = """
data:
  net-conf.json: |
    {
      "Network": "10.244.0.0/16",
      "Backend": {
        "Type": "vxlan",
        "DirectRouting": true
      }
    }
"""

OVERRIDE = """
metadata:
  annotations:
    portcullis.dev/override: "CHG-1042: maintenance window, rp_filter=2 everywhere"
"""

WORKLOAD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: registry.example/web:1}]}
"""

ORDER = "custom-columns=KIND:.kind,NAME:.metadata.name,CREATED:.metadata.creationTimestamp"


class Story:
    """Says what happens, runs kubectl as the reader would, and prints what it prints."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        (plane.folder / "direct.yaml").write_text(PATCH)
        (plane.folder / "override.yaml").write_text(OVERRIDE + PATCH)

    def say(self, text: str) -> None:
        """A line of the story."""
        print(f"\n# {text}", flush=True)

    def kubectl(self, *arguments: str, stdin: str | None = None, user: str = "") -> None:
        """A command and all that it printed."""
        config = self._plane.kubeconfig(user, ["platform-team"]) if user else None
        shown = [self._relative(argument) for argument in arguments]
        print(f"$ kubectl {shlex.join(shown)}{f'   # as {user}' if user else ''}", flush=True)
        done = self._plane.kubectl(*arguments, stdin=stdin, kubeconfig=config, check=False)
        for line in (done.stdout + done.stderr).splitlines():
            print(f"  {self._relative(line)}", flush=True)

    def _relative(self, text: str) -> str:
        """Paths as the reader has them, who stands in the repository."""
        return text.replace(f"{self._plane.folder}/", "").replace(f"{ROOT}/", "")

    def patch(self, file: str, user: str) -> None:
        """Patch flannel's ConfigMap from a file."""
        path = str(self._plane.folder / file)
        self._on_config_map("patch", "--type=merge", "--patch-file", path, user=user)

    def _on_config_map(self, verb: str, *arguments: str, user: str) -> None:
        target = ("-n", "kube-flannel", verb, "configmap", "kube-flannel-cfg")
        self.kubectl(*target, *arguments, user=user)

    def tell(self) -> None:
        """From beginning to end."""
        self._before_it_is_live()
        self._live()
        self._default_deny()

    def _before_it_is_live(self) -> None:
        self.say("Before the cluster is built DirectRouting is free.")
        self.kubectl("create", "namespace", "kube-flannel")
        self.kubectl("apply", "-f", str(EXAMPLES / "cluster" / "flannel.yaml"))
        grant(self._plane, "olga", "cluster-admin", ["*"], ["*"], ["*"])
        self.patch("direct.yaml", "olga")
        self.kubectl("apply", "-f", str(EXAMPLES / "cluster" / "flannel.yaml"))

    def _live(self) -> None:
        self.say("A node joins and flannel runs: the cluster is live. The same change is refused.")
        self._plane.kubectl("apply", "-f", "-", stdin=NODE)
        self.patch("direct.yaml", "olga")
        self.say("A remark inside the JSON is shown where it stands (the owner's sample).")
        self.kubectl("apply", "-f", str(EXAMPLES / "owner" / "kube-flannel-cfg.yaml"))
        self.say("Break-glass: plain RBAC says who may, and it leaves its traces.")
        grant(self._plane, "nina", "flannel-editor", [""], ["configmaps"], ["*"])
        self.patch("override.yaml", "nina")
        self.patch("override.yaml", "olga")
        self.kubectl("-n", "kube-flannel", "get", "events")
        self.say("The override is taken away again, as the warning says.")
        self._on_config_map("annotate", "portcullis.dev/override-", user="olga")

    def _default_deny(self) -> None:
        self.say("A new namespace gets its default deny before its first pod.")
        self.kubectl("create", "namespace", "shop")
        self.kubectl("apply", "-f", "-", stdin=WORKLOAD)
        self._wait_for_pods()
        self.kubectl("-n", "shop", "get", "networkpolicies,pods", "-o", ORDER)
        self.kubectl("get", "namespace", "shop", "-L", "portcullis.dev/profile,portcullis.dev/seal")
        self.say("What denies by default stays; the namespace itself may go.")
        self.kubectl("-n", "shop", "delete", "networkpolicy", "portcullis-deny-all")
        self.kubectl("label", "namespace", "shop", "portcullis.dev/seal=exempt", "--overwrite")
        self.kubectl("delete", "namespace", "shop")

    def _wait_for_pods(self) -> None:
        limit = time.monotonic() + 20
        while time.monotonic() < limit:
            found = self._plane.kubectl("-n", "shop", "get", "pods", "-o", "name").stdout
            if len(found.split()) == 2:  # noqa: PLR2004 - the Deployment's replicas
                return
            time.sleep(0.2)


def grant(
    plane: ControlPlane,
    user: str,
    name: str,
    groups: list[str],
    resources: list[str],
    verbs: list[str],
) -> None:
    """Give a user a ClusterRole of that one rule."""
    role: dict[str, Any] = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": f"demo-{name}"},
        "rules": [{"apiGroups": groups, "resources": resources, "verbs": verbs}],
    }
    plane.kubectl("apply", "-f", "-", stdin=role)
    plane.kubectl("create", "clusterrolebinding", f"demo-{user}", f"--clusterrole=demo-{name}",
                  f"--user={user}")  # fmt: skip


def main() -> int:
    """Build what is missing, start everything, tell the story, stay up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="do not stay up after the story")
    once = parser.parse_args().once
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    started = time.monotonic()
    try:
        with ControlPlane() as plane:
            print(f"control plane up after {time.monotonic() - started:.1f} s", flush=True)
            if not plane.isolated:
                print("this machine allows no network namespaces: Services need one", flush=True)
                return 2
            with Installation(plane):
                print(
                    f"chart installed, two replicas ready after {time.monotonic() - started:.1f} s"
                )
                Story(plane).tell()
                if not once:
                    print(
                        "\nIt stays up. In another terminal:\n"
                        f"  . {plane.folder}/env\n"
                        "  kubectl get ns\n"
                        "Ctrl-C ends it.",
                        flush=True,
                    )
                    signal.pause()
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
