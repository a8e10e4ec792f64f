"""Trust in labels that many may set."""

from collections.abc import Iterator

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.selectors import NAME_KEYS, NEGATIVE, contradiction
from webhook.lint.subject import Subject
from webhook.netpol.labels import Selector
from webhook.netpol.model import METADATA_NAME


@lint(
    "spoofable-ns-label",
    Severity.WARNING,
    Subject,
    "kubernetes/kubernetes#88253",
    "kubernetes/enhancements#2162",
    needs=Needs.POLICY,
)
def spoofable_ns_label(subject: Subject) -> Iterator[Problem]:
    """A namespaceSelector trusts only labels that tenants cannot set.

    Why: whoever may label a Namespace joins. Only `kubernetes.io/metadata.name` is kept by the API
    server itself (KEP-2161). Selectors on `name` are told by ns-selector-matches-none, those
    without a positive requirement by broad-ns.

    Fix: add `kubernetes.io/metadata.name` to the selector, or protect the label's key.
    """
    for at in subject.rules:
        for path, peer in at.selectors:
            key = _trusted_key(peer.namespaces) if peer.namespaces is not None else ""
            if key:
                message = f"whoever may set the Namespace label {key} joins: select {METADATA_NAME}"
                yield Problem((*path, "namespaceSelector"), message)


def _trusted_key(selector: Selector) -> str:
    positive = [each for each in selector.requirements if each.operator not in NEGATIVE]
    keys = [each.key for each in positive]
    if METADATA_NAME in keys or NAME_KEYS.intersection(keys) or contradiction(selector):
        return ""
    return next(iter(keys), "")
