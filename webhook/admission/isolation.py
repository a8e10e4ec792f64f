"""Gathers what tells whether a change of a NetworkPolicy weakens a sealed namespace."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import msgspec

from webhook.checks.subjects import IsolationChange
from webhook.controller.plan import Rules, seal_plan
from webhook.deadline import Deadline
from webhook.engine_input import all_stored, is_read, stored, written
from webhook.interfaces import Namespaces, PolicyLister
from webhook.model.namespace import Namespace, Seal
from webhook.model.objects import NetworkPolicy, ObjectMeta
from webhook.model.profiles import Manifest
from webhook.netpol.labels import Selector
from webhook.protection import may_weaken

PROTECTED = frozenset({Seal.SEALED, Seal.PENDING})
"""Seals of the namespaces that are to stay closed."""


class IsolationReader(Namespaces, PolicyLister, Protocol):
    """What is asked of the cluster: the Namespace, and its policies as they are now."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """Gathers an `IsolationChange`.

    Args:
        cluster: is asked only where the change could weaken anything.
        rules: of default deny: a pending namespace is judged as if its policies stood already,
            or an allow for everybody could be put there before them.
        protected: selects namespaces that are to stay closed though nobody sealed them.
    """

    cluster: IsolationReader
    rules: Rules | None
    protected: Selector | None = None

    def gather(
        self,
        namespace: str,
        old: NetworkPolicy | None,
        new: NetworkPolicy | None,
        deadline: Deadline,
    ) -> IsolationChange | None:
        """The subject; None where nothing could be lost, or the namespace is not protected.

        Raises:
            ClusterError: the cluster could not be asked.
            MalformedReviewError: the new policy cannot be read.
        """
        before, after = stored(old), stored(new)
        if not (may_weaken(before, after) or not is_read(new)):
            return None
        found = self.cluster.namespace(namespace, deadline)
        if found is None or found.terminating or not self._is_protected(found):
            return None
        if new is not None:
            written(new)
        name = (new or old or NetworkPolicy()).metadata.name
        standing = {p.metadata.name: p for p in self._standing(found, deadline)}
        standing.pop(name, None)
        return IsolationChange(namespace, tuple(all_stored(standing.values())), before, after)

    def _is_protected(self, namespace: Namespace) -> bool:
        chosen = self.protected is not None and self.protected.matches(namespace.labels)
        return chosen or namespace.seal in PROTECTED

    def _standing(self, namespace: Namespace, deadline: Deadline) -> Iterator[NetworkPolicy]:
        """What stands there now, and what will once the namespace is sealed."""
        if namespace.seal == Seal.PENDING and self.rules is not None:
            for manifest in seal_plan(namespace, self.rules).policies:
                yield _convert(manifest)
        yield from self.cluster.network_policies(namespace.name, deadline)


def _convert(manifest: Manifest) -> NetworkPolicy:
    return NetworkPolicy.of(msgspec.convert(manifest["metadata"], ObjectMeta), manifest["spec"])
