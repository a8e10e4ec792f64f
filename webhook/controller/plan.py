"""What a namespace needs. PURE: (namespace, rules) → plan with its reason.

The gate (a Pod's review) and the controller (a watch event) decide by the same
plan, so that whoever comes first does the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from webhook.model.namespace import Marks, Namespace, Seal
from webhook.model.profiles import NONE, STRENGTH, Beside, Manifest, is_weaker, policies
from webhook.netpol.labels import Selector


@dataclass(frozen=True, slots=True)
class Choice:
    """A row of the settings: these namespaces get this profile."""

    selector: Selector
    profile: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of default deny, as the plan needs them.

    Args:
        profile: where no choice fits.
        dns: whether pods may ask kube-dns, unless `options` says otherwise.
        since: time of the installation; older namespaces without a mark are left alone, unless
            their profile was wished for.
        system: names never touched, our own among them.
        exempt: names or shell patterns that get no policies.
        choices: the first one that fits decides.
        beside: what else is allowed, unless `options` says otherwise.
        options: what a single profile allows, in place of `dns` and `beside`.
        own: the profiles that the platform team wrote.
        adopts: older namespaces get the profile of the settings too.
    """

    profile: str
    dns: bool
    since: datetime
    system: frozenset[str]
    exempt: tuple[str, ...]
    choices: tuple[Choice, ...] = ()
    beside: Beside = field(default_factory=Beside)
    options: Mapping[str, Beside] = field(default_factory=dict, hash=False)
    own: Mapping[str, tuple[Manifest, ...]] = field(default_factory=dict, hash=False)
    adopts: bool = False

    def knows(self, profile: str) -> bool:
        """Whether there is a profile of that name."""
        return profile in STRENGTH or profile in self.own

    def policies(self, profile: str) -> tuple[Manifest, ...]:
        """What a profile that is known consists of."""
        if profile in self.own:
            return self.own[profile]
        beside = self.options.get(profile, replace(self.beside, dns=self.dns))
        return policies(profile, dns=beside.dns, beside=beside)

    def setting(self, name: str, labels: Mapping[str, str]) -> str:
        """The profile that the settings give a namespace."""
        if is_exempt(name, self.exempt):
            return NONE
        fitting = (choice.profile for choice in self.choices if choice.selector.matches(labels))
        return next(fitting, self.profile)


class Reason(StrEnum):
    """Why a namespace is sealed or left alone; a metric label and a log field."""

    DISABLED = "Disabled"
    """Default deny is switched off."""
    TERMINATING = "Terminating"
    """It is being deleted: nothing can be created in it."""
    SYSTEM = "System"
    """The cluster itself lives in it."""
    EXEMPT = "Exempt"
    """The settings, or somebody who may, leave it out."""
    SEALED = "Sealed"
    """Its policies stood already."""
    OLDER = "OlderThanInstallation"
    """It was there before Portcullis; adopting it is a decision of its own."""
    ADOPTED = "Adopted"
    """It was there before Portcullis, and that decision was made."""
    PENDING = "Pending"
    """It was marked at its creation and waits for its policies."""
    UNMARKED = "BornUnmarked"
    """It was created while no replica could mark it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a namespace is to be.

    Args:
        policies: that are to stand, in this order; others of ours are not.
        marks: that it is to carry once they do; None where it is left alone.
        due: its marks are others now.
        fault: why the plan cannot be carried out.
    """

    reason: Reason
    policies: tuple[Manifest, ...] = ()
    marks: Marks | None = None
    due: bool = False
    fault: str = ""

    @property
    def idle(self) -> bool:
        """Nothing is to be marked; whether the policies stand is another question."""
        return not self.due

    @property
    def tended(self) -> bool:
        """Whether its policies are our business."""
        return self.marks is not None

    @property
    def mark(self) -> str | None:
        """The seal that is to be written, None where the marks stay."""
        return self.marks.seal if self.marks and self.due else None


def seal_plan(namespace: Namespace, rules: Rules) -> Plan:
    """Decide what a namespace needs; the first reason that applies wins."""
    left_alone = _left_alone(namespace, rules)
    if left_alone is not None:
        return Plan(left_alone)
    setting = rules.setting(namespace.name, namespace.labels)
    profile = effective(namespace.profile, namespace.setting, setting)
    older = _is_older(namespace, rules)
    if older and namespace.profile is None and (profile == NONE or not rules.adopts):
        return Plan(Reason.OLDER)
    if profile == NONE:
        return _planned(namespace, Reason.EXEMPT, _exempt_marks(namespace, setting))
    exempt = namespace.seal == Seal.EXEMPT
    if exempt and namespace.profile is None and _predates(namespace, rules):
        return Plan(Reason.EXEMPT)
    marks = Marks(Seal.SEALED, profile, setting)
    reason = Reason.ADOPTED if older else _reason(namespace.seal)
    if not rules.knows(profile):
        return Plan(reason, marks=marks, due=True, fault=f'there is no profile "{profile}"')
    wanted = rules.policies(profile)
    # Where pods run already, what they may goes first, and what they may not last.
    return _planned(namespace, reason, marks, wanted[::-1] if older or exempt else wanted)


def effective(wished: str | None, before: str | None, setting: str) -> str:
    """The profile of a namespace, by its label and by the settings.

    A label that is what the settings gave when we last wrote it is no wish: it follows them. A
    wish that was weaker than the settings then has been permitted, and stays; any other stays as
    long as it is not weaker than they are now.

    Args:
        wished: the label as it stands.
        before: what the settings gave when we last wrote; None if we never did.
        setting: what they give now.
    """
    if wished is None or wished == before:
        return setting
    permitted = before is None or is_weaker(wished, before)
    return wished if permitted or not is_weaker(wished, setting) else setting


def is_exempt(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether the settings leave a namespace of this name out."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _planned(
    namespace: Namespace, reason: Reason, marks: Marks, wanted: tuple[Manifest, ...] = ()
) -> Plan:
    return Plan(reason, wanted, marks, due=namespace.marks != marks)


def _exempt_marks(namespace: Namespace, setting: str) -> Marks:
    """The seal alone where nobody ever spoke of a profile."""
    if namespace.profile is None:
        return Marks(Seal.EXEMPT)
    return Marks(Seal.EXEMPT, NONE, setting)


def _reason(seal: str | None) -> Reason:
    if seal is None:
        return Reason.UNMARKED
    return Reason.SEALED if seal == Seal.SEALED else Reason.PENDING


def _left_alone(namespace: Namespace, rules: Rules) -> Reason | None:
    if namespace.terminating:
        return Reason.TERMINATING
    return Reason.SYSTEM if namespace.name in rules.system else None


def _is_older(namespace: Namespace, rules: Rules) -> bool:
    """Whether it was there before Portcullis, and nobody has marked it since."""
    return namespace.seal is None and _predates(namespace, rules)


def _predates(namespace: Namespace, rules: Rules) -> bool:
    return namespace.created is not None and namespace.created < rules.since
