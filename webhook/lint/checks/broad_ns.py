"""Selectors of namespaces that are not made yet."""

from collections.abc import Iterator

from webhook.lint.dns import POD_SELECTOR, is_dns_only
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.selectors import only_negative
from webhook.lint.subject import RuleAt, Subject
from webhook.netpol.labels import EVERYTHING, Selector
from webhook.netpol.model import Direction, SelectorPeer


@lint("broad-ns", Severity.WARNING, Subject, "contiv/vpp#798", needs=Needs.POLICY)
def broad_ns(subject: Subject) -> Iterator[Problem]:
    """A namespaceSelector says which namespaces, not only which not.

    Why: `namespaceSelector: {}`, and a selector of only NotIn or DoesNotExist, match namespaces
    that nobody has made yet; NotIn matches a Namespace without the key. Egress to kube-dns, or of
    the DNS port alone, is let pass.

    Fix: name the namespaces by `kubernetes.io/metadata.name`, or by a protected label.
    """
    for at in subject.rules:
        for path, peer in at.selectors:
            if peer.namespaces is not None and not _is_dns(at, peer):
                message = _message(peer.namespaces)
                if message:
                    yield Problem((*path, "namespaceSelector"), message)


def _is_dns(at: RuleAt, peer: SelectorPeer) -> bool:
    return at.direction is Direction.EGRESS and (peer.pods == POD_SELECTOR or is_dns_only(at.rule))


def _message(selector: Selector) -> str:
    if selector == EVERYTHING:
        return "this is every namespace, also those made later: name the namespaces meant"
    if only_negative(selector):
        return "this matches every namespace without the label too: name the namespaces meant"
    return ""
