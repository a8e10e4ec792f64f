"""Gathers what tells whether a change of a NetworkPolicy weakens a sealed namespace."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from webhook.checks.subjects import IsolationChange
from webhook.controller.plan import Rules, seal_plan
from webhook.deadline import Deadline
from webhook.errors import MalformedReviewError
from webhook.interfaces import Namespaces, PolicyLister
from webhook.model.namespace import Namespace, Seal
from webhook.model.objects import NetworkPolicy
from webhook.model.profiles import Manifest
from webhook.netpol.errors import FieldError
from webhook.netpol.fields import Field
from webhook.netpol.model import Policy, Rule
from webhook.netpol.parse_policy import parse_policy, parse_rule
from webhook.protection import may_weaken

logger = logging.getLogger(__name__)

PROTECTED = frozenset({Seal.SEALED, Seal.PENDING})
"""Seals of the namespaces that are to stay closed."""

MAX_PARSED = 512
"""Policies kept as they were read, a few kB each."""

_encoder = msgspec.json.Encoder()


class IsolationReader(Namespaces, PolicyLister, Protocol):
    """What is asked of the cluster: the Namespace, and its policies as they are now."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """Gathers an `IsolationChange`.

    Args:
        cluster: is asked only where the change could weaken anything.
        rules: of default deny: a pending namespace is judged as if its policies stood already,
            or an allow for everybody could be put there before them.
    """

    cluster: IsolationReader
    rules: Rules | None

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
        if not (may_weaken(before, after) or (new and not _is_read(new))):
            return None
        found = self.cluster.namespace(namespace, deadline)
        if found is None or found.terminating or found.seal not in PROTECTED:
            return None
        if new is not None:
            written(new)
        name = (new or old or NetworkPolicy()).metadata.name
        standing = {p.metadata.name: p for p in self._standing(found, deadline)}
        standing.pop(name, None)
        return IsolationChange(namespace, tuple(all_stored(standing.values())), before, after)

    def _standing(self, namespace: Namespace, deadline: Deadline) -> Iterator[NetworkPolicy]:
        """What stands there now, and what will once the namespace is sealed."""
        if namespace.seal == Seal.PENDING and self.rules is not None:
            for manifest in seal_plan(namespace, self.rules).policies:
                yield _convert(manifest)
        yield from self.cluster.network_policies(namespace.name, deadline)


def _convert(manifest: Manifest) -> NetworkPolicy:
    return msgspec.convert(manifest, NetworkPolicy)


def all_stored(found: Iterable[NetworkPolicy]) -> Iterator[Policy]:
    """Read policies that the API server has stored, those that can be read."""
    return (policy for each in found if (policy := stored(each)) is not None)


def stored(policy: NetworkPolicy | None) -> Policy | None:
    """Read a policy that the API server has stored.

    One with something in its rules that we do not know isolates all the same: its rules are left
    out then. None where not even its selector can be read.
    """
    if policy is None:
        return None
    spec: dict[str, Any] = policy.spec or {}
    isolating: dict[str, Any] = {
        key: spec[key] for key in ("podSelector", "policyTypes") if key in spec
    }
    for attempt in (spec, isolating):
        try:
            return _parsed(policy, attempt)
        except FieldError as error:
            fields = {"namespace": policy.metadata.namespace, "error": str(error)}
            logger.warning("stored policy not understood", extra=fields)
    return None


def written(policy: NetworkPolicy) -> Policy:
    """Read a policy that somebody writes now.

    Raises:
        MalformedReviewError: there is something in it that we do not know.
    """
    try:
        return _parsed(policy, policy.spec or {})
    except FieldError as error:
        raise MalformedReviewError(f"request.object: {error}") from error


def _is_read(policy: NetworkPolicy) -> bool:
    try:
        _parsed(policy, policy.spec or {})
    except FieldError:
        return False
    return True


def _parsed(policy: NetworkPolicy, spec: dict[str, Any]) -> Policy:
    metadata = policy.metadata
    return _parse(metadata.namespace, metadata.name, _encoder.encode(spec))


@lru_cache(maxsize=MAX_PARSED)
def _parse(namespace: str, name: str, spec: bytes) -> Policy:
    """Read a spec once: a review asks for the same policies several times, and so does the next."""
    metadata = {"namespace": namespace, "name": name}
    document = {"metadata": metadata, "spec": msgspec.json.decode(spec)}
    return parse_policy(Field(document), _parse_rule)


def _parse_rule(at: Field, peers: str) -> Rule:
    """Read a rule once: most edits change one of many."""
    try:
        return _rule(_encoder.encode(at.value), peers)
    except FieldError:
        return parse_rule(at, peers)  # once more, for an error that names the place


@lru_cache(maxsize=MAX_PARSED)
def _rule(rule: bytes, peers: str) -> Rule:
    return parse_rule(Field(msgspec.json.decode(rule)), peers)
