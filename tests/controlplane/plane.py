"""A real control plane: etcd, kube-apiserver and kube-controller-manager for one run."""

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import kubernetes

from . import container, podspec, services
from .binaries import PROGRAMS, find
from .components import Components
from .container import Container, Kubelet
from .errors import ControlPlaneError, tail_of
from .network import LOOPBACK, Network, loopback_listener
from .pki import Authority, kubeconfig
from .podspec import Json, Pod
from .processes import Daemon, marked, tool_environment

FOLDER_PREFIX = "portcullis-plane-"
_WARDEN = Path(__file__).with_name("warden.py")


class ControlPlane:
    """A running control plane; a context manager that ends and removes everything.

    Attributes:
        isolated: it has a network of its own, in which Services reach their endpoints; false where
            the machine allows no namespaces (then: `clientConfig.url` on 127.0.0.1).
        server: the API server's URL, the same inside and outside of the network.
        ca: the CA certificate of the API server, PEM.
        authority: that CA, to issue serving certificates for webhooks of the tests' own.
        admin_kubeconfig: a kubeconfig of a member of system:masters.
        folder: logs (`*.log`), kubeconfigs, etcd's data; gone when the plane is, unless
            PORTCULLIS_KEEP is set.
    """

    def __init__(
        self, *, controller_manager: bool = True, api_server_args: Sequence[str] = ()
    ) -> None:
        """Start everything; ready for use when it returns.

        Args:
            controller_manager: run kube-controller-manager with its controllers too.
            api_server_args: further flags of kube-apiserver; of two equal ones the last wins.

        Raises:
            ControlPlaneError: a build or a start failed; the log's tail is in it.
        """
        names = [name for name in PROGRAMS if name != "helm"]
        if not controller_manager:
            names.remove("kube-controller-manager")
        self.programs = dict(find(names))
        self.name = f"pc-{uuid.uuid4().hex[:8]}"
        self.folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        self.authority = Authority()
        self.ca = self.authority.pem
        self.env = marked(tool_environment(self.programs, self.folder / "home"), self.name)
        self._children: list[subprocess.Popen[Any]] = []
        self._forwards: dict[tuple[str, int], int] = {}
        self._kubeconfigs: dict[tuple[str, tuple[str, ...]], Path] = {}
        self._warden = self._start_warden()
        try:
            self._start(controller_manager, api_server_args)
        except BaseException:
            self.stop()
            raise

    def _start_warden(self) -> subprocess.Popen[bytes]:
        keep = ["keep"] if os.environ.get("PORTCULLIS_KEEP") else []
        return subprocess.Popen(
            [sys.executable, "-IS", str(_WARDEN), self.name, str(self.folder), *keep],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def _start(self, controller_manager: bool, api_server_args: Sequence[str]) -> None:
        self.network = Network(self.name, self.env)
        if self.network.holder is not None:
            self._children.append(self.network.holder)
        self.isolated = self.network.isolated
        components = Components(self.folder, self.network, self.programs, self.env, self._children)
        components.write_keys(self.authority)
        with loopback_listener() as listener:
            self._port = int(listener.getsockname()[1])
            if self.isolated:
                # The API server listens on the forwarder's own port number, in the namespace: so
                # one URL, and one kubeconfig, serves on both sides.
                self._start_forwarder(listener, LOOPBACK, self._port)
        self.server = f"https://{LOOPBACK}:{self._port}"
        self.admin_kubeconfig = self.kubeconfig("admin", ["system:masters"])
        self.env["KUBECONFIG"] = str(self.admin_kubeconfig)
        components.start_etcd()
        self._components = components
        components.start_api_server(self._port, api_server_args, ready=self._is_ready)
        if controller_manager:
            config = self.kubeconfig("system:kube-controller-manager", [])
            components.start_controller_manager(config, works=self._has_default_account)
        exports = (f"export {key}={self.env[key]}" for key in ("PATH", "KUBECONFIG"))
        self.folder.joinpath("env").write_text("\n".join(exports) + "\n")

    def restart_api_server(self) -> None:
        """Stop kube-apiserver with SIGTERM and start it again; ready when it returns.

        Raises:
            ControlPlaneError: it did not become ready; the log's tail is in it.
        """
        self._components.restart_api_server()

    def _is_ready(self) -> bool:
        context = ssl.create_default_context(cadata=self.ca.decode())
        connection = http.client.HTTPSConnection(LOOPBACK, self._port, context=context, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _has_default_account(self) -> bool:
        asked = self.kubectl("get", "serviceaccount", "default", "-n", "default", check=False)
        return asked.returncode == 0

    def stop(self) -> None:
        """End every process of the plane and remove its network and folder; idempotent."""
        assert self._warden.stdin is not None
        self._warden.stdin.close()
        self._warden.wait()
        for child in self._children:
            child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def exec(
        self, argv: Sequence[str], *, address: str | None = None, **options: Any
    ) -> subprocess.Popen[Any]:
        """Start a command in the network.

        Args:
            argv: the command; kubectl is on its PATH.
            address: run it in the namespace of this pod instead of the API server's.
            options: of `subprocess.Popen`; `env` is added to the plane's own.
        """
        env = {**self.env, **options.pop("env", {})}
        child = subprocess.Popen(self.network.inside(argv, address), env=env, **options)
        self._children.append(child)
        return child

    def kubectl(
        self,
        *arguments: str,
        kubeconfig: Path | None = None,
        stdin: str | Mapping[str, Any] | None = None,
        check: bool = True,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl in the network.

        Args:
            arguments: of kubectl.
            kubeconfig: as whom; the admin without it.
            stdin: for `-f -`: text, or one object.
            check: raise where it fails.
            timeout: in seconds.

        Raises:
            ControlPlaneError: it failed; the message ends with what it printed.
        """
        text = stdin if stdin is None or isinstance(stdin, str) else json.dumps(stdin)
        env = {**self.env, **({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {})}
        return self._run([str(self.programs["kubectl"]), *arguments], env, text, check, timeout)

    def helm(
        self, *arguments: str, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run helm in the network as the admin; it is built on first use.

        Raises:
            ControlPlaneError: it failed; the message ends with what it printed.
        """
        helm = find(["helm"])["helm"]
        return self._run([str(helm), *arguments], self.env, None, check, timeout)

    def _run(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        stdin: str | None,
        check: bool,
        timeout: float,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.network.inside(argv),
            env=env,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        if check and done.returncode != 0:
            command = " ".join([Path(argv[0]).name, *argv[1:]])
            raise ControlPlaneError(f"{command}: {done.returncode}\n{tail_of(done.stderr)}")
        return done

    def get(self, kind: str, name: str, namespace: str | None = None) -> Json | None:
        """One object as the admin sees it, or None where there is none."""
        where = ["-n", namespace] if namespace else []
        found = self.kubectl("get", kind, name, *where, "--ignore-not-found", "-o", "json").stdout
        return json.loads(found) if found else None

    def kubeconfig(self, user: str, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig with a client certificate for `user` in `groups`; serves on both sides."""
        key = (user, tuple(groups))
        if key not in self._kubeconfigs:
            path = self.folder / f"kubeconfig-{len(self._kubeconfigs)}.json"
            client = self.authority.client(user, groups)
            path.write_text(kubeconfig(self.server, self.ca, client))
            path.chmod(0o600)
            self._kubeconfigs[key] = path
        return self._kubeconfigs[key]

    def client(
        self, user: str = "admin", groups: Sequence[str] = ("system:masters",)
    ) -> kubernetes.client.ApiClient:
        """A client of the `kubernetes` package as `user`; the caller closes it."""
        config = kubernetes.client.Configuration()
        path = str(self.kubeconfig(user, groups))
        kubernetes.config.load_kube_config(path, client_configuration=config)  # type: ignore[no-untyped-call] # partly typed
        config.proxy = None
        return kubernetes.client.ApiClient(config)

    def new_address(self) -> str:
        """A pod address that nobody has yet (10.88.0.11, .12 and so on)."""
        return self.network.new_address()

    def forward(self, address: str, port: int) -> int:
        """The port of 127.0.0.1 outside by which `address:port` inside is reached."""
        if not self.isolated:
            return port
        if (address, port) not in self._forwards:
            with loopback_listener() as listener:
                self._start_forwarder(listener, address, port)
                self._forwards[address, port] = int(listener.getsockname()[1])
        return self._forwards[address, port]

    def _start_forwarder(self, listener: socket.socket, address: str, port: int) -> None:
        daemon = Daemon(
            f"forwarder to {address}:{port}",
            self.network.forwarder(listener, address, port),
            log=self.folder / "forwarders.log",
            env=self.env,
            pass_fds=[listener.fileno()],
        )
        self._children.append(daemon.popen)

    def service_backend(
        self,
        namespace: str,
        service: str,
        addresses: Sequence[str],
        port: int,
        *,
        service_port: int = 443,
    ) -> None:
        """Let a Service's port lead to `addresses:port`; a later call replaces the addresses.

        A Service that does not exist is made, without selector. One that has a selector keeps it:
        the EndpointSlice stands beside those of the endpointslice controller, which finds no ready
        pods where there is no kubelet.

        Raises:
            ControlPlaneError: the plane is not isolated, or the Service has no such port.
        """
        if not self.isolated:
            raise ControlPlaneError("no Services on loopback: use clientConfig.url instead")
        found = self.get("service", service, namespace)
        if found is None:
            found = services.without_selector(namespace, service, service_port, port)
            self._apply(found)
        self._apply(services.endpoint_slice(found, addresses, port, service_port))

    def _apply(self, manifest: Json) -> None:
        flags = ("--server-side", "--force-conflicts", "--field-manager=portcullis-tests")
        self.kubectl("apply", *flags, "-f", "-", stdin=manifest)

    def run_container(
        self,
        template: Json,
        *,
        namespace: str,
        address: str | None = None,
        name: str | None = None,
        pod_name: str | None = None,
        node: str = "node-1",
        entrypoint: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        image: Path | None = None,
    ) -> Container:
        """Run a container of a pod template as a process in the network.

        It gets what a kubelet would give it: its command line, its environment, its volumes, a
        token of its service account at the usual path, the API server's address; the image's
        files are the repository (the working directory) and this interpreter's `bin` on PATH.

        Args:
            template: `spec.template` of a Deployment.
            namespace: of the pod; ConfigMaps, Secrets and the service account are read there.
            address: of the pod; a new one without it. Containers of one pod share the address, and
                with it the name and the volumes.
            name: of the container; the first without it.
            pod_name: made from the first container's name and the address without it.
            node: the node's name, as the downward API tells it.
            entrypoint: the image's, for a container without `command`.
            env: what the image sets beyond PATH (the pod template's own variables win).
            image: the image's files, a checkout of another commit; the working copy without it.

        Raises:
            ControlPlaneError: the plane is not isolated, or the template asks for what is not
                known here.
        """
        if not self.isolated:
            raise ControlPlaneError("containers need namespaces, which this machine does not allow")
        spec = podspec.container_of(template, name)
        address = address or self.new_address()
        pod = podspec.pod_of(template, namespace, address, pod_name, node)
        started = container.run(
            template,
            spec,
            pod,
            kubelet=self._kubelet(pod, env or {}),
            image=image,
            folder=self.folder / "pods" / namespace / pod.name,
            entrypoint=entrypoint,
        )
        self._children.append(started.daemon.popen)
        return started

    def run_pod(
        self, template: Json, *, address: str | None = None, **options: Any
    ) -> dict[str, Container]:
        """Run every container of a pod template: one address, shared volumes; by name.

        Args:
            template: `spec.template` of a Deployment.
            address: of the pod; a new one without it.
            options: of `run_container`, but for the container's name.
        """
        address = address or self.new_address()
        names = [each["name"] for each in template["spec"]["containers"]]
        return {
            name: self.run_container(template, name=name, address=address, **options)
            for name in names
        }

    def _kubelet(self, pod: Pod, env: Mapping[str, str]) -> Kubelet:
        account = (pod.service_account, "-n", pod.namespace)

        def token() -> str:
            return self.kubectl("create", "token", *account, "--duration=24h").stdout.strip()

        path = f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin"
        return Kubelet(
            lookup=lambda kind, name: self.get(kind, name, pod.namespace),
            token=token,
            inside=lambda argv: self.network.inside(argv, pod.address),
            forward=lambda port: self.forward(pod.address, port),
            ca=self.ca,
            api_address=(self.network.api_address, self._port),
            env=marked({"PATH": path, "HOME": "/", **env}, self.name),
        )

    def audit_events(self) -> Iterator[Json]:
        """The audit log so far: one event for each request, with its audit annotations."""
        for line in self.folder.joinpath("audit.jsonl").read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                yield json.loads(line)
