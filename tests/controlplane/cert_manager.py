"""The real cert-manager: its controller and its cainjector, beside a control plane."""

import json
import subprocess
from pathlib import Path

from .binaries import HERE, Program, cache_folder, provide
from .errors import UnavailableError, tail_of
from .plane import ControlPlane
from .toolchain import find_toolchain

MODULE = HERE / "cert-manager"
PROGRAM = Program(
    "cert-manager-loops",  # a name that nothing on a PATH has
    MODULE,
    ".",
    "6 minutes",
    ("--version",),
    (1, 19),
)
SOURCES = "github.com/cert-manager/cert-manager"
NAMESPACE = "cert-manager"
"""Where its controller looks for the Secrets of ClusterIssuers."""


def custom_resources() -> list[Path]:
    """The files of its CustomResourceDefinitions, in Go's module cache; fetched if need be.

    Raises:
        UnavailableError: there is no Go, or the module cannot be fetched.
    """
    toolchain = find_toolchain(MODULE, cache_folder())
    done = subprocess.run(
        [toolchain.go, "mod", "download", "-json", SOURCES],
        cwd=MODULE,
        env=toolchain.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise UnavailableError(f"{SOURCES} cannot be fetched:\n{tail_of(done.stderr)}")
    folder = Path(json.loads(done.stdout)["Dir"])
    return sorted(folder.glob("deploy/crds/*.yaml"))


class CertManager:
    """Its two processes, as the cluster's administrator; they end with the plane.

    Its own webhook, which checks and defaults what people write, is left out: the API server goes
    by the schema of the CustomResourceDefinitions alone.

    Attributes:
        plane: the control plane.
        controller: issues and renews.
        cainjector: writes caBundles.
    """

    def __init__(self, plane: ControlPlane) -> None:
        """Install the definitions, start both; they may still be about to watch.

        Raises:
            UnavailableError: there is no Go, or its sources cannot be fetched.
            ControlPlaneError: its build failed, or the definitions were refused.
        """
        self.plane = plane
        self._program = provide(PROGRAM)
        files = [argument for path in custom_resources() for argument in ("-f", str(path))]
        # Server-side: the definitions of issuers are larger than an annotation may be.
        plane.kubectl("apply", "--server-side", *files)
        plane.kubectl("wait", "--for=condition=Established", *files, "--timeout=30s")
        plane.kubectl("create", "namespace", NAMESPACE)
        self.controller = self._start("controller")
        self.cainjector = self._start("cainjector")

    def restart_cainjector(self, gates: str) -> None:
        """Run cainjector with other feature gates, as `CAInjectorMerging=false`."""
        self.cainjector.terminate()
        self.cainjector.wait()
        self.cainjector = self._start("cainjector", gates)

    def _start(self, part: str, *gates: str) -> subprocess.Popen[bytes]:
        kubeconfig = self.plane.kubeconfig(f"cert-manager-{part}", ["system:masters"])
        with self.plane.folder.joinpath(f"cert-manager-{part}.log").open("ab") as log:
            return self.plane.exec(
                [str(self._program), part, str(kubeconfig), *gates],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
