"""Questions about label selectors: contradictions, implication, near misses."""

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

from webhook.netpol.labels import Labels, Operator, Requirement, Selector
from webhook.netpol.model import METADATA_NAME

NAME_KEYS = frozenset({"name", "namespace"})
"""Keys that authors take for the name of a Namespace; no Namespace has them of itself."""
CLOSE = 0.6
"""Likeness of two words, from 0 to 1, from which they are close: the default of `difflib`."""
NEGATIVE = frozenset({Operator.NOT_IN, Operator.DOES_NOT_EXIST})
"""Operators that match a missing key."""


BY_CONTROLLERS = frozenset(
    {
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
        "batch.kubernetes.io/job-name",
        "controller-revision-hash",
        "controller-uid",
        "job-name",
        "pod-template-generation",
        "pod-template-hash",
        "statefulset.kubernetes.io/pod-name",
    }
)
"""Labels of pods that no template has: k8s.io/api/apps/v1, k8s.io/api/batch/v1."""


def equal(key: str, value: str) -> Requirement:
    """Return the requirement of one ``matchLabels`` entry."""
    return Requirement(key, Operator.IN, (value,))


def contradiction(selector: Selector) -> str:
    """Return a key that no labels can satisfy, empty where there is none."""
    if len(selector.requirements) <= 1:
        return ""
    keys = {each.key: None for each in selector.requirements}
    if len(keys) == len(selector.requirements):
        return ""  # one requirement of a key can always be met
    for key in keys:
        if _impossible([each for each in selector.requirements if each.key == key]):
            return key
    return ""


def _impossible(requirements: list[Requirement]) -> bool:
    operators = {each.operator for each in requirements}
    if Operator.DOES_NOT_EXIST in operators:
        return bool(operators & {Operator.IN, Operator.EXISTS})
    wanted = [set(each.values) for each in requirements if each.operator is Operator.IN]
    barred = {
        value for each in requirements if each.operator is Operator.NOT_IN for value in each.values
    }
    return bool(wanted) and not set.intersection(*wanted) - barred


def implies(narrow: Selector, broad: Selector) -> bool:
    """Tell, without false yes, whether all that one matches the other matches."""
    return set(broad.requirements) <= set(narrow.requirements)


def disjoint(one: Selector, other: Selector) -> bool:
    """Tell whether no labels satisfy both."""
    return bool(contradiction(Selector((*one.requirements, *other.requirements))))


def only_negative(selector: Selector) -> bool:
    """Tell whether it has requirements, and only such that match a missing key."""
    return bool(selector.requirements) and all(
        each.operator in NEGATIVE for each in selector.requirements
    )


def near_miss(selector: Selector, known: Iterable[Labels]) -> str:
    """Return a hint where all but one requirement are met by some known labels."""
    spelling, requirements = Spelling(), selector.requirements
    for labels in known:
        failing = [each for each in requirements if not each.matches(labels)]
        if len(failing) == 1 and len(labels) > 0:
            hint = _hint(failing[0], labels, spelling)
            if hint:
                return hint
    return ""


def _hint(missed: Requirement, labels: Labels, spelling: "Spelling") -> str:
    """Compare with the same key of another value, or the same value under another key.

    Every Namespace has a name: another one is a hint only where it is spelled alike.
    """
    if missed.key in labels:
        there = labels[missed.key]
        alike = missed.key != METADATA_NAME or spelling.is_like(there, missed.values)
        return f"did you mean {missed.key}={there}?" if alike else ""
    if missed.operator is not Operator.IN:
        return ""
    keys = [key for key in labels if labels[key] in missed.values and key != METADATA_NAME]
    close = [key for key in keys if get_close_matches(_short(missed.key), [_short(key)], 1, 0.5)]
    key = next(iter([*close, *keys]), "")
    return f"did you mean {key}={labels[key]}?" if key else ""


class Spelling:
    """Tells which names are spelled alike, as `difflib.get_close_matches` has it.

    A wanted name is prepared once, and all names of a large cluster are held against it.
    """

    def __init__(self) -> None:
        self._letters: dict[str, bytes] = {}
        self._prepared: dict[str, SequenceMatcher[str]] = {}

    def is_like(self, name: str, wanted: Iterable[str]) -> bool:
        """Whether a name is like one of those that are wanted."""
        # A plain loop: it is asked of every Namespace, mostly for one name.
        for each in wanted:  # noqa: SIM110
            if self._is_like(name, each):
                return True
        return False

    def _is_like(self, name: str, wanted: str) -> bool:
        # Names are no more alike than their lengths, and than the letters of one that the other has
        # too; most are told apart by that.
        least = CLOSE * (len(name) + len(wanted)) / 2
        if len(name) < least or len(wanted) < least:
            return False
        letters = self._letters.get(wanted)
        if letters is None:
            letters = self._letters[wanted] = wanted.encode("utf-8", "surrogatepass")
        octets = name.encode("utf-8", "surrogatepass")
        if len(octets) - len(octets.translate(None, letters)) < least:
            return False
        matcher = self._prepared.get(wanted)
        if matcher is None:
            matcher = self._prepared[wanted] = SequenceMatcher(b=wanted)
        matcher.set_seq1(name)
        return matcher.quick_ratio() >= CLOSE and matcher.ratio() >= CLOSE


def _short(key: str) -> str:
    return key.rpartition("/")[2]
