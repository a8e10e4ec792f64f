"""Why the guard refuses: real flanneld on two nodes, net-conf.json from the API server."""

import pytest

from tests.flannel.cluster import DIRECT, VXLAN, Cluster
from tests.flannel.table import ALL, CHANGES, ENTER, NONE, Change

pytestmark = pytest.mark.controlplane


def test_guarded_the_command_changes_nothing(cluster: Cluster) -> None:
    """Refused, a node restarted: it reads what it read before, and no echo is lost."""
    cluster.begin(VXLAN)
    cluster.set_rp_filter(1)
    done = cluster.patch(DIRECT)
    refused = cluster.echoes()
    cluster.a.restart()
    cluster.settle()

    assert "Error from server (Forbidden)" in done.stderr
    assert refused == ALL
    assert cluster.echoes() == ALL
    assert cluster.a.device_towards(cluster.b.pod) == "flannel.1"


def test_overridden_the_same_command_loses_all(cluster: Cluster) -> None:
    """Nothing happens when it is written; at a restart both ways are lost, and no API tells."""
    cluster.begin(VXLAN)
    cluster.set_rp_filter(1)
    before = cluster.annotations()
    cluster.override(DIRECT)
    written = cluster.echoes()
    cluster.a.restart()
    cluster.settle()
    dropped = [node.dropped_by_rp_filter() for node in cluster.nodes]
    restarted = cluster.echoes()
    dropped_since = [
        node.dropped_by_rp_filter() - earlier
        for node, earlier in zip(cluster.nodes, dropped, strict=True)
    ]

    assert written == ALL
    assert restarted == NONE
    assert dropped_since == [3, 3], "the kernel counts each as dropped by reverse path filtering"
    assert cluster.a.device_towards(cluster.b.pod) == "eth0"
    assert cluster.b.device_towards(cluster.a.pod) == "flannel.1"
    assert cluster.annotations() == before


@pytest.mark.parametrize("change", [pytest.param(each, id=id_) for id_, each in CHANGES.items()])
def test_what_a_mixed_cluster_loses(cluster: Cluster, change: Change) -> None:
    """The table of docs/why-directrouting.md: refused, and overridden this is what comes back."""
    cluster.begin(change.before)
    told = cluster.patch(change.after).stderr
    before = cluster.annotations()
    cluster.override(change.after)
    measured, shown = {}, []
    for stage in change.measured:
        ENTER[stage](cluster)
        cluster.settle()
        measured[stage] = cluster.echoes_by_rp_filter()
        shown.append(cluster.annotations() != before)

    assert f"guards.portcullis.dev/{change.refused_by}" in told
    assert measured == change.measured
    assert set(shown) == {change.shown}


def test_node_by_node_with_loose_filtering_keeps_traffic(cluster: Cluster) -> None:
    """The plan of docs/why-directrouting.md: echoes go on through both restarts.

    `all` alone is set to 2, over devices with 1: the kernel takes the larger of the two.
    """
    cluster.begin(VXLAN)
    cluster.set_rp_filter(1)
    cluster.set_rp_filter(2, "all")
    with cluster.stream() as counts:
        cluster.override(DIRECT)
        for node in cluster.nodes:
            node.restart()
            cluster.settle()
    cluster.set_rp_filter(1)
    after = cluster.echoes()
    came_back, sent = counts

    assert sent > 100
    assert came_back / sent > 0.95  # one that waits for its turn on a busy machine is late
    assert after == ALL, "all nodes direct: strict filtering is harmless again"
    assert cluster.a.device_towards(cluster.b.pod) == "eth0"
    assert cluster.b.device_towards(cluster.a.pod) == "eth0"
