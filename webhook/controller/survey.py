"""Reads one namespace and tells what a profile would cut off there."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from webhook.adoption.report import Report, report
from webhook.controller.plan import Rules
from webhook.deadline import Deadline
from webhook.engine_input import all_stored
from webhook.interfaces import Policies
from webhook.model.objects import NetworkPolicy, ObjectMeta
from webhook.model.pods import PodObject
from webhook.model.policies import StandingPolicy, compare
from webhook.model.profiles import Manifest
from webhook.netpol.model import Policy

MAX_PODS = 5_000
"""Of one namespace: above, there is no report. They are read by pages and not kept."""


class PodsOf(Protocol):
    """Reads the Pods of a namespace; nothing watches them."""

    def pods_of(self, namespace: str, limit: int, deadline: Deadline) -> Sequence[PodObject]:
        """All of them.

        Raises:
            TooManyError: there are more than the limit.
        """


class Surveyed(Policies, PodsOf, Protocol):
    """What is asked of the cluster."""


def survey(
    cluster: Surveyed, rules: Rules, namespace: str, profile: str, deadline: Deadline
) -> Report:
    """Tell what a profile would cut off in a namespace: two lists.

    Args:
        cluster: where to read.
        rules: know the profile.
        namespace: its name.
        profile: one that is known.
        deadline: for both lists.

    Raises:
        TooManyError: it has more Pods than `MAX_PODS`.
        ClusterError: it could not be read.
    """
    standing = cluster.standing(namespace, deadline)
    pods = cluster.pods_of(namespace, MAX_PODS, deadline)
    return surveyed(rules, namespace, profile, pods, standing)


def surveyed(
    rules: Rules,
    namespace: str,
    profile: str,
    pods: Iterable[PodObject],
    standing: Sequence[StandingPolicy],
) -> Report:
    """As `survey`, of what has been read."""
    wanted = rules.policies(profile)
    conflicts = compare(wanted, standing).foreign
    return report(namespace, profile, pods, read(standing), injected(namespace, wanted), conflicts)


def read(standing: Iterable[StandingPolicy]) -> tuple[Policy, ...]:
    """The policies as the engine has them."""
    return tuple(all_stored(NetworkPolicy.of(it.metadata, it.spec) for it in standing))


def injected(namespace: str, wanted: Iterable[Manifest]) -> tuple[Policy, ...]:
    """A profile's policies as they would stand in a namespace."""

    def stored() -> Iterator[NetworkPolicy]:
        for manifest in wanted:
            name = manifest["metadata"]["name"]
            yield NetworkPolicy.of(ObjectMeta(name, namespace=namespace), manifest["spec"])

    return tuple(all_stored(stored()))
