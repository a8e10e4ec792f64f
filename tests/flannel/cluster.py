"""Two nodes with flannel, its ConfigMap, and echoes between their pods."""

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from tests.controlplane.errors import ControlPlaneError
from tests.controlplane.plane import ControlPlane
from tests.flannel.node import NAMESPACE, Node

OVERRIDE = "portcullis.dev/override"
CONFIG_MAP = ("configmap", "kube-flannel-cfg", "--namespace", NAMESPACE)
_MANIFEST = Path(__file__).with_name("kube-flannel.yml")
_QUIET = 1.2
"""Seconds without a change of any forwarding table, after which it has settled."""

Backend = Mapping[str, Any]
Echoes = tuple[int, int]
"""How many of three came back: asked by a's pod, asked by b's."""

VXLAN: Backend = {"Type": "vxlan"}
DIRECT: Backend = {"Type": "vxlan", "DirectRouting": True}


def net_conf(backend: Backend) -> Mapping[str, Any]:
    """The file with this backend, else as kube-flannel.yml beside this module has it."""
    return {"Network": "10.244.0.0/16", "EnableNFTables": True, "Backend": backend}


class Cluster:
    """A control plane with two nodes on which flannel runs, with upstream's configuration.

    Attributes:
        a: the node that tests restart first.
        b: the other.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        plane.kubectl("apply", "-f", str(_MANIFEST))
        self.a, self.b = self.nodes = (Node(plane, "a", 1), Node(plane, "b", 2))
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_ready()
        self.settle()

    def patch(self, backend: Backend) -> CompletedProcess[str]:
        """The kubectl command by which every test changes the ConfigMap; may be refused."""
        change = {"data": {"net-conf.json": json.dumps(net_conf(backend), indent=2)}}
        command = ("patch", *CONFIG_MAP, "--type=merge", "--patch", json.dumps(change))
        return self.plane.kubectl(*command, check=False)

    def override(self, backend: Backend) -> None:
        """Break the glass: annotate with a reason, give the same command, take it away."""
        self.plane.kubectl("annotate", *CONFIG_MAP, f"{OVERRIDE}=a test")
        done = self.patch(backend)
        self.plane.kubectl("annotate", *CONFIG_MAP, f"{OVERRIDE}-")
        if done.returncode != 0:
            raise ControlPlaneError(f"not overridden: {done.stderr}")

    def begin(self, backend: Backend) -> None:
        """Both nodes as if just booted, with this configuration and without rp_filter."""
        self.override(backend)
        self.set_rp_filter(0)
        with ThreadPoolExecutor() as pool:
            list(pool.map(Node.reboot, self.nodes))
        self.settle()

    def set_rp_filter(self, value: int, device: str = "*") -> None:
        """On both nodes."""
        for node in self.nodes:
            node.set_rp_filter(value, device)

    def settle(self) -> None:
        """Wait until no flanneld changes a forwarding table any more."""
        deadline = time.monotonic() + 30
        before, since = self._state(), time.monotonic()
        while time.monotonic() - since < _QUIET:
            time.sleep(0.1)
            now = self._state()
            if now != before:
                before, since = now, time.monotonic()
            if time.monotonic() > deadline:
                raise ControlPlaneError(f"the forwarding tables do not settle: {now}")

    def _state(self) -> list[str]:
        return [node.forwarding_state() for node in self.nodes]

    def echoes(self) -> Echoes:
        """Three from either pod to the other, both at the same time."""
        asked = [
            one.ask(other.pod, count=3, interval=0.05)
            for one, other in (self.nodes, self.nodes[::-1])
        ]
        by_a, by_b = (int(each.communicate(timeout=30)[0].split()[0]) for each in asked)
        return by_a, by_b

    def echoes_by_rp_filter(self) -> tuple[Echoes, Echoes, Echoes]:
        """With 0, 2 and 1 on both nodes: off, loose and strict."""
        off, loose, strict = (self._echoes_with(value) for value in (0, 2, 1))
        return off, loose, strict

    def _echoes_with(self, rp_filter: int) -> Echoes:
        self.set_rp_filter(rp_filter)
        return self.echoes()

    @contextmanager
    def stream(self) -> Iterator[list[int]]:
        """Echoes from a's pod all the while, 50 a second; afterwards [came back, sent]."""
        counts: list[int] = []
        asked = self.a.ask(self.b.pod, count=0, interval=0.02)
        try:
            yield counts
        finally:
            counts += map(int, asked.communicate(timeout=30)[0].split())

    def annotations(self) -> list[Mapping[str, str]]:
        """What the API shows of both."""
        return [node.annotations() for node in self.nodes]
