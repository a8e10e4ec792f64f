"""Check that no pod of a sealed namespace loses its isolation."""

from collections.abc import Iterator

from webhook.checks.registry import Violation, check
from webhook.checks.subjects import IsolationChange
from webhook.netpol.model import Direction
from webhook.protection import losses


@check("networkpolicy-isolation-lost", IsolationChange)
def networkpolicy_isolation_lost(change: IsolationChange) -> Iterator[Violation]:
    """The last NetworkPolicy that isolates pods must not be deleted or pointed elsewhere.

    Why: a pod that no policy selects in a direction is open in it to everything. Nothing shows
    it, and pods that start later are open from their first packet.

    Lost is isolation in a direction, Ingress or Egress, if some set of labels that a pod could
    have was selected before by a policy of that direction, and is selected after by none. It is
    decided over the labels that podSelectors name, so for pods not yet made too: per key each
    named value, another value, and no such label.

    Allowed: every change that leaves some policy of the direction on each of those label sets,
    such as any change of policies beside the injected default deny; pods that no policy isolated
    before, and those that the policy itself opened to everything (a rule `{}`); everything while
    the namespace is being deleted.

    Fix: create the policy that is to isolate the pods first, then change or delete the old one.
    """
    for loss in losses(change.others, change.old, change.new):
        yield Violation.forbidden(
            _field(change, loss.direction),
            f"{loss.pods} of namespace {change.namespace} would be isolated for "
            f"{loss.direction.lower()} by no NetworkPolicy any more, so open to everything; first "
            f"create a policy with policyTypes [{loss.direction}] that selects them",
        )


def _field(change: IsolationChange, direction: Direction) -> str:
    if change.new is None:
        return "metadata.name"
    return "spec.podSelector" if direction in change.new.types else "spec.policyTypes"
