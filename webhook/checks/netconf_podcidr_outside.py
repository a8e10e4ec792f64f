"""Check that every node gets its subnet lease."""

from collections.abc import Iterator

from webhook.checks.ratings import UPSTREAM
from webhook.checks.registry import Violation, check
from webhook.checks.subjects import NetConfChange
from webhook.netconf import NetConf, Rating

_SHOWN = 3


@check("netconf-podcidr-outside", NetConfChange)
def netconf_podcidr_outside(change: NetConfChange) -> Iterator[Violation]:
    """Network and IPv6Network must contain the podCIDRs of every node.

    Why: flanneld takes its node's podCIDR for its lease and exits if Network
    does not contain it (pkg/subnet/kube/kube.go, #1607), and likewise if a
    family is enabled that the node has no podCIDR of. By then it has patched
    the node's annotations and remade its device. A node's podCIDR cannot
    change, so this holds on clusters where flannel never ran as well.

    Allowed: nodes that get no lease by the old file either, and for the same
    reason: whatever repairs another node is let through.

    Fix: a Network that contains the controller manager's `--cluster-cidr`. To
    renumber, replace the nodes one by one, or build a new cluster.
    """
    if not isinstance(change.new, NetConf):
        return
    by_key: dict[str, list[tuple[str, str]]] = {}
    for node, why in change.lost:
        by_key.setdefault(_key(why), []).append((node, why))
    for key, nodes in by_key.items():
        message = _message(nodes, change)
        yield Violation.invalid(f"{change.field}.{key}", _value(change.new, key), message)


def _key(why: str) -> str:
    """The key at fault, by flannel's words."""
    if "but the lease has no" in why or "panics" in why:
        return "EnableIPv6" if "IPv6" in why else "EnableIPv4"
    return "IPv6Network" if "IPv6 PodCIDR" in why else "Network"


def _value(netconf: NetConf, key: str) -> str:
    config = netconf.config
    values = {"Network": str(config.network), "IPv6Network": str(config.ip6_network)}
    return values.get(key, "true")


_REMADE = frozenset({"Backend.Port", "Backend.GBP"})
"""Keys whose change deletes the device (pkg/backend/vxlan/device.go, `vxlanLinksIncompat`)."""


def _message(nodes: list[tuple[str, str]], change: NetConfChange) -> str:
    names = ", ".join(node for node, _ in nodes[:_SHOWN])
    more = f" and {len(nodes) - _SHOWN} more" if len(nodes) > _SHOWN else ""
    text = (
        f"flanneld would exit on {names}{more} when its pod restarts next, and leave the node "
        f"without a network: {nodes[0][1]}; a node's podCIDR cannot change, so it is this value "
        "that has to fit"
    )
    remade = [it.key for it in change.rated if it.key in _REMADE and it.rating is Rating.SPLIT]
    if change.live and remade:
        text += (
            f"; with {', '.join(remade)} changed too it deletes its device first, so that pods "
            "that run there lose their traffic as well"
        )
    return f"{text}; {UPSTREAM}" if change.upstream else text
