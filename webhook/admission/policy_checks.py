"""The checks of `webhook.lint` on a change of a NetworkPolicy: refusals and warnings by setting.

What the policy alone tells is judged at once. What the cluster tells is judged from the pictures
that advice is made from: after the decision where it can only be warned of, before it where some
setting denies it. Without a picture in time the change passes, and its author is told.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from webhook.admission.guard import Advice
from webhook.admission.surroundings import Standing, Surroundings
from webhook.checks.registry import Finding, Violation
from webhook.deadline import Deadline
from webhook.engine_input import is_read, stays, stored
from webhook.errors import ClusterError, DeadlineError
from webhook.interfaces import Namespaces
from webhook.lint.action import Action
from webhook.lint.actions import JUDGED, Actions
from webhook.lint.change import Around, Change, cluster_of
from webhook.lint.cluster import Deferred, Stored
from webhook.lint.registry import Finding as Fault
from webhook.lint.registry import Lint, Needs
from webhook.model.objects import NetworkPolicy
from webhook.netpol.lazy import lazy
from webhook.protection.words import counted

logger = logging.getLogger(__name__)

PLAIN_SECONDS: Final = 0.3
"""For checks of a policy alone that nothing denies by; some thousand rules are judged in it."""

FEW_RULES: Final = 500
"""Peers and ports of both versions, which no clock is asked for."""

MAX_LINES: Final = 6
"""Findings told in one answer; the rest is counted."""

Checks = tuple[Lint[Any], ...]


class PolicyChecks:
    """Judges changes of NetworkPolicies by an installation's settings.

    Args:
        actions: what becomes of findings.
        cluster: tells a Namespace's labels, where settings select by them.
        around: shows the cluster; None where nobody reads its pods.
    """

    def __init__(
        self, actions: Actions, cluster: Namespaces, around: Surroundings | None = None
    ) -> None:
        self.actions = actions
        self.cluster = cluster
        self.around = around
        self._by_policy = self._chosen(Needs.POLICY, Needs.AUTHOR)
        self._plain_denies = any(Action.DENY in actions.possible(c.id) for c in self._by_policy)
        known = self._chosen(Needs.CLUSTER) if around else ()
        self._deniable = tuple(c for c in known if Action.DENY in actions.possible(c.id))
        self._warned = tuple(c for c in known if Action.DENY not in actions.possible(c.id))

    def _chosen(self, *needs: Needs) -> Checks:
        """The checks of which anything may become."""
        wanted = {Action.DENY, Action.WARN}
        return tuple(c for c in JUDGED if c.needs in needs and wanted & self.actions.possible(c.id))

    def judge(
        self,
        namespace: str,
        old: NetworkPolicy | None,
        new: NetworkPolicy | None,
        deadline: Deadline,
    ) -> "Judgement":
        """Judge a change; an object that cannot be read has no findings.

        Raises:
            ClusterError: what a setting may deny cannot be decided.
        """
        if not (is_read(old) and is_read(new)) or stays(old, new):
            return Judgement(self, namespace, Change(None, None), deadline)
        change = Change(_stored(old), _stored(new))
        standing = self._standing(namespace, change)
        small = _is_small(change)
        later = self._by_policy if small and not self._plain_denies else ()
        found = [] if later else self._plain(change, deadline, small=small)
        missed: tuple[str, ...] = ()
        if self._deniable:
            try:
                found += self._amid(standing, change, deadline, self._deniable)
            except ClusterError as error:
                logger.info("checks not run", extra={"namespace": namespace, "error": str(error)})
                missed = tuple(check.id for check in self._deniable)
        return Judgement(self, namespace, change, deadline, tuple(found), missed, later, standing)

    def _standing(self, namespace: str, change: Change) -> Standing | None:
        """What stands around the change, for those who will ask."""
        changed = change.new or change.old
        if self.around is None or changed is None:
            return None
        return Standing(self.around.cluster, namespace, changed.policy)

    def _plain(self, change: Change, deadline: Deadline, *, small: bool) -> list[Fault]:
        """What the policy alone tells; nothing of what is only warned of, if it is too large.

        Raises:
            DeadlineError: it is too large to be judged in time, and a setting denies.
        """
        if small:
            return change.findings(self._by_policy)
        denies = self._plain_denies
        short = deadline.within(deadline.remaining() if denies else PLAIN_SECONDS)
        try:
            return replace(change, checkpoint=short.check).findings(self._by_policy)
        except DeadlineError:
            if denies:
                raise
            logger.info("checks not run: the policy is too large")
            return []

    def later(self, judged: "Judgement") -> list[Fault]:
        """What no setting denies; of what the cluster tells nothing, if it is not seen in time."""
        if self._warned:
            checks = (*judged.plain, *self._warned)
            try:
                return self._amid(judged.standing, judged.change, judged.deadline, checks)
            except ClusterError as error:
                told = {"namespace": judged.namespace, "error": str(error)}
                logger.info("checks not run", extra=told)
        return judged.change.findings(judged.plain)

    def _amid(
        self, standing: Standing | None, change: Change, deadline: Deadline, checks: Checks
    ) -> list[Fault]:
        """Run checks with the cluster around the change.

        Raises:
            ClusterError: the cluster cannot be read, or the checks take too long.
        """
        if self.around is None or standing is None:
            return []
        short = deadline.within(self.around.budget)
        old, new = change.old, change.new
        was, will_be = old.policy if old else None, new.policy if new else None
        before, after = self.around.of(standing, was, will_be, short)
        around = Around(cluster_of(before, old, short.check), cluster_of(after, new, short.check))
        return Change(old, new, around).findings(checks)


class Judgement(msgspec.Struct, frozen=True, dict=True, eq=False):
    """What the checks make of one change.

    Args:
        found: before the decision.
        missed: ids of checks that a setting may deny, and that could not be run.
        plain: checks of the policy alone that are run with those of the cluster, for nothing
            denies by them.
        standing: what stands around the change; None where nobody asks.
    """

    checks: PolicyChecks
    namespace: str
    change: Change
    deadline: Deadline
    found: tuple[Fault, ...] = ()
    missed: tuple[str, ...] = ()
    plain: Checks = ()
    standing: Standing | None = None

    @property
    def denied(self) -> tuple[Finding, ...]:
        """What the settings refuse.

        Raises:
            ClusterError: the Namespace's labels, by which they choose, could not be read.
        """
        return tuple(
            Finding(each.check_id, Violation.forbidden(each.field, each.message))
            for each in self._with(Action.DENY, self.found)
        )

    def advise(self) -> Advice:
        """What the settings warn of, the most severe first."""
        later = self.checks.later(self)
        found = self._with(Action.WARN, sorted((*self.found, *later), key=_rank))
        lines = [f"{each.field}: {each.message} [{each.label}]" for each in found[:MAX_LINES]]
        if len(found) > MAX_LINES:
            more = counted(len(found) - MAX_LINES, "more finding")
            lines.append(f"{more}: see `portcullis lint`")
        if self.missed:
            lines.append(f"not judged, the cluster was not read in time: {', '.join(self.missed)}")
        return Advice(tuple(lines), warned=tuple(each.check_id for each in found))

    def _with(self, action: Action, found: Iterable[Fault]) -> list[Fault]:
        return [each for each in found if self._action(each) is action]

    def _action(self, fault: Fault) -> Action:
        actions = self.checks.actions
        return actions.of(fault, self._labels if actions.by_labels(fault.check_id) else {})

    @lazy
    def _labels(self) -> Mapping[str, str]:
        found = self.checks.cluster.namespace(self.namespace, self.deadline)
        return found.labels if found else {}


def _is_small(change: Change) -> bool:
    count = 0
    for each in (change.old, change.new):
        if each is not None:
            for rule in (*each.policy.ingress, *each.policy.egress):
                count += 1 + len(rule.peers) + len(rule.ports)
    return count <= FEW_RULES


def _rank(fault: Fault) -> int:
    return fault.severity.rank


def _stored(policy: NetworkPolicy | None) -> Stored | None:
    parsed = stored(policy)
    if policy is None or parsed is None:
        return None
    metadata = policy.metadata
    value = {
        "kind": "NetworkPolicy",
        "metadata": {
            "namespace": metadata.namespace,
            "name": metadata.name,
            "annotations": metadata.annotations or {},
        },
        # Most changes are judged without it.
        "spec": Deferred(lambda: policy.spec),
    }
    return Stored(parsed, value)
