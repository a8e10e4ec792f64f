"""What a configuration that starts is probably not meant to say: ignored and misspelt keys.

Sources: issues #847, #1328, #1504, #1555 (ignored subnets), config.go (an absent Backend).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from webhook.netconf.backend_reader import blank_command
from webhook.netconf.backends import Extension, Vxlan, Wireguard
from webhook.netconf.limits import kernel_limits
from webhook.netconf.names import BACKEND, TOP_LEVEL, WINDOWS_ONLY, nearest
from webhook.netconf.netip import parse_addr
from webhook.netconf.nets import MAPPED_ONES
from webhook.netconf.place import Place, place_of
from webhook.netconf.reader import NetConf
from webhook.netconf.scan import Member
from webhook.netconf.text import fold, quoted

USUAL_MTU = 1500
"""An MTU above this is a black hole on most networks."""
MOST_UNKNOWN = 10
"""The most unknown keys that are remarked on one by one, at the top level and in Backend."""

_ETCD_ONLY = (
    "SubnetLen",
    "SubnetMin",
    "SubnetMax",
    "IPv6SubnetLen",
    "IPv6SubnetMin",
    "IPv6SubnetMax",
)
_GONE = {"NETWORKS": "v0.21.0 to v0.24.4", "IPV6NETWORKS": "v0.21.0 to v0.24.4"}


@dataclass(frozen=True, slots=True)
class Advice:
    """A remark on a key.

    Args:
        key: path of the key.
        message: what it does, or does not, and how to write it.
        place: where it stands, None for an absent one.
    """

    key: str
    message: str
    place: Place | None

    def __str__(self) -> str:
        return f"{self.key}: {self.message}"


def warnings(netconf: NetConf, *, etcd_mode: bool = False) -> tuple[Advice, ...]:
    """Return the remarks on a configuration, in the order of its keys' kinds.

    Args:
        netconf: what flanneld starts with.
        etcd_mode: flanneld keeps its leases in etcd and so looks at Subnet*.
    """
    return (
        *_backend_absent(netconf),
        *_unknown(netconf),
        *(() if etcd_mode else _ignored(netconf)),
        *_host_bits(netconf),
        *_odd_networks(netconf),
        *_odd_backend(netconf),
        *(Advice(limit.key, limit.message, None) for limit in kernel_limits(netconf)),
    )


def _at(netconf: NetConf, key: str, member: Member, message: str) -> Advice:
    return Advice(key, message, place_of(netconf.source.section.data, member.at))


def _backend_absent(netconf: NetConf) -> Iterator[Advice]:
    if not netconf.source.section.present:
        message = 'absent means udp, whatever the documentation says: write {"Type": "vxlan"}'
        yield Advice("Backend", message, None)


def _unknown(netconf: NetConf) -> Iterator[Advice]:
    """Remarks on the first unknown keys; a hostile text has many, and each takes its time."""
    source, known = netconf.source, BACKEND[netconf.backend.type]
    ours = set(map(fold, WINDOWS_ONLY)) if netconf.backend.type == "vxlan" else set()
    within = [member for member in source.backend_unknown if fold(member.key) not in ours]
    for member in source.unknown[:MOST_UNKNOWN]:
        message = _gone(member) or _misplaced(member, known) or _misspelt(member, TOP_LEVEL)
        yield _at(netconf, _shown(member.key), member, message)
    for member in within[:MOST_UNKNOWN]:
        message = _top_level(member) or _misspelt(member, known)
        yield _at(netconf, f"Backend.{_shown(member.key)}", member, message)
    for key, members in (("", source.unknown), ("Backend.", within)):
        if len(members) > MOST_UNKNOWN:
            more = f"{len(members) - MOST_UNKNOWN} more unknown keys, ignored"
            yield _at(netconf, f"{key}…", members[MOST_UNKNOWN], more)


def _shown(name: str) -> str:
    return name if name.isidentifier() and len(name) <= _LONGEST else quoted(name)


_LONGEST = 40


def _gone(member: Member) -> str:
    versions = _GONE.get(fold(member.key))
    return f"ignored: only flannel {versions} read it" if versions else ""


def _misplaced(member: Member, known: tuple[str, ...]) -> str:
    name = next((key for key in known if fold(key) == fold(member.key)), None)
    return f'ignored here: it belongs inside "Backend" as "{name}"' if name else ""


def _top_level(member: Member) -> str:
    name = next((key for key in TOP_LEVEL if fold(key) == fold(member.key)), None)
    return f'ignored here: it belongs at the top level as "{name}"' if name else ""


def _misspelt(member: Member, known: tuple[str, ...]) -> str:
    meant = nearest(member.key, known)
    if meant:
        return f'unknown and so ignored: probably meant is "{meant}"'
    elsewhere = [t for t, keys in BACKEND.items() if fold(member.key) in map(fold, keys)]
    if elsewhere:
        return f"unknown here and so ignored: it is a key of backend {', '.join(elsewhere)}"
    return "unknown and so ignored"


def _ignored(netconf: NetConf) -> Iterator[Advice]:
    for key in _ETCD_ONLY:
        member = netconf.source.taken.get(key)
        if member:
            message = "ignored in kube-subnet-mgr mode: each node's podCIDR decides (#1555)"
            yield _at(netconf, key, member, message)


def _host_bits(netconf: NetConf) -> Iterator[Advice]:
    for key, network in (
        ("Network", netconf.config.network),
        ("IPv6Network", netconf.config.ip6_network),
    ):
        member = netconf.source.taken.get(key)
        if member is None:
            continue
        data = netconf.source.section.data[member.start : member.end]
        written = data.strip(b'"').decode("ascii").partition("/")[0]
        address = parse_addr(written)
        if address and (address.ip4() if key == "Network" else address.ip16()) != network.ip:
            yield _at(netconf, key, member, f"host bits are masked away: it means {network}")


def _odd_networks(netconf: NetConf) -> Iterator[Advice]:
    config, taken = netconf.config, netconf.source.taken
    if config.enable_ip4 and config.network.empty:
        yield Advice("Network", "absent or 0.0.0.0/0: no node with an IPv4 podCIDR starts", None)
    if config.enable_ip6 and config.ip6_network.empty:
        yield Advice("IPv6Network", "absent or ::/0: no node with an IPv6 podCIDR starts", None)
    if config.network.ones > 32:  # noqa: PLR2004 - the bits of IPv4
        message = "written as IPv6, it contains no podCIDR: write it with dots"
        yield _at(netconf, "Network", taken["Network"], message)
    if config.ip6_network.ip >> 32 == MAPPED_ONES:
        message = "an IPv4 network contains no IPv6 podCIDR"
        yield _at(netconf, "IPv6Network", taken["IPv6Network"], message)
    if not config.ip6_network.empty and not config.enable_ip6:
        message = "EnableIPv6 is not true: only masquerade and forward rules are laid for it"
        yield _at(netconf, "IPv6Network", taken["IPv6Network"], message)
    if config.enable_ip6 and not netconf.backend.ip6 and netconf.backend.type != "extension":
        yield Advice("EnableIPv6", f"backend {netconf.backend.type} knows IPv4 only", None)


def _odd_backend(netconf: NetConf) -> Iterator[Advice]:
    backend, taken = netconf.backend, netconf.source.backend_taken
    if isinstance(backend, (Vxlan, Wireguard)) and (backend.mtu or 0) > USUAL_MTU:
        message = f"above {USUAL_MTU}: a black hole where the path between nodes carries less"
        yield _at(netconf, "Backend.MTU", taken["MTU"], message)
    joined = isinstance(backend, Wireguard) and backend.mode != "separate"
    if joined and not netconf.config.enable_ip6:
        message = "without EnableIPv6 flannel panics at the first peer in this mode"
        yield _at(netconf, "Backend.Mode", taken["Mode"], message)
    if isinstance(backend, Extension):
        yield Advice("Backend.Type", "extension runs its commands as root on every node", None)
        for key, value in backend.values().items():
            if blank_command(str(value)):
                yield _at(netconf, f"Backend.{key}", taken[key], "flannel panics over blanks only")
