"""Check that Calico of a live cluster keeps its backend and its IPAM."""

from collections.abc import Iterator

from webhook.checks.calico_subjects import CalicoConfigChange, sentence
from webhook.checks.registry import Violation, check


@check("calico-backend-live", CalicoConfigChange)
def calico_backend_live(change: CalicoConfigChange) -> Iterator[Violation]:
    """The backend and the IPAM of calico-config must not change on a live cluster.

    Why: calico-node reads `calico_backend` when it starts, so nodes change
    over one by one, and without BIRD no node learns the routes of IPIP and
    unencapsulated pools (kubespray issue 8691). Another `ipam.type` does not
    know the addresses handed out: two pods may share one.

    Allowed: where calico-node does not run; other changes of
    `cni_network_config`, with a warning.

    Fix: choose both when the cluster is built. Later only in a maintenance
    window, by override, restarting calico-node everywhere at once.
    """
    for each in change.refused("calico_backend", "cni_network_config"):
        if not each.old.startswith("datastore_type"):
            yield Violation.forbidden(f"data[{each.key}]", sentence(each, change.live))
