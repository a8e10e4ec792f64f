"""A change of a NetworkPolicy amid its cluster: the worlds before and after it."""

from dataclasses import dataclass

from webhook.admission.picture import Pictures
from webhook.deadline import Deadline
from webhook.engine_input import all_stored
from webhook.interfaces import Advisory
from webhook.netpol.model import Policy
from webhook.netpol.world import World


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Shows the cluster around a change.

    Args:
        cluster: where to read the policies of the namespace, which may have changed just now.
        pictures: all the rest, as it was a moment ago.
        budget: seconds that a question may take.
    """

    cluster: Advisory
    pictures: Pictures
    budget: float

    def of(
        self, namespace: str, old: Policy | None, new: Policy | None, deadline: Deadline
    ) -> tuple[World, World]:
        """The worlds before and after a change.

        Raises:
            ClusterError: the cluster could not be read, is too large, or is still being read.
        """
        standing = others(self.cluster, namespace, new or old, deadline)
        return versions(self.pictures.latest(deadline), namespace, standing, old, new)


def others(
    cluster: Advisory, namespace: str, changed: Policy | None, deadline: Deadline
) -> tuple[Policy, ...]:
    """The policies of the namespace beside the one that changes, as a watch told them last.

    Raises:
        ClusterError: they could not be read.
    """
    found = all_stored(cluster.recent_policies(namespace, deadline))
    return tuple([policy for policy in found if changed is None or policy.name != changed.name])


def versions(
    picture: World,
    namespace: str,
    others: tuple[Policy, ...],
    old: Policy | None,
    new: Policy | None,
) -> tuple[World, World]:
    """A picture with the policies of one namespace as they are, and as they will be."""
    before = picture.with_policies(namespace, (*others, *((old,) if old else ())))
    return before, picture.with_policies(namespace, (*others, *((new,) if new else ())))
