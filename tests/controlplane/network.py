"""The network of one control plane: a namespace with a bridge, and one namespace for each pod."""

import itertools
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from .errors import ControlPlaneError
from .toolchain import say

LOOPBACK = "127.0.0.1"
API_ADDRESS = "10.88.0.1"
_PREFIX = 16
_IP = shutil.which("ip", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin") or "ip"
"""Debian leaves the folder of `ip` off the PATH of who is not root."""
_FORWARDER = Path(__file__).with_name("forwarder.py")


class Network:
    """A private network; or, where namespaces may not be made, the host's loopback.

    The API server's namespace holds a bridge with `API_ADDRESS`. Each pod has a namespace of its
    own, joined to the bridge by a veth pair, so that replicas may all bind `0.0.0.0:8443`, as they
    do in a cluster. Who is not root gets the same inside a user namespace.

    Args:
        name: of the namespace; pods' namespaces are `<name>-<n>`.
        env: for the process that holds the user namespace.

    Attributes:
        holder: that process, where there is one.
    """

    def __init__(self, name: str, env: Mapping[str, str]) -> None:
        self.name = name
        self.holder: subprocess.Popen[bytes] | None = None
        self._entry: list[str] = []
        self._pods: dict[str, str] = {}
        self._addresses = self._free_addresses()
        self.isolated = self._make() or (self._become_root(env) and self._make())
        if not self.isolated:
            say("no network namespaces here: on loopback, webhooks by clientConfig.url only")

    def _become_root(self, env: Mapping[str, str]) -> bool:
        """Enter, with everything that runs inside, a user namespace in which we are root."""
        if shutil.which("unshare") is None or shutil.which("nsenter") is None:
            return False
        # A /run of its own: `ip netns` keeps the namespaces' names there.
        hold = "mount -t tmpfs tmpfs /run && echo held && exec sleep infinity"
        unshare = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
        self.holder = subprocess.Popen(
            [*unshare, "sh", "-c", hold],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(env),
            start_new_session=True,
        )
        assert self.holder.stdout is not None
        with self.holder.stdout as output:
            held = output.readline() == b"held\n"
        flags = f"--target={self.holder.pid} --user --net --mount --preserve-credentials"
        # Entering a mount namespace leads to its root: the shell tells where we were.
        enter = f'exec nsenter {flags} --wdns="$PWD" -- "$@"'
        self._entry = ["sh", "-c", enter, "sh"] if held else []
        return held

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
        return [*self._entry, _IP, "netns", "exec", namespace, *argv]

    def _add_pod(self, address: str) -> str:
        number = len(self._pods) + 1
        namespace = f"{self.name}-{number}"
        bridge_end = f"pod{number}"
        self.ip("netns", "add", namespace)
        self._pods[address] = namespace
        peer = ("peer", "name", "eth0", "netns", namespace)
        self.ip("-n", self.name, "link", "add", bridge_end, "type", "veth", *peer)
        self.ip("-n", self.name, "link", "set", bridge_end, "master", "br0", "up")
        self.ip("-n", namespace, "addr", "add", f"{address}/{_PREFIX}", "dev", "eth0")
        self.ip("-n", namespace, "link", "set", "lo", "up")
        self.ip("-n", namespace, "link", "set", "eth0", "up")
        return namespace

    def add_namespace(self, suffix: str, address: str) -> str:
        """Make a namespace that `inside` knows by an address, which the caller is to give it.

        Args:
            suffix: no number; the namespace is `<name>-<suffix>`, by which the warden finds it.
            address: outside of the pods' own range.

        Returns:
            The namespace's name.
        """
        self._pods[address] = namespace = f"{self.name}-{suffix}"
        self.ip("netns", "add", namespace)
        return namespace

    def namespace_of(self, address: str) -> str:
        """The name of the namespace that an address is in."""
        return self._pods[address]

    def _make(self) -> bool:
        """Make the namespace with its bridge; false where the machine does not let us."""
        inside = ("-n", self.name)
        try:
            self.ip("netns", "add", self.name)
            self.ip(*inside, "link", "set", "lo", "up")
            self.ip(*inside, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
            self.ip(*inside, "addr", "add", f"{API_ADDRESS}/{_PREFIX}", "dev", "br0")
            self.ip(*inside, "link", "set", "br0", "up")
            # A veth pair is tried now, not at the first pod: half a network serves nobody.
            self.ip(*inside, "link", "add", "try0", "type", "veth", "peer", "name", "try1")
            self.ip(*inside, "link", "del", "try0")
        except (ControlPlaneError, FileNotFoundError):
            return False
        return True

    def ip(self, *arguments: str) -> None:
        """Run `ip` where the namespaces are.

        Raises:
            ControlPlaneError: it failed.
        """
        argv = [*self._entry, _IP, *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ControlPlaneError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")

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
