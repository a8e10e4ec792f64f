"""Rating what a new net-conf.json does to a cluster that runs with the old one.

Effective values are compared, not texts: spelling, order, unknown keys and explicit defaults are
no change. flanneld reads the file once, when it starts, so each change takes effect node by node
as pods restart.
"""

from collections.abc import Iterator

from webhook.netconf.backends import SECRETS, Backend, Vxlan
from webhook.netconf.network_changes import network_changes
from webhook.netconf.rating import Context, KeyChange
from webhook.netconf.reader import NetConf
from webhook.netconf.rules import (
    DIRECT_ROUTING,
    DIRECT_ROUTING_STRICT,
    FROM_WIREGUARD,
    NO_BACKEND,
    OLD_WIREGUARD_PORT,
    OTHER_TYPE,
    RULES,
    STICKY_PORT,
    TO_ALLOC,
    TO_WIREGUARD,
    VXLAN_HOST_GW,
    Rule,
)
from webhook.netconf.text import quoted
from webhook.netconf.versions import Version

_UNKNOWN = Context()
_PEER_PORTS = Version(0, 26, 6)
_TUNNEL_AND_GATEWAY = frozenset({"vxlan", "host-gw"})


def changes(old: NetConf, new: NetConf, context: Context = _UNKNOWN) -> tuple[KeyChange, ...]:
    """Return the keys whose effective values differ, each rated.

    Args:
        old: what the cluster runs with.
        new: what it is to run with.
        context: what is known of the cluster.
    """
    return (*network_changes(old.config, new.config, context), *_backend_changes(old, new, context))


def _backend_changes(old: NetConf, new: NetConf, context: Context) -> Iterator[KeyChange]:
    if old.backend.type != new.backend.type:
        rule = _type_rule(old, new)
        yield KeyChange("Backend.Type", quoted(old.backend.type), quoted(new.backend.type), *rule)
        return
    before, after = old.backend.effective(), new.backend.effective()
    for key, value in before.items():
        rule = _key_rule(key, old.backend, new.backend, context)
        if value != after[key] or rule is STICKY_PORT:
            shown = (_shown(key, netconf.backend) for netconf in (old, new))
            yield KeyChange(f"Backend.{key}", next(shown), next(shown), *rule)


def _shown(key: str, backend: Backend) -> str:
    """A key's value as a message shows it: as written, and what it comes to where that differs."""
    written, effective = backend.values()[key], backend.effective()[key]
    shown = _show(key, written)
    return shown if written == effective else f"{shown} (that is {_show(key, effective)})"


def _show(key: str, value: object) -> str:
    """A value as a message shows it."""
    if value is None:
        return "absent"
    if key in SECRETS:
        return "(hidden)" if value else '""'
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if isinstance(value, str) else str(value)


def _type_rule(old: NetConf, new: NetConf) -> Rule:
    before, after = old.backend.type, new.backend.type
    if not new.source.section.present:
        return NO_BACKEND
    if after == "wireguard":
        return TO_WIREGUARD
    if before == "wireguard":
        return FROM_WIREGUARD
    if after == "alloc":
        return TO_ALLOC
    return VXLAN_HOST_GW if {before, after} == _TUNNEL_AND_GATEWAY else OTHER_TYPE


def _key_rule(key: str, old: Backend, new: Backend, context: Context) -> Rule:
    """The table's row for a key of a backend that stays what it is."""
    if key == "DirectRouting":
        return DIRECT_ROUTING_STRICT if context.strict_rp_filter else DIRECT_ROUTING
    if key.startswith("ListenPort") and context.version < _PEER_PORTS:
        return OLD_WIREGUARD_PORT
    if key == "Port" and _port_sticks(old, new):
        return STICKY_PORT
    return RULES.get((old.type, key)) or RULES[old.type, "*"]


def _port_sticks(old: Backend, new: Backend) -> bool:
    """Whether standing vxlan devices keep a port that the new text no longer names.

    `vxlanLinksIncompat` (pkg/backend/vxlan/device.go) compares ports only where both are set.
    """
    if not (isinstance(old, Vxlan) and isinstance(new, Vxlan)):
        return False
    return new.port <= 0 and old.device_port != new.device_port
