"""Which pods of a namespace a profile would cut off. PURE.

A pod that no policy selects in a direction may do everything in it. A profile isolates it, and from
then on it may do what some policy allows. So what breaks in a direction are the pods that nothing
isolates there yet, unless a policy allows them everything; on a pod that is isolated already a
profile closes nothing, for policies add up.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from webhook.model.pods import PodObject
from webhook.netpol.model import Direction, Policy

MAX_NAMES = 3
"""Workloads of a direction that are named in the short form; the rest is counted."""

_NOTHING = re.compile(r"(?P<profile>[^:]+): ingress 0/[0-9]+, egress 0/[0-9]+(?P<more>$|; .*)")
"""A `Report.short` that names no pod."""


@dataclass(frozen=True, slots=True)
class CutOff:
    """A pod that would be isolated in a direction, with nothing of its own to allow anything.

    Args:
        workload: what made the pod, as ``Deployment/web``; ``Pod/<name>`` for a bare one.
    """

    pod: str
    workload: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a profile would do to a namespace.

    Args:
        profile: that it would get.
        pods: how many pods policies can isolate: those that run, in a network of their own.
        ingress: the pods that nobody could speak to any more, but whom the profile allows.
        egress: the pods that could speak to nobody any more, but whom the profile allows.
        conflicts: names of the profile's policies that policies of others bear.
    """

    namespace: str
    profile: str
    pods: int
    ingress: tuple[CutOff, ...] = ()
    egress: tuple[CutOff, ...] = ()
    conflicts: tuple[str, ...] = ()

    @property
    def breaks(self) -> bool:
        """Whether somebody should look before the namespace is adopted."""
        return bool(self.ingress or self.egress or self.conflicts)

    def cut_off(self, direction: Direction) -> tuple[CutOff, ...]:
        """The pods of one direction."""
        return self.ingress if direction is Direction.INGRESS else self.egress

    @property
    def short(self) -> str:
        """In one line: ``deny-all: ingress 1/2 (Deployment/web), egress 0/2``."""
        sides = ", ".join(self._side(direction) for direction in Direction)
        conflicts = f"; in the way: {', '.join(self.conflicts)}" if self.conflicts else ""
        return f"{self.profile}: {sides}{conflicts}"

    def _side(self, direction: Direction) -> str:
        found = self.cut_off(direction)
        told = f"{direction.lower()} {len(found)}/{self.pods}"
        return f"{told} ({shortened(workloads(found))})" if found else told


def sentence(short: str) -> str:
    """What people are told of a report in its short form."""
    nothing = _NOTHING.fullmatch(short)
    if nothing:
        return f"{nothing['profile']} would cut off nothing{nothing['more']}"
    return f"would cut off by {short}"


def report(
    namespace: str,
    profile: str,
    pods: Iterable[PodObject],
    standing: Sequence[Policy],
    added: Sequence[Policy],
    conflicts: Iterable[str] = (),
) -> Report:
    """Tell what a profile would cut off.

    Args:
        namespace: its name.
        profile: its name.
        pods: all of the namespace.
        standing: the policies that stand in the namespace.
        added: those of the profile; where one bears the name of a standing one it takes its place.
        conflicts: names of the profile's policies that policies of others bear.
    """
    concerned = sorted(
        (it for it in pods if not it.ended and not it.spec.host_network),
        key=lambda it: it.metadata.name,
    )
    names = {policy.name for policy in added}
    after = (*(policy for policy in standing if policy.name not in names), *added)
    ingress, egress = (
        tuple(
            CutOff(pod.metadata.name, workload(pod))
            for pod in concerned
            if _breaks(pod.metadata.label_map, direction, standing, after)
        )
        for direction in Direction
    )
    return Report(namespace, profile, len(concerned), ingress, egress, tuple(sorted(conflicts)))


def workload(pod: PodObject) -> str:
    """What made a pod: its controller, or the Deployment behind its ReplicaSet."""
    owners = pod.metadata.owner_references or []
    owner = next((it for it in owners if it.get("controller")), None)
    if owner is None:
        return f"Pod/{pod.metadata.name}"
    kind, name = str(owner.get("kind")), str(owner.get("name"))
    suffix = "-" + pod.metadata.label_map.get("pod-template-hash", "")
    if kind == "ReplicaSet" and len(suffix) > 1 and name.endswith(suffix):
        return f"Deployment/{name.removesuffix(suffix)}"
    return f"{kind}/{name}"


def workloads(found: Iterable[CutOff]) -> tuple[str, ...]:
    """Their workloads, each once, sorted."""
    return tuple(sorted({it.workload for it in found}))


def shortened(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f", {more} more" if more > 0 else "")


def _breaks(
    labels: dict[str, str],
    direction: Direction,
    before: Sequence[Policy],
    after: Sequence[Policy],
) -> bool:
    if _selecting(labels, direction, before):
        return False
    isolating = _selecting(labels, direction, after)
    return bool(isolating) and not any(
        _allows_everything(policy, direction) for policy in isolating
    )


def _selecting(
    labels: dict[str, str], direction: Direction, policies: Sequence[Policy]
) -> list[Policy]:
    return [it for it in policies if direction in it.types and it.pods.matches(labels)]


def _allows_everything(policy: Policy, direction: Direction) -> bool:
    return any(not rule.peers and not rule.ports for rule in policy.rules(direction))
