"""Check that the kernel, Windows and CNI can do what net-conf.json says."""

from collections.abc import Iterator

from webhook.checks.registry import Violation, check
from webhook.checks.subjects import NetConfChange
from webhook.netconf import Effect, Limit, NetConf, kernel_limits, windows_limits


@check("netconf-limits", NetConfChange)
def netconf_limits(change: NetConfChange) -> Iterator[Violation]:
    """Numbers of net-conf.json must be ones that the kernel, Windows nodes and CNI can use.

    Why: flannel's decoder takes any integer. A VNI whose device name is too
    long, or an MTU that the kernel refuses, stops flanneld at its next start;
    an MTU that leaves nothing for pods breaks every new one. flannel on
    Windows takes a VNI from 4096, Port 4789, and neither DirectRouting nor GBP
    (vxlan_windows.go); its rules are asked where a node carries
    `kubernetes.io/os: windows`.

    Allowed: a fault that stood before and stays as it was, so that other keys
    can be repaired; it is warned of.

    Fix: a value within the limit that the message names, or no value at all.
    """
    if not isinstance(change.new, NetConf):
        return
    stood = set(_limits(change.old, change)) if isinstance(change.old, NetConf) else set()
    for limit in _limits(change.new, change):
        if limit.effect is not Effect.DIFFERS and limit not in stood:
            yield Violation.invalid(f"{change.field}.{limit.key}", limit.value, limit.message)


def _limits(netconf: NetConf, change: NetConfChange) -> tuple[Limit, ...]:
    """What the kernel refuses, and the cluster's Windows nodes."""
    windows = windows_limits(netconf) if change.nodes.windows else ()
    return (*kernel_limits(netconf), *windows)
