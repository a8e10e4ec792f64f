"""What a real flannel needs beyond a control plane: flanneld, nft and vxlan devices."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.controlplane.binaries import Program, provide
from tests.controlplane.errors import UnavailableError
from tests.controlplane.plane import ControlPlane

VERSION = "v0.28.10"
_MODULE = Path(__file__).with_name("flanneld")
FLANNELD = Program(
    "flanneld",
    _MODULE,
    "github.com/flannel-io/flannel",
    "2 to 3 minutes",
    ("--version",),
    # The version of its own is printed on stderr: none from PATH is ever taken for it.
    (0, 28),
    f"-s -w -X github.com/flannel-io/flannel/pkg/version.Version={VERSION}",
)
_SBIN = "/usr/sbin:/sbin"
_FILTERS = {"nft": "nftables", "iptables": "iptables"}
"""Programs and their packages: flanneld cleans up behind iptables also where it uses nft."""
_VXLAN = ("try-vxlan", "type", "vxlan", "id", "1", "dev", "br0", "dstport", "8472")


def flanneld() -> Path:
    """flanneld, built on first use."""
    return provide(FLANNELD)


def environment(plane: ControlPlane) -> Mapping[str, str]:
    """The plane's environment with the folders of `ip` and `nft` on PATH, also for non-root."""
    return {**plane.env, "PATH": f"{plane.env['PATH']}:{_SBIN}"}


def missing(plane: ControlPlane) -> str | None:
    """Why flannel cannot run here; or None where it can, and flanneld is built.

    Raises:
        ControlPlaneError: flanneld does not compile, which is no reason to skip anything.
    """
    if not plane.isolated:
        return "no network namespaces here"
    # Tried in the plane's own namespace, where a failure and a success leave the same: nothing.
    if not all(_works(plane, "ip", "link", verb, *_VXLAN) for verb in ("add", "del")):
        return "no vxlan devices here (ip link add type vxlan)"
    path = environment(plane)["PATH"]
    absent = [name for name in _FILTERS if shutil.which(name, path=path) is None]
    if absent:
        packages = " ".join(_FILTERS[name] for name in absent)
        return f"no {' and no '.join(absent)} here: apt-get install {packages}"
    if not all(_works(plane, "nft", verb, "table", "ip", "try") for verb in ("add", "delete")):
        return "no nftables in this kernel (nft add table)"
    try:
        flanneld()
    except UnavailableError as error:
        return str(error)
    return None


def _works(plane: ControlPlane, *argv: str) -> bool:
    inside = plane.network.inside(argv)
    done = subprocess.run(inside, env=environment(plane), capture_output=True, check=False)
    return done.returncode == 0
