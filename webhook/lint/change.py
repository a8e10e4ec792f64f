"""What a change of one policy makes wrong: findings of its new version that its old one lacks.

A review tells both versions; the cluster around them is known to some checks alone.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from msgspec.structs import replace

from webhook.lint.cluster import Cluster, Stored, endless
from webhook.lint.evidence import says
from webhook.lint.facts import Facts
from webhook.lint.registry import Finding, Lint, Needs, Severity
from webhook.lint.runner import judge, told
from webhook.lint.subject import Subject
from webhook.model.namespace import SEAL_LABEL, Seal
from webhook.netpol.model import DIRECTIONS, Direction
from webhook.netpol.table import PodTable
from webhook.netpol.world import World

NOWHERE = Cluster(World.of(), Facts(), ())
"""The cluster around a policy of which nothing else is known, and nothing else is asked."""


class Around(msgspec.Struct, frozen=True):
    """The cluster of a change: `cluster_of` makes each side of a world."""

    before: Cluster
    after: Cluster


class Change(msgspec.Struct, frozen=True):
    """A change of a NetworkPolicy.

    Args:
        old: None where it is made.
        new: None where it goes.
        around: None where the cluster is not known.
        checkpoint: of the empty `Cluster` that stands for it then.
    """

    old: Stored | None
    new: Stored | None
    around: Around | None = None
    checkpoint: Callable[[], None] = endless

    def findings(self, checks: Sequence[Lint[Any]]) -> list[Finding]:
        """Run the checks; what the old version had wrong already is left out.

        Args:
            checks: to run, in the order in which findings are to be told.
        """
        now = self._now
        if now is None:
            return []
        found: list[Finding] = []
        fresh, gone = self._without_old_rules(now), now.gone
        staying = _staying(fresh)
        for check in checks:
            subject = fresh if check.by_rule else now
            if (
                check.all_of <= subject.traits
                and check.side not in staying
                and (check.removed or not gone)
            ):
                found += _judge(check, subject)
        former = self._former if found else None
        if former is None:
            return found
        failed = {each.check_id for each in found}
        looking = [c for c in checks if c.id in failed and c.all_of <= former.traits]
        again = (each for c in looking for each in _judge(c, former))
        known = {_same(each) for each in again}
        return [each for each in found if _same(each) not in known]

    def _without_old_rules(self, now: Subject) -> Subject:
        """The new version without rules that stay, if they are judged as they were."""
        old = now.old
        if old is None or old.policy.pods != now.policy.pods:
            return now
        return Subject(now.stored, now.cluster, old, now.before, fresh=True)

    @property
    def _now(self) -> Subject | None:
        """The new version; the old one where it goes."""
        stored = self.new or self.old
        if stored is None:
            return None
        around = self.around
        before, after = (around.before, around.after) if around else (None, self._nowhere)
        if self.new is None:
            return Subject(stored, after, before=before, gone=True)
        return Subject(stored, after, self.old, before)

    @property
    def _former(self) -> Subject | None:
        if self.old is None or self.new is None:
            return None
        return Subject(self.old, self.around.before if self.around else self._nowhere)

    @property
    def _nowhere(self) -> Cluster:
        if self.checkpoint is endless:
            return NOWHERE
        return replace(NOWHERE, checkpoint=self.checkpoint)


def _staying(fresh: Subject) -> Sequence[Direction]:
    """Where a change leaves all as it is that a check of one direction judges."""
    if not fresh.fresh or fresh.old is None or fresh.old.policy.types != fresh.policy.types:
        return ()
    return [side for side in DIRECTIONS if side not in fresh.directions]


def _judge(check: Lint[Any], subject: Subject) -> Iterable[Finding]:
    """Run a check on a policy; on what its author wrote, if that is what it judges."""
    if check.needs is not Needs.AUTHOR:
        return told(check, subject)
    judged = subject.written if says(subject.stored, check.word) else None
    return judge((check,), judged) if judged else ()


def _same(finding: Finding) -> tuple[str, str, str, Severity]:
    """What makes two findings one, wherever the rule stands now."""
    return finding.check_id, finding.sub, finding.message, finding.severity


def cluster_of(
    world: World, stored: Stored | None, checkpoint: Callable[[], None] = endless
) -> Cluster:
    """A cluster of which pods, Namespaces and policies are known, and nothing else.

    Args:
        world: has all namespaces.
        stored: the policy that is judged, None where it is not there.
        checkpoint: of the `Cluster`.
    """
    return Cluster(world, _facts_of(world.table), (stored,) if stored else (), (), checkpoint)


def _facts_of(table: PodTable) -> Facts:
    """What the Namespaces tell: the same for every review that sees this table."""
    known = _facts.get(table)
    if known is None:
        sealed = (n for n, each in table.namespaces.items() if each.get(SEAL_LABEL) == Seal.SEALED)
        names = frozenset(table.namespaces)
        known = _facts[table] = Facts(declared=names, sealed=frozenset(sealed), mentioned=names)
    return known


_facts: WeakKeyDictionary[PodTable, Facts] = WeakKeyDictionary()
