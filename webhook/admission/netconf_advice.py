"""What the author of an admitted change of flannel's ConfigMap should know. PURE."""

from collections.abc import Iterator, Mapping

from webhook.checks.ratings import DIRECT_ROUTING
from webhook.checks.subjects import CniChange, NetConfChange
from webhook.netconf import KeyChange, NetConf, Rating, warnings, windows_limits

NEXT_RESTART = (
    "takes effect node by node, when each flannel pod restarts next: restart all of them soon"
)
UPSTREAM = (
    "these are flannel's own defaults: where kubectl apply brought them, put your values in its "
    "file"
)
_NO_EFFECT = (
    "masquerade: has no effect: --ip-masq stands on flanneld's command line, which wins over "
    "FLANNELD_IP_MASQ"
)
LONGEST = 120
"""Characters of a warning, where possible: kubectl shows each on one line."""
_NEW_PODS = "new pods only, on each node when its flannel pod restarts next"
EFFECTS = {
    "cni-conf.json": _NEW_PODS,
    "cni_network_config": _NEW_PODS,
    "veth_mtu": _NEW_PODS,
    "canal_iface": "flanneld takes it on each node when its pod restarts next",
}


def net_conf_warnings(change: NetConfChange) -> Iterator[str]:
    """Remarks on the new file, most important first; none where it cannot be read."""
    if not isinstance(change.new, NetConf):
        return
    if change.live:
        yield from _rated(change)
    yield from _standing(change)
    for advice in warnings(change.new):
        yield _fitting(f"{change.field}.{advice}", str(advice))


def _rated(change: NetConfChange) -> Iterator[str]:
    """What the change needs; S needs nothing."""
    noted = [each for each in change.rated if _is_noted(change, each)]
    for each in noted:
        yield _line(each)
    if noted:
        yield NEXT_RESTART
    if noted and change.upstream:
        yield UPSTREAM


def _line(each: KeyChange) -> str:
    """Key, values and why; the values are left out where the line would be too long."""
    why = each.brief or each.reason
    return _fitting(f"{each.key} {each.old} -> {each.new}: {why}", f"{each.key}: {why}")


def _fitting(line: str, shorter: str) -> str:
    return line if len(line) <= LONGEST else shorter


def _is_noted(change: NetConfChange, each: KeyChange) -> bool:
    if each.key == DIRECT_ROUTING:
        return not change.direct_routing_denied
    return each.rating is Rating.RESTART


def _standing(change: NetConfChange) -> Iterator[str]:
    """Faults that stood before and stay; refusing them would stand in the way of other repairs."""
    if not (change.nodes.windows and isinstance(change.old, NetConf)):
        return
    assert isinstance(change.new, NetConf)
    for limit in set(windows_limits(change.old)) & set(windows_limits(change.new)):
        told = f"{limit.key}: {limit.value}: {limit.message}"
        yield _fitting(f"{change.field}.{told}", told)


def cni_warnings(
    change: CniChange, old: Mapping[str, object], new: Mapping[str, object]
) -> Iterator[str]:
    """Remarks on the other keys of the ConfigMap; nothing is said of a new one."""
    for field, fault in change.faults:
        if not fault.fatal:
            yield f"{field}.{fault.key}: {fault.message}"
    if not old or not new:
        return
    if old.get("masquerade") != new.get("masquerade"):
        yield _NO_EFFECT
    for key, effect in EFFECTS.items():
        if old.get(key) != new.get(key) and change.live:
            yield f"{key}: {effect}"
