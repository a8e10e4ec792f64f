"""Objects of a cluster as the NetworkPolicy engine has them."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from webhook.errors import MalformedReviewError
from webhook.model.objects import NetworkPolicy
from webhook.model.pods import PodObject
from webhook.netpol.addresses import IPV4, Family, parse_address
from webhook.netpol.errors import FieldError
from webhook.netpol.model import ContainerPort, Pod, Policy
from webhook.netpol.parse_text import parse_spec
from webhook.rationed import RationedLog

_PARSED = "parsed"
"""Under which a policy keeps what was read of it."""

_log = RationedLog(logging.getLogger(__name__))
"""One such policy is told of by every review of its namespace."""


def stays(old: NetworkPolicy | None, new: NetworkPolicy | None) -> bool:
    """Whether both versions of a policy say the same; such as are read differently do not."""
    if old is None or new is None:
        return False
    return stored(old) == stored(new) and old.says_as(new)


def all_stored(found: Iterable[NetworkPolicy]) -> Iterator[Policy]:
    """Read policies that the API server has stored, those that can be read."""
    for policy in found:
        # Nearly all have been read; each review asks for all those of its namespace.
        known = policy.__dict__.get(_PARSED) or stored(policy)
        if known is not None:
            yield known


def stored(policy: NetworkPolicy | None) -> Policy | None:
    """Read a policy that the API server has stored.

    One with something in its rules that we do not know isolates all the same: its rules are left
    out then. None where not even its selector can be read.
    """
    if policy is None:
        return None
    known: Policy | None = policy.__dict__.get(_PARSED)
    if known is not None:
        return known
    try:
        return _parsed(policy)
    except FieldError as error:
        _not_understood(policy, error)
    spec = policy.spec
    isolating: dict[str, Any] = {
        key: spec[key] for key in ("podSelector", "policyTypes") if key in spec
    }
    try:
        return _parsed(NetworkPolicy.of(policy.metadata, isolating))
    except FieldError as error:
        _not_understood(policy, error)
    return None


def written(policy: NetworkPolicy) -> Policy:
    """Read a policy that somebody writes now.

    Raises:
        MalformedReviewError: there is something in it that we do not know.
    """
    try:
        return _parsed(policy)
    except FieldError as error:
        raise MalformedReviewError(f"request.object: {error}") from error


def is_read(policy: NetworkPolicy | None) -> bool:
    """Whether there is nothing in a policy that we do not know."""
    try:
        if policy is not None:
            _parsed(policy)
    except FieldError:
        return False
    return True


def _parsed(policy: NetworkPolicy) -> Policy:
    """Read a policy once, as long as the object lives.

    Raises:
        FieldError: there is something in it that we do not know; each time anew.
    """
    known: Policy | None = policy.__dict__.get(_PARSED)
    if known is None:
        metadata = policy.metadata
        known = parse_spec(metadata.namespace, metadata.name, bytes(policy.text))
        policy.__dict__[_PARSED] = known
    return known


def _not_understood(policy: NetworkPolicy, error: FieldError) -> None:
    fields = {"namespace": policy.metadata.namespace, "error": str(error)}
    _log.tell("stored policy not understood", fields)


def pods(found: Iterable[PodObject]) -> Iterator[Pod]:
    """Pods as the engine has them; those that have ended are left out.

    One that has no address yet will have what the others have: a policy that is applied with its
    pods is judged before they are scheduled.
    """
    read = [_pod(each) for each in found if not each.ended]
    own = (pod.addresses for pod in read if not pod.host_network)
    families = frozenset(family for addresses in own for family, _ in addresses) or {IPV4}
    for pod in read:
        is_late = not pod.addresses and families != pod.expected_families
        yield replace(pod, expected_families=frozenset(families)) if is_late else pod


def _pod(found: PodObject) -> Pod:
    ports = (ContainerPort(p.name, p.protocol, p.container_port) for p in found.ports)
    return Pod(
        namespace=found.metadata.namespace,
        name=found.metadata.name,
        labels=found.metadata.label_map,
        addresses=tuple(_addresses(found)),
        ports=tuple(ports),
        host_network=found.spec.host_network,
    )


def _addresses(pod: PodObject) -> Iterator[tuple[Family, int]]:
    for address in pod.status.pod_ips or ():
        try:
            yield parse_address(address.ip)
        except ValueError:
            continue
