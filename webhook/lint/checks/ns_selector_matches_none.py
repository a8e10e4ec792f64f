"""Selectors of namespaces that there are not."""

from collections.abc import Iterator

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.selectors import NAME_KEYS, contradiction, near_miss
from webhook.lint.subject import Subject
from webhook.lint.traits import Trait
from webhook.netpol.labels import Operator, Selector
from webhook.netpol.model import METADATA_NAME

_Missing = tuple[str, str, Severity | None]
"""Message, sub-check and severity of a `Problem`."""

_BUILT_IN = frozenset({"default", "kube-node-lease", "kube-public", "kube-system"})


@lint(
    "ns-selector-matches-none",
    Severity.ERROR,
    Subject,
    "kubernetes/kubernetes#47797",
    "kubernetes/kubernetes#88253",
    "opencost-helm#207",
    "prometheus-community#221",
    "nais#461",
    needs=Needs.CLUSTER,
    by_rule=True,
    all_of={Trait.NAMESPACES},
)
def ns_selector_matches_none(subject: Subject) -> Iterator[Problem]:
    """A namespaceSelector matches a Namespace.

    Why: a selector on `name` or `namespace` looks like the Namespace's name, but no Namespace has
    such a label of itself (`name-label`; a warning while the Namespaces' labels are not known).
    Any other selector is judged only where all Namespaces are known: the input has kube-system, and
    every Namespace that its objects are in. By name, those that every cluster has are known too.

    Fix: select by `kubernetes.io/metadata.name`, which the API server sets on every Namespace.
    """
    known: dict[Selector, _Missing | None] = {}
    for at in subject.rules:
        for path, peer in at.selectors:
            wanted = peer.namespaces
            if wanted is None or contradiction(wanted):
                continue
            if wanted not in known:
                known[wanted] = _missing(subject, wanted)
            missing = known[wanted]
            if missing is not None:
                yield Problem((*path, "namespaceSelector"), *missing)


def _missing(subject: Subject, selector: Selector) -> _Missing | None:
    """What is wrong with a selector; the same wherever it stands in a policy."""
    table = subject.cluster.world.table
    known = table.namespaces
    if any(selector.matches(known[name]) for name in table.possible_namespaces(selector)):
        return None
    complete = subject.cluster.complete
    by_name = [
        each
        for each in selector.requirements
        if each.key in NAME_KEYS and each.operator is Operator.IN
    ]
    if by_name:
        severity = None if complete else Severity.WARNING
        key, name = by_name[0].key, by_name[0].values[0]
        if complete:
            text = f"no Namespace has the label {key}={name}"
        else:
            text = f"Namespaces have no label {key!r} of themselves".replace("'", '"')
        return f"{text}: select {METADATA_NAME}: {name}", "name-label", severity
    if not complete or not _is_known(subject, selector):
        return None
    hint = near_miss(selector, known.values()) or "this peer opens nothing"
    return f"no Namespace matches {selector}: {hint}", "", None


def _is_known(subject: Subject, selector: Selector) -> bool:
    """Tell whether the labels are known of every Namespace that the selector may match."""
    cluster, facts = subject.cluster, subject.cluster.facts
    names = {
        value
        for each in selector.requirements
        if each.key == METADATA_NAME and each.operator is Operator.IN
        for value in each.values
    }
    if names:
        return names.isdisjoint((_BUILT_IN | facts.mentioned) - facts.declared)
    return facts.mentioned.union(cluster.world.table.namespaces) <= facts.declared
