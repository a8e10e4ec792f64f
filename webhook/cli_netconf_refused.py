"""What a live cluster with Portcullis would refuse of a change, for `portcullis netconf diff`."""

from collections.abc import Iterable

from webhook.checks import CHECKS
from webhook.checks.registry import evaluate
from webhook.checks.subjects import FlannelNodes, NetConfChange
from webhook.netconf import NetConf, NetConfError, Version


def refused_by(
    old: NetConf | NetConfError | None,
    new: NetConf | NetConfError | None,
    pod_cidrs: Iterable[str],
    version: Version,
) -> list[str]:
    """The ids of the checks that refuse a change of a live cluster's net-conf.json, sorted.

    By the default settings: with `flannel.directRouting: warn` one of them only warns.

    Args:
        old: as it is, or why flannel cannot read it.
        new: as it would be, likewise.
        pod_cidrs: of each node that is known of, with commas.
        version: flannel's.
    """
    nodes = tuple((f"node {n}", tuple(it.split(","))) for n, it in enumerate(pod_cidrs, 1))
    live = FlannelNodes(live=True, pod_cidrs=nodes)
    change = NetConfChange("data[net-conf.json]", old, new, live, version)
    return sorted({finding.check_id for finding in evaluate(CHECKS, change)})
