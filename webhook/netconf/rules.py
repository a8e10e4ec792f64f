"""The table: what the change of a backend's key does, why, and how to do it right.

Evidence in brackets: numbers are flannel's issues and pull requests, "measured" stands for a run
of v0.28.10 on Linux, "source" for its code. Rows whose rating hangs on the values are in
`changes` and `network_changes`.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from webhook.netconf.rating import Rating

ALL_AT_ONCE: Final = (
    "plan a maintenance window: stop or drain the workloads, change the ConfigMap, restart every "
    "flannel pod at once, then test pod to pod across nodes"
)
ROLLOUT: Final = "change it, then restart all flannel pods soon: a node that reboots takes it first"
REBUILD: Final = (
    "keep it on a cluster that stands; decide it before a new cluster is built, or move node by "
    "node: cordon, drain, reboot, uncordon, after all traffic is planned for the mixed time"
)


class Rule(NamedTuple):
    """A row of the table; `brief` is the reason for a warning, where that is too long."""

    rating: Rating
    reason: str
    remedy: str
    brief: str = ""


_SPLIT_PORT = Rule(
    Rating.SPLIT,
    "nodes listen on different UDP ports while mixed: packets are lost (measured); the device is "
    "made anew with all its routes",
    ALL_AT_ONCE,
)
DIRECT_ROUTING: Final = Rule(
    Rating.RESTART,
    "taken at each pod's restart; mixed nodes still reach each other with rp_filter 0 or 2, and "
    "lose all traffic both ways with rp_filter=1 (measured; #892, #1520, #1070)",
    "set it before a new cluster is built; else see that the network between nodes carries pod "
    "addresses, set net.ipv4.conf.all.rp_filter=2 on every node first, then change it and restart "
    "the flannel pods node by node (docs/why-directrouting.md)",
    "mixed nodes lose all traffic to each other where rp_filter=1 (measured)",
)
DIRECT_ROUTING_STRICT: Final = Rule(
    Rating.SPLIT,
    "with rp_filter=1 mixed nodes lose all traffic both ways (measured; #892)",
    DIRECT_ROUTING.remedy,
)
STICKY_PORT: Final = Rule(
    Rating.BREAKS,
    "a device keeps the old port for ever where the new one is 0, while rebooted and new nodes "
    "use 8472: a split that lasts (measured)",
    'keep "Port" written out; to move to the default write "Port": 8472, and ' + ALL_AT_ONCE,
)
OLD_WIREGUARD_PORT: Final = Rule(
    Rating.SPLIT,
    "before v0.26.6 peers take their own port for everybody's (35249c25)",
    ALL_AT_ONCE,
)

RULES: Final[Mapping[tuple[str, str], Rule]] = {
    ("vxlan", "VNI"): Rule(
        Rating.SPLIT,
        "different VNIs do not talk: packets are lost while mixed (measured); the old device "
        "stays with its addresses and routes, with GBP the new one cannot start",
        ALL_AT_ONCE + "; delete the old flannel.N device on each node",
    ),
    ("vxlan", "Port"): _SPLIT_PORT,
    ("vxlan", "GBP"): Rule(
        Rating.SPLIT,
        "packets with a mark from nodes with GBP are lost on nodes without (measured); the device "
        "is made anew",
        ALL_AT_ONCE,
    ),
    ("vxlan", "MTU"): Rule(
        Rating.RESTART,
        "only new pods get it: a standing device keeps its MTU until it is deleted or the node "
        "reboots (measured, #1775); above what the path carries packets vanish",
        "lower it freely; before raising it check the path between nodes; reboot node by node",
        "only new pods get it: a standing device keeps its own until the node reboots",
    ),
    ("vxlan", "Learning"): Rule(
        Rating.RESTART,
        "a standing device is not changed (measured): it holds for new and rebooted nodes only",
        "reboot node by node",
    ),
    ("wireguard", "PSK"): Rule(
        Rating.SPLIT,
        "nodes with the old and the new key cannot shake hands (source)",
        ALL_AT_ONCE,
    ),
    ("wireguard", "ListenPort"): Rule(
        Rating.RESTART,
        "peers learn the port from the node's annotation (since v0.26.6)",
        ROLLOUT + "; open the new port in every firewall first",
    ),
    ("wireguard", "ListenPortV6"): Rule(
        Rating.RESTART,
        "peers learn the port from the node's annotation (since v0.26.6)",
        ROLLOUT + "; open the new port in every firewall first",
    ),
    ("wireguard", "Mode"): Rule(
        Rating.SPLIT,
        "the modes lay IPv6 into different tunnels: it is lost while mixed (source)",
        ALL_AT_ONCE,
    ),
    ("wireguard", "MTU"): Rule(
        Rating.RESTART,
        "taken at each pod's restart, by new pods; above what the path carries packets vanish",
        ROLLOUT,
    ),
    ("wireguard", "PersistentKeepaliveInterval"): Rule(
        Rating.SAFE, "each node keeps its own tunnels alive (source)", ROLLOUT
    ),
    ("udp", "Port"): _SPLIT_PORT,
    ("extension", "*"): Rule(
        Rating.RESTART,
        "the commands run as root on every node, at each pod's next start and for each lease; "
        "what they undo and what not is theirs alone",
        ROLLOUT,
        "run as root on every node; what they undo and what not is theirs alone",
    ),
    ("ipsec", "*"): Rule(
        Rating.SPLIT,
        "old and new nodes cannot agree on a tunnel, and stale xfrm policies are not removed "
        "(backends.md)",
        ALL_AT_ONCE + "; flush stale policies with ip xfrm policy flush",
    ),
    ("tencent-vpc", "*"): Rule(
        Rating.RESTART, "taken at each pod's restart; routes stand meanwhile (source)", ROLLOUT
    ),
}
"""By backend type and key; `*` is every key of the type."""

NO_BACKEND: Final = Rule(
    Rating.BREAKS,
    "without Backend flannel uses udp, whatever its documentation says (config.go): nodes of "
    "different backends do not talk, and udp runs on amd64 only (#1221)",
    "write the backend out",
)
TO_WIREGUARD: Final = Rule(
    Rating.BREAKS,
    "routes of the old backend stay and are more specific than wireguard's: traffic flows on "
    "unencrypted until each node reboots, silently (rke2#9338, k3s#5011)",
    "move node by node with a reboot each, and look at the routes after it",
)
FROM_WIREGUARD: Final = Rule(
    Rating.BREAKS,
    "the device is deleted when flanneld stops and its routes vanish: nodes that restarted reach "
    "none of the others (source)",
    ALL_AT_ONCE,
)
VXLAN_HOST_GW: Final = Rule(
    Rating.SPLIT,
    "nodes ignore the leases of the other kind (#771, #517, k3s#3409, kops#3190): old routes limp "
    "on, rebooted and new nodes have none; host-gw needs all nodes in one layer-2 network",
    ALL_AT_ONCE,
)
TO_ALLOC: Final = Rule(
    Rating.BREAKS, "alloc only hands out subnets and lays no routes: no traffic", REBUILD
)
OTHER_TYPE: Final = Rule(
    Rating.SPLIT,
    "backends of different types do not talk, and neither devices nor routes of the old one are "
    "removed (#1604, #739, #1850)",
    REBUILD,
)
