"""A namespaceSelector with nothing behind the colon."""

from collections.abc import Iterator

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.lint.traits import Trait


@lint(
    "null-ns-beside-pod",
    Severity.WARNING,
    Subject,
    needs=Needs.AUTHOR,
    all_of={Trait.OWN_PODS},
    word="null",
)
def null_ns_beside_pod(subject: Subject) -> Iterator[Problem]:
    """A namespaceSelector beside a podSelector has a value.

    Why: `namespaceSelector:` with nothing behind it is null, as if it were not there: the peer is
    pods of the policy's own namespace only. `{}` would be every namespace. Seen in manifests, and
    where `kubectl apply` keeps them.

    Fix: write the selector; `{}` for every namespace; or remove the line.
    """
    for at in subject.rules:
        for index, peer in enumerate(at.raw_peers):
            null = "namespaceSelector" in peer and peer["namespaceSelector"] is None
            if null and peer.get("podSelector") is not None:
                path = (*at.path, at.list_name, index, "namespaceSelector")
                message = "an empty namespaceSelector is null: own namespace only; write {} for all"
                yield Problem(path, message)
