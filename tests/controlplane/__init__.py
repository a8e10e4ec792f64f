"""A real Kubernetes control plane for tests and the demo, built from Go modules on first use.

    with ControlPlane() as plane:
        plane.kubectl("create", "namespace", "demo")

`plane.py` is the way in; `binaries.py` finds or builds the programs, `network.py` makes the private
network, `container.py` stands in for the kubelet, `warden.py` ends it all.
"""

from .container import Container
from .errors import ControlPlaneError
from .plane import ControlPlane

__all__ = ["Container", "ControlPlane", "ControlPlaneError"]
