"""Rating changes of the top level: networks, families, subnets, nftables."""

from collections.abc import Iterator

from webhook.netconf.config import Config
from webhook.netconf.netip import Prefix, parse_prefix
from webhook.netconf.nets import IP4Net, IP6Net, ip4_string, ip6_string
from webhook.netconf.rating import Context, KeyChange, Rating
from webhook.netconf.rules import ALL_AT_ONCE, REBUILD, ROLLOUT, Rule

_OUTSIDE = Rule(
    Rating.BREAKS,
    "{outside} in it: every flannel pod that restarts exits (#1607; before v0.18 it ran with "
    "broken masquerade, #1428); by then it has patched its node and remade its device, and old "
    "addresses and routes stay (#1604, #716, #1054)",
    "keep the network; a node's podCIDR cannot change, so renumbering means a new cluster, or "
    "replacing the nodes one by one",
)
_WIDENED = Rule(
    Rating.RESTART,
    "masquerade and forward rules differ between nodes while mixed: pod addresses may be hidden "
    "behind a node's, which NetworkPolicy sees (source)",
    ROLLOUT + "; it must not overlap Services or nodes",
    "while mixed, NetworkPolicies may see a node's address for a pod's",
)
_NARROWED = Rule(
    Rating.RESTART,
    "all podCIDRs lie within, but a later node may get one outside and then not start; masquerade "
    "rules differ while mixed (source)",
    "set the controller manager's --cluster-cidr to the same, then " + ROLLOUT,
    "a later node may get a podCIDR outside of it and then not start",
)
_MASQUERADE = Rule(
    Rating.RESTART,
    "its family is off, yet masquerade and forward rules are laid for it (source)",
    ROLLOUT,
    "its family is off, yet masquerade rules are laid for it",
)
_FAMILY_OFF = Rule(
    Rating.BREAKS,
    "pods lose the family: its routes stay but nobody renews them (source)",
    REBUILD,
)
_FAMILY_ON_EVERYWHERE = Rule(
    Rating.SPLIT,
    "every node has a podCIDR of the family, yet the family works between restarted nodes only",
    ALL_AT_ONCE,
)
_FAMILY_ON = Rule(
    Rating.BREAKS,
    "not every node is known to have a podCIDR of the family within its network: vxlan and "
    "wireguard exit, host-gw panics (measured; #1572, #2300)",
    "first give every node a podCIDR of both families, which means building the cluster anew",
)
_NFTABLES = Rule(
    Rating.RESTART,
    "a matter of each node: the other manager's chains are flushed at the start; nft must be in "
    "the kernel",
    ROLLOUT,
    "the other manager's chains are flushed at the start; the kernel needs nft",
)
_SUBNETS_IGNORED = Rule(
    Rating.SAFE,
    "ignored in kube-subnet-mgr mode: the podCIDR of each node decides (#847, #1328, #1555)",
    "set the controller manager's --node-cidr-mask-size instead",
)
_SUBNETS_USED = Rule(
    Rating.BREAKS,
    "in etcd mode leases outside are deleted and handed out anew: nodes change their subnets",
    REBUILD,
)


def network_changes(old: Config, new: Config, context: Context) -> Iterator[KeyChange]:
    """Yield the changes of the top level, networks first."""
    yield from _network("Network", old, new, context, is_ip4=True)
    yield from _network("IPv6Network", old, new, context, is_ip4=False)
    yield from _family("EnableIPv4", old, new, context, is_ip4=True)
    yield from _family("EnableIPv6", old, new, context, is_ip4=False)
    if old.enable_nftables != new.enable_nftables:
        before, after = _flag(old.enable_nftables), _flag(new.enable_nftables)
        yield KeyChange("EnableNFTables", before, after, *_NFTABLES)
    yield from _subnets(old, new, context)


def _flag(value: bool) -> str:  # noqa: FBT001 - it is what is shown
    return "true" if value else "false"


def _net(config: Config, *, is_ip4: bool) -> IP4Net | IP6Net:
    return config.network if is_ip4 else config.ip6_network


def _enabled(config: Config, *, is_ip4: bool) -> bool:
    return config.enable_ip4 if is_ip4 else config.enable_ip6


def _network(
    key: str, old: Config, new: Config, context: Context, *, is_ip4: bool
) -> Iterator[KeyChange]:
    before, after = _net(old, is_ip4=is_ip4), _net(new, is_ip4=is_ip4)
    if before == after:
        return
    if not _enabled(new, is_ip4=is_ip4):
        rule = _MASQUERADE
    else:
        rule = _network_rule(before, after, context, is_ip4=is_ip4)
    yield KeyChange(key, _net_text(before), _net_text(after), *rule)


