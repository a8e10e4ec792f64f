"""Two list items where one was probably meant."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import RuleAt, Subject
from webhook.lint.traits import Trait
from webhook.netpol.labels import EVERYTHING
from webhook.netpol.model import SelectorPeer


@lint(
    "and-or",
    Severity.WARNING,
    Subject,
    "kubernetes/kubernetes#50451",
    "redhat-appstudio/infra-deployments#7039",
    "astronomer#208",
    "kubernetes/website#1285",
    needs=Needs.CLUSTER,
    by_rule=True,
    all_of={Trait.MIXED},
)
def and_or(subject: Subject) -> Iterator[Problem]:
    """A namespaceSelector and a podSelector that belong together are one item of the list.

    Why: items are alternatives. An item of only `namespaceSelector` opens to all pods of those
    namespaces, and the item of only `podSelector` beside it means pods of the policy's own
    namespace: one dash too many. Where the pods are known and the own namespace has such pods,
    while the selected namespaces have none, two items are right and nothing is said; in the
    opposite case it is an error. `podSelector: {}` is a plain "my own namespace".

    Fix: remove the dash before the second selector, so that one item has both.
    """
    for at in subject.rules:
        for index, (one, other) in enumerate(pairwise(at.raw_peers)):
            if {_only(one), _only(other)} == {"namespaceSelector", "podSelector"}:
                yield from _pair(subject, at, index)


def _only(peer: Mapping[str, Any]) -> str:
    """Return the only selector that an item has, empty where it has none or both."""
    keys = [
        key for key in ("namespaceSelector", "podSelector", "ipBlock") if peer.get(key) is not None
    ]
    return keys[0] if len(keys) == 1 else ""


def _pair(subject: Subject, at: RuleAt, index: int) -> Iterator[Problem]:
    peers = [peer for peer in at.rule.peers[index : index + 2] if isinstance(peer, SelectorPeer)]
    spaces = next(peer.namespaces for peer in peers if peer.namespaces is not None)
    pods = next(peer.pods for peer in peers if peer.namespaces is None)
    if pods == EVERYTHING:
        return
    namespace = subject.policy.namespace
    own = subject.cluster.select(SelectorPeer(None, pods), namespace)
    there = subject.cluster.select(SelectorPeer(spaces, pods), namespace)
    if own and not there:
        return
    worse = Severity.ERROR if there and not own else None
    path = (*at.path, at.list_name, index)
    message = (
        "two items mean OR: every pod of those namespaces, or own pods; "
        "for AND drop the second dash"
    )
    yield Problem(path, message, severity=worse)
