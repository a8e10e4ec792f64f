"""The three servers of a control plane: their files, their flags, their order."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import Any

from .network import LOOPBACK, Network, free_port
from .pki import Authority, signing_key
from .processes import Daemon

ISSUER = "https://kubernetes.default.svc.cluster.local"
SERVICE_RANGE = "10.96.0.0/16"
_SERVER_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
STOP_SECONDS = 10
"""Between SIGTERM and SIGKILL to kube-apiserver."""
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


@dataclass
class Components:
    """Starts the servers in their order; each leaves `<name>.log` in the folder."""

    folder: Path
    network: Network
    programs: Mapping[str, Path]
    env: Mapping[str, str]
    started: list[Popen[Any]]
    """Where each process is noted, so that the plane can reap it."""

    def write_keys(self, authority: Authority) -> None:
        """Write what the servers read: CA, serving certificate, token keys, audit policy."""
        addresses = (self.network.api_address, LOOPBACK, "10.96.0.1")
        serving = authority.serving([*_SERVER_NAMES, *dict.fromkeys(addresses)])
        accounts = signing_key()
        files = {
            "ca.crt": authority.pem,
            "apiserver.crt": serving.certificate,
            "apiserver.key": serving.key,
            "accounts.pub": accounts.certificate,
            "accounts.key": accounts.key,
            "audit-policy.json": json.dumps(_AUDIT_POLICY).encode(),
        }
        for name, content in files.items():
            self.folder.joinpath(name).write_bytes(content)

    def start_etcd(self) -> None:
        """Start etcd without fsync: what it holds dies with the folder anyway."""
        isolated = self.network.isolated
        client, peer = (2379, 2380) if isolated else (free_port(), free_port())
        self._etcd_url = f"http://{LOOPBACK}:{client}"
        peer_url = f"http://{LOOPBACK}:{peer}"
        self._etcd = self._start(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={self._etcd_url}",
            f"--advertise-client-urls={self._etcd_url}",
            f"--listen-peer-urls={peer_url}",
            f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
            "--log-level=warn",
        )

    def start_api_server(self, port: int, extra: Sequence[str], ready: Callable[[], bool]) -> None:
        """Start kube-apiserver and wait until it is ready."""
        isolated = self.network.isolated
        flags = [
            f"--etcd-servers={self._etcd_url}",
            f"--bind-address={'0.0.0.0' if isolated else LOOPBACK}",
            f"--advertise-address={self.network.api_address}",
            f"--secure-port={port}",
            f"--tls-cert-file={self.folder / 'apiserver.crt'}",
            f"--tls-private-key-file={self.folder / 'apiserver.key'}",
            f"--client-ca-file={self.folder / 'ca.crt'}",
            "--authorization-mode=Node,RBAC",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={self.folder / 'accounts.pub'}",
            f"--service-account-signing-key-file={self.folder / 'accounts.key'}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            # Without kube-proxy nobody serves cluster IPs: webhooks are reached by endpoint.
            "--enable-aggregator-routing=true",
            "--allow-privileged=true",
            f"--audit-policy-file={self.folder / 'audit-policy.json'}",
            f"--audit-log-path={self.folder / 'audit.jsonl'}",
            *extra,
        ]
        if not isolated:
            flags.append("--endpoint-reconciler-type=none")  # an endpoint may not be loopback
        self._api_flags, self._api_ready = flags, ready
        self._run_api_server()

    def restart_api_server(self) -> None:
        """End kube-apiserver as systemd or a kubelet does, and start it again with its flags.

        It drains for 60 s while connections are kept open; a kubelet's patience ends before.
        """
        self._api_server.popen.terminate()
        try:
            self._api_server.popen.wait(STOP_SECONDS)
        except TimeoutExpired:
            self._api_server.kill()
        self._run_api_server()

    def _run_api_server(self) -> None:
        self._api_server = self._start("kube-apiserver", *self._api_flags)
        self._api_server.wait_until(self._api_ready, "readiness", needs=[self._etcd])

    def start_controller_manager(self, kubeconfig: Path, works: Callable[[], bool]) -> None:
        """Start kube-controller-manager and wait until its controllers do something."""
        daemon = self._start(
            "kube-controller-manager",
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={self.folder / 'accounts.key'}",
            f"--root-ca-file={self.folder / 'ca.crt'}",
            "--leader-elect=false",
            f"--bind-address={LOOPBACK}",
            f"--secure-port={10257 if self.network.isolated else free_port()}",
            # The defaults (20/s) are for shared clusters; tests make namespaces by the hundred.
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
        )
        daemon.wait_until(works, "the default service account")

    def _start(self, name: str, *flags: str) -> Daemon:
        argv = self.network.inside([str(self.programs[name]), *flags])
        daemon = Daemon(name, argv, log=self.folder / f"{name}.log", env=self.env)
        self.started.append(daemon.popen)
        return daemon
