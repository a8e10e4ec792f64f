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
        self, standing: "Standing", old: Policy | None, new: Policy | None, deadline: Deadline
    ) -> tuple[World, World]:
        """The worlds before and after a change.

        Args:
            standing: what stays as it is.
            old: the policy that changes; None where it is made.
            new: as it will be; None where it goes.
            deadline: of the question.

        Raises:
            ClusterError: the cluster could not be read, is too large, or is still being read.
        """
        others = standing.policies(deadline)
        return standing.versions(self.pictures.latest(deadline), others, old, new)


_Versions = tuple[World, Policy | None, Policy | None, tuple[World, World]]
"""The worlds before and after, behind the picture and the policy's versions they are made of."""


class Standing:
    """The policies of a namespace beside the one that changes, read once for a whole review.

    Args:
        cluster: tells them.
        namespace: of the change.
        changed: the policy that changes.
    """

    def __init__(self, cluster: Advisory, namespace: str, changed: Policy | None) -> None:
        self.namespace = namespace
        self._cluster = cluster
        self._changed = changed
        self._found: tuple[Policy, ...] | None = None
        self._versions: _Versions | None = None

    def policies(self, deadline: Deadline) -> tuple[Policy, ...]:
        """Return them, as a watch told them last.

        Raises:
            ClusterError: they could not be read.
        """
        if self._found is None:
            found = all_stored(self._cluster.recent_policies(self.namespace, deadline))
            name = self._changed.name if self._changed else None
            self._found = tuple([policy for policy in found if policy.name != name])
        return self._found

    def versions(
        self,
        picture: World,
        others: tuple[Policy, ...],
        old: Policy | None,
        new: Policy | None,
    ) -> tuple[World, World]:
        """A picture with the policies of the namespace as they are, and as they will be.

        Checks and advice ask for the same, and get the same worlds.

        Args:
            picture: the cluster.
            others: what `policies` told.
            old: the policy that changes; None where it is made.
            new: as it will be; None where it goes.
        """
        known = self._versions
        if known and known[0] is picture and known[1] is old and known[2] is new:
            return known[3]
        found = versions(picture, self.namespace, others, old, new)
        self._versions = picture, old, new, found
        return found


def versions(
    picture: World,
    namespace: str,
    others: tuple[Policy, ...],
    old: Policy | None,
    new: Policy | None,
) -> tuple[World, World]:
    """A picture with the policies of one namespace as they are, and as they will be."""
    before = picture.with_policies(namespace, (*others, old) if old else others)
    return before, before.with_policies(namespace, (*others, new) if new else others)
