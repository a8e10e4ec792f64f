"""What older flannel does otherwise.

Source: the version matrix of the design notes, from flannel's tags; `v0.28.10` is what the rest
of this package speaks of.
"""

import re
from dataclasses import dataclass

_TAG = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?(?!\d)", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version of flannel."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, tag: str) -> "Version | None":
        """Return the version a tag begins with (`v0.24.4`, `0.19.2-amd64`), None if it has none."""
        match = _TAG.match(tag)
        return cls(*(int(part or 0) for part in match.groups())) if match else None

    @property
    def checks_in_kube_mode(self) -> bool:
        """Whether `CheckNetworkConfig` is part of `ParseConfig`: before v0.20.0."""
        return self < Version(0, 20)

    @property
    def checks_pod_cidr(self) -> bool:
        """Whether a podCIDR outside Network stops flanneld: since v0.18.0 (#1428)."""
        return self >= Version(0, 18)

    @property
    def unknown_keys(self) -> frozenset[str]:
        """Keys of the top level that this version does not know yet."""
        since = {
            Version(0, 15): ("EnableIPv4", "EnableIPv6", "IPv6Network", *_IP6_SUBNETS),
            Version(0, 25): ("EnableNFTables",),
        }
        return frozenset(key for version, keys in since.items() if self < version for key in keys)

    def unknown_backend_keys(self, backend_type: str) -> frozenset[str]:
        """Return the keys of a backend that this version does not know yet."""
        if backend_type != "vxlan":
            return frozenset()
        since = {Version(0, 12): "Learning", Version(0, 21, 3): "MTU"}
        return frozenset(key for version, key in since.items() if self < version)

    @property
    def unknown_backends(self) -> frozenset[str]:
        """Backend types that this version does not know yet."""
        return frozenset({"wireguard"}) if self < Version(0, 16) else frozenset()

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}.{self.patch}"


_IP6_SUBNETS = ("IPv6SubnetLen", "IPv6SubnetMin", "IPv6SubnetMax")
NEWEST = Version(0, 28, 10)
"""The flannel whose code this package follows."""
