"""The state of default deny, namespace by namespace, for people and programs. PURE."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from webhook.model.namespace import Namespace, Seal
from webhook.model.profiles import NONE

DRIFTED = "drifted"
UNMARKED = "unmarked"
SYSTEM = "system: never touched"
"""Why a namespace of `defaultDeny.systemNamespaces`, or our own, is unmarked for good."""


@dataclass(frozen=True, slots=True)
class Status:
    """One row.

    Args:
        namespace: its name.
        state: a seal, ``drifted`` where what stands is not what the seal says, or ``unmarked``
            where Portcullis has nothing to do with it.
        profile: empty where it has none.
        policies: names of the policies that Portcullis wrote.
        reason: why the state is no better; empty where there is nothing to say.
        report: what adopting it would cut off; empty where nobody looked.
    """

    namespace: str
    state: str
    profile: str
    policies: tuple[str, ...]
    reason: str
    report: str = ""

    @property
    def wrong(self) -> bool:
        """Whether somebody should look at it."""
        refused = self.state == UNMARKED and self.reason not in {"", SYSTEM}
        return refused or self.state in {DRIFTED, Seal.PENDING}


def statuses(
    namespaces: Iterable[Namespace],
    policies: Iterable[tuple[str, str]],
    system: Collection[str] = (),
) -> Iterator[Status]:
    """A row for each namespace, by name.

    Args:
        namespaces: all of them.
        policies: (namespace, name) of every policy that Portcullis wrote.
        system: names of the namespaces that are never touched.
    """
    standing: dict[str, list[str]] = {}
    for where, name in policies:
        standing.setdefault(where, []).append(name)
    for namespace in sorted(namespaces, key=lambda it: it.name):
        found = _status(namespace, tuple(sorted(standing.get(namespace.name, ()))))
        untouched = found.state == UNMARKED and not found.reason and namespace.name in system
        yield replace(found, reason=SYSTEM) if untouched else found


def _status(namespace: Namespace, policies: tuple[str, ...]) -> Status:
    state, reason = _state(namespace, policies)
    profile, report = namespace.profile or "", namespace.report or ""
    return Status(namespace.name, state, profile, policies, reason, report)


def _state(namespace: Namespace, policies: tuple[str, ...]) -> tuple[str, str]:
    reason = namespace.reason or ""
    match namespace.seal:
        case None:
            return UNMARKED, reason
        case Seal.SEALED if reason:
            return DRIFTED, reason
        case Seal.SEALED if not policies and namespace.profile != NONE:
            return DRIFTED, "no policy of Portcullis stands"
        case Seal.EXEMPT if policies:
            return DRIFTED, "exempt, and policies of Portcullis stand"
        case _:
            return namespace.seal, reason
