"""Whom new labels of a Namespace let in, told once they may be set."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from webhook.admission.guard import Advice
from webhook.admission.picture import Pictures
from webhook.deadline import Deadline
from webhook.errors import ClusterError
from webhook.model.namespace import SEAL_LABEL, Seal
from webhook.model.objects import StringMap
from webhook.netpol.labels import Selector
from webhook.netpol.model import METADATA_NAME, Direction, Policy
from webhook.netpol.world import World
from webhook.protection.trust import Trust, newly_trusted

logger = logging.getLogger(__name__)

MAX_LINES = 5
"""Policies named; the rest is counted."""


@dataclass(frozen=True, slots=True)
class LabelAdviser:
    """Tells which policies of protected namespaces trust a Namespace for its new labels.

    Args:
        pictures: the policies, and which namespaces are sealed.
        budget: seconds for it.
        protected: selects namespaces that are to stay closed though nobody sealed them.
    """

    pictures: Pictures
    budget: float
    protected: Selector | None = None

    def advise(
        self, namespace: str, before: StringMap, after: StringMap, deadline: Deadline
    ) -> Advice:
        """One line for each policy; nothing where the cluster gives no answer in time.

        Args:
            namespace: whose labels they are.
            before: none where it is created.
            after: as they will be.
            deadline: of the review.
        """
        try:
            world = self.pictures.latest(deadline.within(self.budget))
        except ClusterError as error:
            logger.info("labels not judged", extra={"namespace": namespace, "error": str(error)})
            return Advice()
        name = {METADATA_NAME: namespace}
        others = self._closed(world, namespace)
        found = list(newly_trusted(others, before | name, after | name))
        lines = [_line(trust) for trust in found[:MAX_LINES]]
        more = len(found) - len(lines)
        return Advice((*lines, *([f"{more} more policies trust these labels"] if more else [])))

    def _closed(self, world: World, but: str) -> Iterator[Policy]:
        """The policies of all other namespaces that are to stay closed."""
        for namespace, scope in world.scopes.items():
            labels = world.table.namespaces.get(namespace, {})
            chosen = self.protected is not None and self.protected.matches(labels)
            if namespace != but and (chosen or labels.get(SEAL_LABEL) == Seal.SEALED):
                yield from scope.policies


def _line(trust: Trust) -> str:
    where, name = trust.policy.namespace, trust.policy.name
    may = "may enter" if trust.direction is Direction.INGRESS else "may be reached from"
    return f"pods here {may} {where}: its policy {name} trusts {trust.selector}"
