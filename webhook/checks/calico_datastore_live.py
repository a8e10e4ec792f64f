"""Check that Calico of a live cluster keeps its datastore."""

from collections.abc import Iterator

from webhook.checks.calico_subjects import CalicoConfigChange, sentence
from webhook.checks.registry import Violation, check


@check("calico-datastore-live", CalicoConfigChange)
def calico_datastore_live(change: CalicoConfigChange) -> Iterator[Violation]:
    """The datastore of calico-config must not change on a live cluster.

    Why: a node that restarts reads another datastore (the Kubernetes API, or
    an etcd), without the pools, addresses and policies of the one so far.
    Policies that are not there do not deny, and addresses are handed out
    twice. A cluster may be installed either way; it may not be switched.

    Allowed: where calico-node does not run; the same etcd members in another
    order.

    Fix: `calicoctl datastore migrate` (export, lock, import), then override
    and restart, in a maintenance window.
    """
    for each in change.refused("etcd_endpoints", "cni_network_config"):
        if each.key == "etcd_endpoints" or each.old.startswith("datastore_type"):
            yield Violation.forbidden(f"data[{each.key}]", sentence(each, change.live))
