"""A container of a rendered pod template, running as a process: the kubelet that we do not have."""

import http.client
import json
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .errors import ControlPlaneError
from .network import LOOPBACK
from .podspec import Lookup, Pod, command_line, environment, volume_files
from .processes import Daemon

ACCOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
REPOSITORY = Path(__file__).parents[2]
_SANDBOX = Path(__file__).with_name("sandbox.py")


@dataclass(frozen=True)
class Kubelet:
    """What running a container needs from its control plane."""

    lookup: Lookup
    token: Callable[[], str]
    inside: Callable[[Sequence[str]], list[str]]
    forward: Callable[[int], int]
    ca: bytes
    api_address: tuple[str, int]
    env: Mapping[str, str]
    """What the image sets (PATH with the interpreter's folder first), and the plane's mark."""


@dataclass
class Container:
    """A running container; a context manager that stops it.

    Attributes:
        pod: who it believes to be; `pod.address` is where it listens.
        daemon: the process; `daemon.log` holds what it prints, `daemon.popen` its exit code.
    """

    pod: Pod
    spec: Mapping[str, Any]
    grace: float
    daemon: Daemon
    _kubelet: Kubelet = field(repr=False)

    def wait_ready(self, seconds: float = 30) -> None:
        """Wait until the readiness probe answers 2xx or 3xx, asked as the kubelet asks it.

        Raises:
            ControlPlaneError: the process ended or the time passed; the log's tail is in it.
        """
        probe = self.spec.get("readinessProbe", {})
        if "httpGet" not in probe:
            raise ControlPlaneError(f"{self.daemon.name}: only httpGet probes are known here")
        self.daemon.wait_until(lambda: self.answers(probe["httpGet"]), "readiness", seconds)

    def answers(self, get: Mapping[str, Any]) -> bool:
        """Whether an httpGet probe succeeds at this moment; certificates are not verified."""
        port = self._kubelet.forward(self.port(get["port"]))
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
        if get.get("scheme") == "HTTPS":
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connection = http.client.HTTPSConnection(LOOPBACK, port, timeout=5, context=context)
        try:
            connection.request("GET", get.get("path", "/"))
            return 200 <= connection.getresponse().status < 400
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def port(self, name: str | int) -> int:
        """A container port by name; a number is itself."""
        named = {port.get("name"): port["containerPort"] for port in self.spec.get("ports", ())}
        return name if isinstance(name, int) else int(named[name])

    def stop(self, *, pre_stop: bool = True) -> int:
        """End it as the kubelet does: preStop, SIGTERM, the grace period, SIGKILL.

        Args:
            pre_stop: run the preStop hook first; it counts against the grace period.

        Returns:
            The exit code, negative for a signal.
        """
        deadline = time.monotonic() + self.grace
        if self.daemon.popen.poll() is None:
            hook = self.spec.get("lifecycle", {}).get("preStop", {})
            if pre_stop and hook:
                self._pre_stop(hook)
            self.daemon.popen.send_signal(signal.SIGTERM)
            try:
                self.daemon.popen.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.daemon.kill()
        return int(self.daemon.popen.returncode)

    def kill(self) -> None:
        """SIGKILL to all its processes, as when the node is lost."""
        self.daemon.kill()

    def _pre_stop(self, hook: Mapping[str, Any]) -> None:
        if "sleep" in hook:
            time.sleep(hook["sleep"]["seconds"])
            return
        if "exec" not in hook:
            raise ControlPlaneError(f"preStop {sorted(hook)} is not known here")
        enter = ["nsenter", f"--target={self.daemon.popen.pid}", "--mount", "--root"]
        with self.daemon.log.open("ab") as output:
            subprocess.run(
                self._kubelet.inside([*enter, "--", *hook["exec"]["command"]]),
                stdout=output,
                stderr=output,
                env=dict(self._kubelet.env),
                timeout=self.grace,
                check=False,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop(pre_stop=False)


def run(
    template: Mapping[str, Any],
    spec: Mapping[str, Any],
    pod: Pod,
    *,
    kubelet: Kubelet,
    folder: Path,
    entrypoint: Sequence[str],
    image: Path | None = None,
) -> Container:
    """Start one container of a pod template.

    Args:
        template: the pod template, for its volumes and grace period.
        spec: the container in it.
        pod: who the container is to be.
        kubelet: access to the control plane.
        folder: the pod's: `volumes/`, and for each container its root and its log.
        entrypoint: the image's entrypoint, for a container without `command`.
        image: the image's files; the working copy, and what is installed of it, without it.
    """
    own = environment(spec, pod, kubelet.lookup)
    host, port = kubelet.api_address
    service = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": str(port)}
    service["KUBERNETES_SERVICE_PORT_HTTPS"] = str(port)
    # Before what is installed, which is the working copy.
    path = {"PYTHONPATH": str(image)} if image else {}
    env = {**kubelet.env, **path, "HOSTNAME": pod.name, **service, **own}
    own_folder = folder / spec["name"]
    root = own_folder / "root"
    root.mkdir(parents=True, exist_ok=True)
    argv = command_line(spec, entrypoint, {**service, **own})
    volumes = _volume_mounts(template["spec"], spec, pod, kubelet, folder)
    document = {
        "root": str(root),
        "cwd": str(image or REPOSITORY),
        "argv": argv,
        "env": env,
        "read_only": bool(spec.get("securityContext", {}).get("readOnlyRootFilesystem")),
        "mounts": [*_image_mounts(Path(argv[0]), image or REPOSITORY), *volumes],
    }
    script = own_folder / "sandbox.json"
    script.write_text(json.dumps(document, indent=2))
    daemon = Daemon(
        f"{pod.name}/{spec['name']}",
        kubelet.inside([sys.executable, "-IS", str(_SANDBOX), str(script)]),
        log=own_folder / "log",
        env=kubelet.env,
    )
    grace = template["spec"].get("terminationGracePeriodSeconds", 30)
    return Container(pod, spec, grace, daemon, kubelet)


def _image_mounts(program: Path, image: Path) -> list[dict[str, Any]]:
    """The image's own files where they lie under /tmp, which a container has for itself."""
    folders = (image, REPOSITORY, Path(sys.prefix), Path(sys.base_prefix), program.parent)
    paths = dict.fromkeys(str(folder.resolve()) for folder in folders if folder.is_dir())
    return [
        {"source": path, "target": path, "read_only": False}
        for path in paths
        if Path("/tmp") in Path(path).parents
    ]


def _volume_mounts(
    pod_spec: Mapping[str, Any],
    container: Mapping[str, Any],
    pod: Pod,
    kubelet: Kubelet,
    folder: Path,
) -> list[dict[str, Any]]:
    mounts = []
    volumes = {volume["name"]: volume for volume in pod_spec.get("volumes", ())}
    for mount in container.get("volumeMounts", ()):
        volume = volumes[mount["name"]]
        source = folder / "volumes" / mount["name"]
        _write(source, volume_files(volume, pod, kubelet.lookup, kubelet.token))
        writable = "emptyDir" in volume and not mount.get("readOnly")
        mounts.append(
            {
                "source": str(source / mount.get("subPath", "")),
                "target": mount["mountPath"],
                "read_only": not writable,
            }
        )
    wants_token = pod_spec.get("automountServiceAccountToken", True)
    if wants_token and all(mount["target"] != ACCOUNT_PATH for mount in mounts):
        source = folder / "serviceaccount"
        account = {"token": kubelet.token().encode(), "ca.crt": kubelet.ca}
        _write(source, {**account, "namespace": pod.namespace.encode()})
        mounts.append({"source": str(source), "target": ACCOUNT_PATH, "read_only": True})
    return mounts


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files, over those of the pod's other container or of an earlier life of this one."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o777)
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