def _net_text(network: IP4Net | IP6Net) -> str:
    return "absent" if network.empty else f'"{network}"'


def _network_rule(
    before: IP4Net | IP6Net, after: IP4Net | IP6Net, context: Context, *, is_ip4: bool
) -> Rule:
    """The row of a network that moved, by where the nodes' podCIDRs lie."""
    widened = not before.empty and _covers(after, before)
    if context.pod_cidrs is None:
        if widened:
            return _WIDENED
        return _outside("podCIDRs are not known to lie")
    outside = [cidr for cidr in _cidrs(context, is_ip4=is_ip4) if not _contains(after, cidr)]
    if outside:
        return _outside(_listed(outside))
    return _WIDENED if widened else _NARROWED


def _outside(text: str) -> Rule:
    return _OUTSIDE._replace(reason=_OUTSIDE.reason.format(outside=text))


_SHOWN = 3


def _listed(cidrs: list[Prefix]) -> str:
    shown = ", ".join(str(cidr) for cidr in cidrs[:_SHOWN])
    more = f" and {len(cidrs) - _SHOWN} more" if len(cidrs) > _SHOWN else ""
    return f"podCIDR {shown}{more} does not lie"


def _covers(after: IP4Net | IP6Net, before: IP4Net | IP6Net) -> bool:
    if after.empty:
        return False
    if isinstance(after, IP4Net):
        return isinstance(before, IP4Net) and after.covers(before)
    return isinstance(before, IP6Net) and after.covers(before)


def _contains(network: IP4Net | IP6Net, cidr: Prefix) -> bool:
    return not network.empty and network.contains_pod_cidr(cidr)


def _cidrs(context: Context, *, is_ip4: bool) -> list[Prefix]:
    """The podCIDRs of a family, of all nodes."""
    parsed = (parse_prefix(cidr) for cidrs in context.pod_cidrs or () for cidr in cidrs)
    return [prefix for prefix in parsed if prefix and prefix.is_ip4 is is_ip4]


def _family(
    key: str, old: Config, new: Config, context: Context, *, is_ip4: bool
) -> Iterator[KeyChange]:
    before, after = _enabled(old, is_ip4=is_ip4), _enabled(new, is_ip4=is_ip4)
    if before == after:
        return
    if not after:
        rule = _FAMILY_OFF
    else:
        everywhere = _everywhere(_net(new, is_ip4=is_ip4), context, is_ip4=is_ip4)
        rule = _FAMILY_ON_EVERYWHERE if everywhere else _FAMILY_ON
    yield KeyChange(key, _flag(before), _flag(after), *rule)


def _everywhere(network: IP4Net | IP6Net, context: Context, *, is_ip4: bool) -> bool:
    """Whether every node has a podCIDR of the family, and the network contains it."""
    if context.pod_cidrs is None:
        return False
    for cidrs in context.pod_cidrs:
        own = [parse_prefix(cidr) for cidr in cidrs]
        family = [prefix for prefix in own if prefix and prefix.is_ip4 is is_ip4]
        if not family or not all(_contains(network, prefix) for prefix in family):
            return False
    return True


def _subnets(old: Config, new: Config, context: Context) -> Iterator[KeyChange]:
    rule = _SUBNETS_USED if context.etcd_mode else _SUBNETS_IGNORED
    for (key, before), after in zip(_bounds(old), _bounds(new), strict=True):
        if before != after[1]:
            yield KeyChange(key, before or "absent", after[1] or "absent", *rule)


def _bounds(config: Config) -> list[tuple[str, str]]:
    """The keys that cut Network into subnets; an unset one is empty."""
    v4 = {"SubnetMin": config.subnet_min, "SubnetMax": config.subnet_max}
    v6 = {"IPv6SubnetMin": config.ip6_subnet_min, "IPv6SubnetMax": config.ip6_subnet_max}
    lengths = {"SubnetLen": config.subnet_len, "IPv6SubnetLen": config.ip6_subnet_len}
    return [
        *((key, str(value) if value else "") for key, value in lengths.items()),
        *((key, f'"{ip4_string(value)}"' if value else "") for key, value in v4.items()),
        *((key, f'"{ip6_string(value)}"' if value else "") for key, value in v6.items()),
    ]
