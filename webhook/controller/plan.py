"""What a namespace needs to be sealed. PURE: (namespace, rules) → plan with its reason.

The gate (a Pod's review) and the controller (a watch event) decide by the same
plan, so that whoever comes first does the same.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from webhook.model.namespace import Namespace, Seal
from webhook.model.profiles import Manifest, Profile, policies


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of default deny, as the plan needs them.

    Args:
        since: time of the installation; older namespaces without a mark are left alone.
        system: names never touched, our own among them.
        exempt: names or shell patterns that get no policies.
    """

    profile: Profile
    dns: bool
    since: datetime
    system: frozenset[str]
    exempt: tuple[str, ...]


class Reason(StrEnum):
    """Why a namespace is sealed or left alone; a metric label and a log field."""

    DISABLED = "Disabled"
    """Default deny is switched off."""
    TERMINATING = "Terminating"
    """It is being deleted: nothing can be created in it."""
    SYSTEM = "System"
    """The cluster itself lives in it."""
    EXEMPT = "Exempt"
    """The settings leave it out."""
    SEALED = "Sealed"
    """Its policies stand already."""
    OLDER = "OlderThanInstallation"
    """It was there before Portcullis; adopting it is a decision of its own."""
    PENDING = "Pending"
    """It was marked at its creation and waits for its policies."""
    UNMARKED = "BornUnmarked"
    """It was created while no replica could mark it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with a namespace.

    Args:
        policies: to apply, in this order, before anything else.
        mark: to write once they stand; None leaves the marks as they are.
    """

    reason: Reason
    policies: tuple[Manifest, ...] = ()
    mark: Seal | None = None

    @property
    def idle(self) -> bool:
        """Nothing is to be done."""
        return self.mark is None and not self.policies


def seal_plan(namespace: Namespace, rules: Rules) -> Plan:
    """Decide what a namespace needs; the first reason that applies wins."""
    left_alone = _left_alone(namespace, rules)
    if left_alone is not None:
        return Plan(left_alone)
    if is_exempt(namespace.name, rules.exempt):
        return Plan(Reason.EXEMPT, mark=Seal.EXEMPT)
    reason = Reason.UNMARKED if namespace.seal is None else Reason.PENDING
    return Plan(reason, policies(rules.profile, dns=rules.dns), Seal.SEALED)


def is_exempt(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether the settings leave a namespace of this name out."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _left_alone(namespace: Namespace, rules: Rules) -> Reason | None:
    if namespace.terminating:
        return Reason.TERMINATING
    if namespace.name in rules.system:
        return Reason.SYSTEM
    if namespace.seal == Seal.SEALED:
        return Reason.SEALED
    if namespace.seal == Seal.EXEMPT:
        return Reason.EXEMPT
    if namespace.seal is None and namespace.created is not None and namespace.created < rules.since:
        return Reason.OLDER
    return None
