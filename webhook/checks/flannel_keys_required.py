"""Check that the keys stay which flannel's pods cannot start without."""

from collections.abc import Iterator

from webhook.checks.registry import Violation, check
from webhook.checks.subjects import CniChange


@check("flannel-keys-required", CniChange)
def flannel_keys_required(change: CniChange) -> Iterator[Violation]:
    """Keys that flannel's or canal's pods need must not be removed from a live cluster.

    Why: an init container copies `cni-conf.json`, and canal's containers take
    `cni_network_config`, `canal_iface`, `masquerade` and `veth_mtu` by a
    configMapKeyRef that is not optional. A pod that starts without them stays
    in CreateContainerConfigError, or in its init container.

    Allowed: on a cluster where flannel never ran; other keys.

    Fix: leave the key, with an empty value where you do not need it
    (`canal_iface: ""`).
    """
    if not change.live:
        return
    for key in change.removed:
        yield Violation.forbidden(
            f"data[{key}]",
            "must stay on a live cluster: pods of the DaemonSet that start without it never come "
            "up, and their nodes start no new pod; leave the key",
        )
