"""What stands in each namespace, as the watches told, in a few bytes for each.

No object is kept. Of a namespace remains what its plan came to; of its policies their names and
digests, and as nearly all namespaces have the same ones, they share one set. With 5,000 namespaces
and 15,000 policies that is about 2 MB.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from webhook.controller.plan import Plan, Reason
from webhook.model.namespace import Namespace, Seal
from webhook.model.policies import digest_of
from webhook.model.profiles import OWN_PREFIX, Manifest

Contents = frozenset[tuple[str, bytes]]
"""Names and digests of policies."""
EMPTY: Contents = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """What a namespace's plan came to.

    Args:
        uid: of the Namespace; Events find it by that.
        profile: whose policies are to stand; None where they are not our business.
        unsealed: pods wait for it.
        due: its marks are to be written.
        retry: what somebody wrote to have it tried again.
    """

    uid: str
    profile: str | None
    unsealed: bool
    due: bool
    retry: str | None = None


class Ledger:
    """Thread-safe; each watch tells it of its own collection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, Row] = {}
        self._standing: dict[str, Contents] = {}
        self._wanted: dict[str, Contents] = {}
        self._shared: dict[Contents, Contents] = {}
        self._listing: dict[str, Contents] | None = None
        self._seen: set[str] | None = None
        self._known = False

    def namespace(self, namespace: Namespace, plan: Plan) -> bool:
        """Note a namespace; whether it differs from what was noted before."""
        marks = plan.marks
        profile = None if marks is None else marks.profile or ""
        # Pods of a namespace that was exempt so far run: it has no more haste than others.
        waits = namespace.seal not in {Seal.SEALED, Seal.EXEMPT}
        waits = waits and plan.reason is not Reason.ADOPTED
        unsealed = plan.due and bool(plan.policies) and waits
        due = plan.due or bool(plan.fault)
        row = Row(namespace.uid, profile, unsealed, due, namespace.retry)
        with self._lock:
            if self._seen is not None:
                self._seen.add(namespace.name)
            stale = profile not in self._wanted or (profile or "").startswith(OWN_PREFIX)
            if profile is not None and not plan.fault and stale:
                self._wanted[profile] = contents(plan.policies)
            before, self._rows[namespace.name] = self._rows.get(namespace.name), row
        return before != row

    def forget(self, name: str) -> None:
        """A namespace is gone, and what stood in it."""
        with self._lock:
            self._rows.pop(name, None)
            self._standing.pop(name, None)

    def policy(self, namespace: str, name: str, digest: bytes | None) -> None:
        """Note a policy of ours as it stands; None where it does not any more."""
        with self._lock:
            found = self._standing if self._listing is None else self._listing
            rest = {item for item in found.get(namespace, EMPTY) if item[0] != name}
            now = frozenset(rest if digest is None else rest | {(name, digest)})
            found[namespace] = self._shared.setdefault(now, now)
            if not now:
                del found[namespace]

    def begin_namespaces(self) -> None:
        """A list of all namespaces begins."""
        with self._lock:
            self._seen = set()

    def end_namespaces(self) -> list[str]:
        """It is complete; the names that are gone."""
        with self._lock:
            gone = [name for name in self._rows if name not in (self._seen or set())]
            self._seen = None
        for name in gone:
            self.forget(name)
        return gone

    def begin_policies(self) -> None:
        """A list of all our policies begins; until it is complete, what was known before holds."""
        with self._lock:
            self._listing = {}

    def end_policies(self) -> None:
        """It is complete: what was not listed does not stand."""
        with self._lock:
            self._standing = self._listing or {}
            self._listing = None
            self._shared = {it: it for it in self._standing.values()}
            self._known = True

    def profile_changed(self, profile: str, policies: Iterable[Manifest]) -> None:
        """A profile consists of other policies now."""
        with self._lock:
            self._wanted[profile] = contents(policies)

    @property
    def listing(self) -> bool:
        """Whether a list of namespaces is being told."""
        return self._seen is not None

    @property
    def listing_policies(self) -> bool:
        """Whether a list of policies is being told."""
        return self._listing is not None

    def uid(self, name: str) -> str:
        """Of a namespace; empty where it is not known."""
        row = self._rows.get(name)
        return row.uid if row else ""

    def unsealed(self, name: str) -> bool:
        """Whether pods of the namespace wait."""
        row = self._rows.get(name)
        return row is not None and row.unsealed

    def idle(self, name: str) -> bool:
        """Whether nothing is to be done in a namespace, as far as is known."""
        with self._lock:
            return self._idle(name)

    def counts(self) -> dict[str, int]:
        """How many of the namespaces that are to have policies are in which state."""
        counts = {"sealed": 0, "unsealed": 0, "drifted": 0}
        with self._lock:
            for name, row in self._rows.items():
                if row.unsealed:
                    counts["unsealed"] += 1
                elif row.profile is not None:
                    counts["sealed" if self._idle(name) else "drifted"] += 1
        return counts

    def busy(self) -> list[str]:
        """All namespaces in which something is to be done."""
        with self._lock:
            return [name for name in self._rows if not self._idle(name)]

    def _idle(self, name: str) -> bool:
        row = self._rows.get(name)
        if row is None or row.profile is None:
            return True
        if row.due:
            return False
        # Before the first list of policies is complete, nothing can be missed.
        wanted = self._wanted.get(row.profile, EMPTY)
        return not self._known or self._standing.get(name, EMPTY) == wanted


def contents(policies: Iterable[Manifest]) -> Contents:
    """What a namespace with these policies stands for."""
    return frozenset((it["metadata"]["name"], digest_of(it)) for it in policies)
