"""Check that Calico of a live cluster keeps its ConfigMap."""

from collections.abc import Iterator

from webhook.calico import TABLE
from webhook.checks.calico_subjects import CalicoConfigChange
from webhook.checks.registry import Violation, check


@check("calico-config-removed-live", CalicoConfigChange)
def calico_config_removed_live(change: CalicoConfigChange) -> Iterator[Violation]:
    """The ConfigMap calico-config of a live cluster must not be deleted.

    Why: calico-node's Pods name its keys as required. Each stays at
    CreateContainerConfigError from its next restart on, and its node without
    a network. A DELETE followed by a CREATE would also hide a change from
    the comparison.

    Allowed: where calico-node does not run; with its Namespace.

    Fix: change it in place (`kubectl apply`). To remove Calico, delete its
    DaemonSet first.
    """
    if change.live and change.old is not None and change.new is None and not change.ending:
        row = TABLE["config-removed"]
        yield Violation.forbidden("data", f"must stay ({change.live}): {row.reason}; {row.remedy}")
