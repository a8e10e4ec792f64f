"""What adopting a namespace would change, exactly. PURE."""

from collections.abc import Iterable
from dataclasses import dataclass

from webhook.netpol.engine import Change, diff
from webhook.netpol.model import Policy
from webhook.netpol.world import World


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """The cluster after it, and the difference.

    Args:
        after: the cluster with the profile's policies.
        change: what that opens and closes, each connection of it.
    """

    after: World
    change: Change


def preview(
    world: World, namespace: str, added: Iterable[Policy], removed: Iterable[str] = ()
) -> Preview:
    """Compare a cluster with itself after an adoption.

    Args:
        world: the cluster as it is.
        namespace: that would be adopted.
        added: the profile's policies; one of the same name is replaced.
        removed: names of the policies that would be deleted.
    """
    made = {policy.name: policy for policy in added}
    gone = {*removed, *made}
    kept = (policy for policy in world.policies_of(namespace) if policy.name not in gone)
    after = world.with_policies(namespace, (*kept, *made.values()))
    return Preview(after, diff(world, after))
