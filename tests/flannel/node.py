"""A node: a network namespace with a pod behind cni0, and flanneld as its DaemonSet runs it."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.controlplane.errors import ControlPlaneError
from tests.controlplane.plane import ControlPlane
from tests.flannel import needs

if TYPE_CHECKING:
    from tests.controlplane.container import Container

NAMESPACE = "kube-flannel"
DAEMON_SET = "kube-flannel-ds"
PREFIX = "flannel.alpha.coreos.com/"
POD_MTU = 1450
"""What flannel tells the bridge plugin where eth0 has 1500."""
_OF_KUBELET = "volumes.kubernetes.io/controller-managed-attach-detach"
_ECHO = str(Path(__file__).with_name("echo.py"))
_FORGET = """
for device in $(ip -br link | grep -o '^flannel[^ ]*'); do ip link del $device || exit; done
ip route flush root 10.244.0.0/16 dev eth0 && nft flush ruleset
"""
"""What a reboot takes of flannel's: devices with their routes, direct routes, packet filters."""


class Node:
    """One node; it ends with its plane.

    Args:
        plane: with flannel's DaemonSet and ConfigMap.
        name: of the Node.
        number: its podCIDR is `10.244.<number>.0/24`.

    Attributes:
        address: of eth0, on the plane's bridge.
        pod: the address of its pod.
    """

    def __init__(self, plane: ControlPlane, name: str, number: int) -> None:
        self.name = name
        self.address = plane.new_address()
        self.pod = f"10.244.{number}.10"
        self._plane = plane
        self._flanneld: Container | None = None
        daemon_set = plane.get("daemonset", DAEMON_SET, NAMESPACE)
        assert daemon_set is not None
        self._template: Mapping[str, Any] = daemon_set["spec"]["template"]
        self._template["spec"]["containers"][0]["command"] = [str(needs.flanneld())]
        self._make_pod(gateway=f"10.244.{number}.1")
        self._join(subnet=f"10.244.{number}.0/24")
        plane.exec([sys.executable, "-IS", _ECHO, "serve"], address=self.pod)

    def _make_pod(self, gateway: str) -> None:
        """What the kubelet and the bridge plugin do: cni0, and a namespace joined to it."""
        self.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        network = self._plane.network
        here = network.namespace_of(self.address)
        pod = network.add_namespace(f"{self.name}-pod", self.pod)
        mtu = ("mtu", str(POD_MTU))
        for where, *arguments in (
            (here, "link", "add", "cni0", "type", "bridge", "forward_delay", "0"),
            (here, "addr", "add", f"{gateway}/24", "dev", "cni0"),
            (here, "link", "set", "cni0", *mtu, "up"),
            (here, "link", "add", "veth0", *mtu, "type", "veth",
             "peer", "name", "eth0", *mtu, "netns", pod),
            (here, "link", "set", "veth0", "master", "cni0", "up"),
            (pod, "link", "set", "lo", "up"),
            (pod, "addr", "add", f"{self.pod}/24", "dev", "eth0"),
            (pod, "link", "set", "eth0", "up"),
            (pod, "route", "add", "default", "via", gateway),
        ):  # fmt: skip
            network.ip("-n", where, *arguments)

    def _join(self, subnet: str) -> None:
        manifest = {
            "apiVersion": "v1",
            "kind": "Node",
            # flanneld panics on a Node without any annotation; the kubelet always sets this one.
            "metadata": {"name": self.name, "annotations": {_OF_KUBELET: "true"}},
            "spec": {"podCIDR": subnet, "podCIDRs": [subnet]},
        }
        self._plane.kubectl("create", "-f", "-", stdin=manifest)

    def start(self) -> None:
        """Run the DaemonSet's pod: net-conf.json is what the API server holds at this moment."""
        self._flanneld = self._plane.run_container(
            self._template,
            namespace=NAMESPACE,
            address=self.address,
            pod_name=f"{DAEMON_SET}-{self.name}",
            node=self.name,
            env={"PATH": needs.environment(self._plane)["PATH"]},
        )

    def wait_ready(self) -> None:
        """Wait until flanneld says that it is ready."""
        assert self._flanneld is not None
        self._flanneld.wait_ready()

    def stop(self) -> None:
        """End flanneld as the kubelet does; devices, routes and addresses stay."""
        if self._flanneld is not None:
            self._flanneld.stop()

    def restart(self) -> None:
        """Restart the flannel pod alone, as after a rollout, an eviction or a crash."""
        self.stop()
        self.start()
        self.wait_ready()

    def reboot(self) -> None:
        """Restart it with an empty kernel, as after the node's reboot, or on a new node."""
        self.stop()
        self.run("sh", "-c", _FORGET)
        self.start()
        self.wait_ready()

    def device_towards(self, pod: str) -> str:
        """The device by which the kernel sends to a pod of another node; empty without a route."""
        done = self.run("ip", "-j", "route", "get", pod, check=False)
        return str(json.loads(done.stdout)[0]["dev"]) if done.returncode == 0 else ""

    def set_rp_filter(self, value: int, device: str = "*") -> None:
        """Set reverse path filtering: for all devices and later ones, or by one name alone."""
        files = f"/proc/sys/net/ipv4/conf/{device}/rp_filter"  # `all` and `default` are names too
        self.run("sh", "-c", f"for file in {files}; do echo {value} > $file; done")

    def dropped_by_rp_filter(self) -> int:
        """How many packets reverse path filtering has dropped, by the kernel's own count."""
        lines = self.run("cat", "/proc/net/netstat").stdout.splitlines()
        names, values = [line.split() for line in lines if line.startswith("TcpExt:")]
        return int(dict(zip(names, values, strict=True))["IPReversePathFilter"])

    def forwarding_state(self) -> str:
        """Routes, neighbours and forwarding tables: everything that flanneld writes."""
        questions = "ip route && ip neigh show nud permanent && bridge fdb"
        return self.run("sh", "-c", questions).stdout

    def annotations(self) -> Mapping[str, str]:
        """What flannel tells of itself on the Node."""
        found = self._plane.get("node", self.name)
        assert found is not None
        every = found["metadata"]["annotations"].items()
        return {key.removeprefix(PREFIX): text for key, text in every if key.startswith(PREFIX)}

    def ask(self, address: str, count: int, interval: float) -> subprocess.Popen[str]:
        """Begin echoes from this node's pod, as echo.py describes it."""
        argv = [sys.executable, "-IS", _ECHO, "ask", address, str(count), str(interval)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        asked: subprocess.Popen[str] = self._plane.exec(argv, address=self.pod, **pipes)
        return asked

    def run(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command on the node.

        Raises:
            ControlPlaneError: it failed.
        """
        done = subprocess.run(
            self._plane.network.inside(argv, self.address),
            env=dict(needs.environment(self._plane)),
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise ControlPlaneError(f"{self.name}: {' '.join(argv)}: {done.stderr.strip()}")
        return done
