"""The network of one control plane: a namespace with a bridge, and one namespace for each pod."""

import itertools
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from .errors import ControlPlaneError
from .toolchain import say

LOOPBACK = "127.0.0.1"
API_ADDRESS = "10.88.0.1"
_PREFIX = 16
_FORWARDER = Path(__file__).with_name("forwarder.py")


class Network:
    """A private network; or, where namespaces may not be made, the host's loopback.

    The API server's namespace holds a bridge with `API_ADDRESS`. Each pod has a namespace of its
    own, joined to the bridge by a veth pair, so that replicas may all bind `0.0.0.0:8443`, as they
    do in a cluster.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.isolated = _can_isolate(name)
        self._pods: dict[str, str] = {}
        self._addresses = self._free_addresses()
        if not self.isolated:
            say("no network namespaces here: on loopback, webhooks by clientConfig.url only")

    @property
    def api_address(self) -> str:
        """The address that the API server advertises."""
        return API_ADDRESS if self.isolated else LOOPBACK

    def new_address(self) -> str:
        """The next free pod address, 10.88.0.11 first; loopback where there is no namespace."""
        return next(self._addresses)

    def _free_addresses(self) -> Iterator[str]:
        if not self.isolated:
            yield from itertools.repeat(LOOPBACK)
        for last in range(11, 255):
            address = f"10.88.0.{last}"
            if address not in self._pods:
                yield address

    def inside(self, argv: Sequence[str], address: str | None = None) -> list[str]:
        """The command line that runs `argv` in the network.

        Args:
            argv: the command.
            address: the pod it is to run as (its namespace is made on first use); without one the
                command runs beside the API server.
        """
        if not self.isolated:
            return list(argv)
        namespace = self.name
        if address not in (None, self.api_address):
            namespace = self._pods.get(address) or self._add_pod(address)
        return ["ip", "netns", "exec", namespace, *argv]

    def _add_pod(self, address: str) -> str:
        number = len(self._pods) + 1
        namespace = f"{self.name}-{number}"
        bridge_end = f"pod{number}"
        _ip("netns", "add", namespace)
        self._pods[address] = namespace
        peer = ("peer", "name", "eth0", "netns", namespace)
        _ip("-n", self.name, "link", "add", bridge_end, "type", "veth", *peer)
        _ip("-n", self.name, "link", "set", bridge_end, "master", "br0", "up")
        _ip("-n", namespace, "addr", "add", f"{address}/{_PREFIX}", "dev", "eth0")
        _ip("-n", namespace, "link", "set", "lo", "up")
        _ip("-n", namespace, "link", "set", "eth0", "up")
        return namespace

    def forwarder(self, listener: socket.socket, address: str, port: int) -> list[str]:
        """The command line that carries `listener`'s connections to `address:port` inside."""
        script = [sys.executable, "-IS", str(_FORWARDER), str(listener.fileno())]
        return self.inside([*script, address, str(port)])


def loopback_listener() -> socket.socket:
    """A socket listening on a free port of 127.0.0.1, outside of any namespace."""
    return socket.create_server((LOOPBACK, 0), backlog=256)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at the moment."""
    with closing(loopback_listener()) as listener:
        return int(listener.getsockname()[1])


def _can_isolate(name: str) -> bool:
    """Make the namespace with its bridge; false where the machine does not let us."""
    try:
        _ip("netns", "add", name)
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
        _ip("-n", name, "addr", "add", f"{API_ADDRESS}/{_PREFIX}", "dev", "br0")
        _ip("-n", name, "link", "set", "br0", "up")
        # A veth pair is tried here and not at the first pod: half a network serves nobody.
        _ip("-n", name, "link", "add", "probe0", "type", "veth", "peer", "name", "probe1")
        _ip("-n", name, "link", "del", "probe0")
    except (ControlPlaneError, FileNotFoundError):
        return False
    return True


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ControlPlaneError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
