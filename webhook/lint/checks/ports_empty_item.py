"""Items of ports without a port."""

from collections.abc import Iterator

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject


@lint("ports-empty-item", Severity.INFO, Subject, needs=Needs.POLICY)
def ports_empty_item(subject: Subject) -> Iterator[Problem]:
    """An item of `ports` names a port.

    Why: `{protocol: TCP}` is all of TCP, and `{}` is that too, not everything.

    Fix: name the port; leave `ports` out where every port of every protocol is meant.
    """
    for at in subject.rules:
        for path, port, raw in at.ports:
            if raw.get("port") is None:
                message = (
                    f"without a port this is every {port.protocol} port, and no other protocol"
                )
                yield Problem(path, message)
