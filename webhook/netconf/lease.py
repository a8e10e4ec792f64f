"""Whether a node gets its subnet lease: its podCIDRs against Network and IPv6Network.

Sources: flannel pkg/subnet/kube/kube.go (`AcquireLease`), pkg/backend/vxlan/device.go and
pkg/backend/wireguard/wireguard.go (the lease has to have each enabled family).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from webhook.netconf.backends import Vxlan, Wireguard
from webhook.netconf.netip import Prefix, parse_prefix
from webhook.netconf.reader import NetConf

_PREFIX = "Error registering network: failed to acquire lease: "
_MOST_CIDRS = 2


@dataclass(frozen=True, slots=True)
class Lease:
    """What flanneld makes of a node's podCIDRs.

    Args:
        ok: the node gets its lease.
        error: flannel's own message if not; by then it has patched the node's annotations.
        note: what comes after a lease all the same, empty if nothing.
    """

    ok: bool
    error: str = ""
    note: str = ""


def lease(netconf: NetConf, pod_cidrs: Sequence[str], node: str = "n1") -> Lease:
    """Judge the podCIDRs of a node in flannel's order.

    Args:
        netconf: what flanneld started with.
        pod_cidrs: `spec.podCIDRs` of the node, or its one `spec.podCIDR`.
        node: the node's name, for the message.
    """
    if not pod_cidrs:
        return Lease(ok=False, error=f'{_PREFIX}node "{node}" pod cidr not assigned')
    if len(pod_cidrs) > _MOST_CIDRS:
        text = "pod cidrs should be IPv4/IPv6 only or dualstack"
        return Lease(ok=False, error=f'{_PREFIX}node "{node}" {text}')
    parsed = [parse_prefix(cidr) for cidr in pod_cidrs]
    for text, prefix in zip(pod_cidrs, parsed, strict=True):
        if prefix is None:
            return Lease(ok=False, error=f"{_PREFIX}invalid CIDR address: {text}")
    known = [prefix for prefix in parsed if prefix is not None]
    return _judge(netconf, _last(known, is_ip4=True), _last(known, is_ip4=False), node)


def _last(cidrs: Sequence[Prefix], *, is_ip4: bool) -> Prefix | None:
    """The last CIDR of a family: the one flannel takes."""
    return next((cidr for cidr in reversed(cidrs) if cidr.is_ip4 is is_ip4), None)


def _judge(netconf: NetConf, ip4: Prefix | None, ip6: Prefix | None, node: str) -> Lease:
    config = netconf.config
    ip4 = ip4 if config.enable_ip4 else None
    ip6 = ip6 if config.enable_ip6 else None
    if ip4 and (config.network.empty or not config.network.contains_pod_cidr(ip4)):
        return _outside(str(config.network), f'"{ip4}" PodCIDR', node)
    if ip6 and (config.ip6_network.empty or not config.ip6_network.contains_pod_cidr(ip6)):
        return _outside(str(config.ip6_network), f'"{ip6}" IPv6 PodCIDR', node)
    return _families(netconf, has_ip4=ip4 is not None, has_ip6=ip6 is not None)


def _outside(network: str, cidr: str, node: str) -> Lease:
    text = f'subnet "{network}" specified in the flannel net config doesn\'t contain {cidr}'
    return Lease(ok=False, error=f'{_PREFIX}{text} of the "{node}" node')


def _families(netconf: NetConf, *, has_ip4: bool, has_ip6: bool) -> Lease:
    """Check that the lease has each enabled family, as vxlan and wireguard do."""
    checks = isinstance(netconf.backend, (Vxlan, Wireguard))
    families = (
        ("IPv4", netconf.config.enable_ip4, has_ip4),
        ("IPv6", netconf.config.enable_ip6, has_ip6),
    )
    for family, enabled, has in families:
        if enabled and not has and checks:
            text = f"{family} is enabled but the lease has no {family}"
            return Lease(ok=False, error=text)
        if enabled and not has and family == "IPv6":
            note = "flanneld panics when it writes subnet.env: IPv6 is enabled, the lease has none"
            return Lease(ok=True, note=note)
    return Lease(ok=True)
