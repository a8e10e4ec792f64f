"""An IPPool, and what a change of one does."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from webhook.calico.table import TABLE
from webhook.netconf import KeyChange

NEVER: Final = "Never"
FINALIZER: Final = "projectcalico.org/ippool-finalizer"
"""Since v3.32 kube-controllers holds a pool by it until no block is left."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Pool:
    """The effective values of an IPPool.

    Args:
        cidr: as it was written.
        network: the same as a network, None where Calico could not read it.
        ipip: ``Always``, ``CrossSubnet`` or ``Never``.
        vxlan: likewise.
        block_size: prefix length of a block; None where neither given nor known.
        nat_outgoing: packets to outside any pool get the node's address.
        disabled: no new addresses.
        bgp_hidden: routes of the pool are not told over BGP.
        node_selector: which nodes get addresses.
        held: Calico's finalizer keeps it until it is empty.
    """

    cidr: str
    network: Network | None
    ipip: str = NEVER
    vxlan: str = NEVER
    block_size: int | None = None
    nat_outgoing: bool = False
    disabled: bool = False
    bgp_hidden: bool = False
    node_selector: str = "all()"
    held: bool = False

    @property
    def encapsulation(self) -> str:
        """``IPIP``, ``VXLAN`` or ``none``."""
        if self.ipip != NEVER:
            return "IPIP"
        return "VXLAN" if self.vxlan != NEVER else "none"

    def holds(self, block: str) -> bool:
        """Whether a block lies within the pool."""
        inner = network_of(block)
        if self.network is None or inner is None or self.network.version != inner.version:
            return False
        return inner.network_address in self.network and inner.prefixlen >= self.network.prefixlen

    def other_size(self, block: str) -> bool:
        """Whether a block lies in the pool's range with another size than the pool's."""
        inner = network_of(block)
        return self.holds(block) and inner is not None and inner.prefixlen != self.block_size


def read_pool(manifest: Mapping[str, Any]) -> Pool:
    """Read an IPPool of either group; what has the wrong type reads as absent.

    Defaults are Calico's (libcalico-go/lib/clientv3/ippool.go, ``convertIpPoolFromStorage``).
    """
    spec, metadata = _mapping(manifest.get("spec")), _mapping(manifest.get("metadata"))
    cidr = _text(spec.get("cidr"), "")
    network = network_of(cidr)
    finalizers = metadata.get("finalizers")
    return Pool(
        cidr=cidr,
        network=network,
        ipip=_text(spec.get("ipipMode"), NEVER),
        vxlan=_text(spec.get("vxlanMode"), NEVER),
        block_size=_block_size(spec.get("blockSize"), network),
        nat_outgoing=spec.get("natOutgoing") is True,
        disabled=spec.get("disabled") is True,
        bgp_hidden=spec.get("disableBGPExport") is True,
        node_selector=_text(spec.get("nodeSelector"), "all()"),
        held=isinstance(finalizers, list) and FINALIZER in finalizers,
    )


def pool_changes(old: Pool, new: Pool) -> tuple[KeyChange, ...]:
    """The fields whose effective values differ, each rated for a pool that is in use."""
    return tuple(_changes(old, new))


def _changes(old: Pool, new: Pool) -> Iterator[KeyChange]:
    yield from _encapsulation(old, new)
    if (old.network, old.cidr if old.network is None else "") != (
        new.network,
        new.cidr if new.network is None else "",
    ):
        yield TABLE["cidr"].of("cidr", old.cidr, new.cidr)
    if old.block_size != new.block_size and old.network == new.network:
        yield TABLE["blockSize"].of("blockSize", str(old.block_size), str(new.block_size))
    if old.nat_outgoing != new.nat_outgoing:
        row = "natOutgoing-on" if new.nat_outgoing else "natOutgoing-off"
        yield TABLE[row].of("natOutgoing", _bool(old.nat_outgoing), _bool(new.nat_outgoing))
    if old.disabled != new.disabled:
        row = "disabled-on" if new.disabled else "disabled-off"
        yield TABLE[row].of("disabled", _bool(old.disabled), _bool(new.disabled))
    if old.bgp_hidden != new.bgp_hidden:
        row = "disableBGPExport-on" if new.bgp_hidden else "disableBGPExport-off"
        shown = _bool(old.bgp_hidden), _bool(new.bgp_hidden)
        yield TABLE[row].of("disableBGPExport", *shown)
    if old.node_selector != new.node_selector:
        yield TABLE["nodeSelector"].of("nodeSelector", old.node_selector, new.node_selector)


def _encapsulation(old: Pool, new: Pool) -> Iterator[KeyChange]:
    row = "encapsulation-mode" if old.encapsulation == new.encapsulation else "encapsulation"
    if old.ipip != new.ipip:
        yield TABLE[row].of("ipipMode", old.ipip, new.ipip)
    if old.vxlan != new.vxlan:
        yield TABLE[row].of("vxlanMode", old.vxlan, new.vxlan)


def network_of(text: str) -> Network | None:
    """The network of a CIDR, host bits dropped; None where it is none."""
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def _block_size(value: object, network: Network | None) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and value:
        return value
    if network is None:
        return None
    return 26 if network.version == 4 else 122  # noqa: PLR2004 - the IP version


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object, default: str) -> str:
    return value if isinstance(value, str) and value else default


def _bool(value: bool) -> str:  # noqa: FBT001 - it is what is printed
    return str(value).lower()
