"""Brings each namespace to its plan: from watch events through a queue to the `Sealer`."""

import logging
import time
from collections.abc import Callable
from typing import Literal

from webhook.backoff import Backoff
from webhook.controller.fights import Fights
from webhook.controller.ledger import Ledger
from webhook.controller.metrics import ControllerMetrics
from webhook.controller.plan import Reason, seal_plan
from webhook.controller.queue import WorkQueue
from webhook.controller.sealer import Done, Sealer
from webhook.deadline import Deadline
from webhook.errors import ClusterError, RefusedError
from webhook.interfaces import Event, Events, ObjectReference
from webhook.metric_table import cause_of
from webhook.metrics import Recorder
from webhook.model.namespace import Namespace
from webhook.model.objects import ObjectMeta
from webhook.model.policies import Changes, StandingPolicy
from webhook.model.profiles import Manifest
from webhook.stop import Stop

TRANSIENT = Backoff(base=0.25, cap=60.0)
"""For an API server that gave no answer."""
REFUSED = Backoff(base=60.0, cap=900.0)
"""For a refusal, which somebody must lift first: RBAC, quota, a validating policy."""
FIGHT = Backoff(base=5.0, cap=5.0)
"""For a namespace whose policies somebody takes away as often as we put them back."""
SECONDS = 10.0
"""For one reconcile: some six requests."""
POLL_SECONDS = 0.5
"""How soon an idle worker notices that it should stop."""
RATE = 20.0
"""Namespaces a second that a change of the settings reaches, unless set otherwise."""

logger = logging.getLogger(__name__)


class Reconciler:
    """Level-triggered, keyed by the namespace's name; thread-safe.

    What a watch tells is handled at once. What is found by a list, after a change of the settings
    or while nobody led, goes through a second queue that `pace` empties at a bounded rate; only
    namespaces whose pods wait go first.

    Args:
        sealer: carries plans out.
        events: where refusals and repairs are told.
        recorder: counts seals.
        metrics: counts the rest.
        queue: of names.
        clock: monotonic seconds, for durations.
        rate: namespaces a second for `pace`.
    """

    def __init__(
        self,
        sealer: Sealer,
        events: Events,
        recorder: Recorder,
        metrics: ControllerMetrics,
        queue: WorkQueue | None = None,
        clock: Callable[[], float] = time.monotonic,
        rate: float = RATE,
    ) -> None:
        self._rules = sealer.rules
        self._sealer = sealer
        self._events = events
        self._recorder = recorder
        self._metrics = metrics
        self._queue = queue if queue is not None else WorkQueue()
        self._rollout = WorkQueue()
        self._clock = clock
        self._rate = rate
        self._ledger = Ledger()
        self._fights = Fights(clock)
        self._rolled: set[str] = set()  # handled by `pace`, so that nobody is told of a repair
        metrics.queue(lambda: len(self._queue), self._queue.oldest)
        metrics.rollout(lambda: len(self._rollout))
        metrics.namespaces(self._ledger.counts)

    def observe(self, kind: str, metadata: ObjectMeta) -> None:
        """Take a watch event of a namespace.

        The event's metadata decides, so that thousands of sealed namespaces cost no request.
        """
        if kind == "DELETED":
            self._forget(metadata.name)
            return
        namespace = Namespace.of(metadata)
        changed = self._ledger.namespace(namespace, seal_plan(namespace, self._rules))
        self._judge(metadata.name, changed=changed, listed=self._ledger.listing)

    def observe_policy(self, kind: str, policy: StandingPolicy) -> None:
        """Take a watch event of a policy that carries our label."""
        namespace = policy.metadata.namespace
        digest = None if kind == "DELETED" else policy.digest
        self._ledger.policy(namespace, policy.name, digest)
        if not self._ledger.listing_policies:
            self._judge(namespace, changed=True, listed=False)

    def begin_namespaces(self) -> None:
        """A list of all namespaces begins."""
        self._ledger.begin_namespaces()

    def end_namespaces(self) -> None:
        """It is complete."""
        for name in self._ledger.end_namespaces():
            self._forget(name)
        self._settle()

    def begin_policies(self) -> None:
        """A list of all policies with our label begins."""
        self._ledger.begin_policies()

    def end_policies(self) -> None:
        """It is complete: now it is known what is missing."""
        self._ledger.end_policies()
        self._settle()

    def change_profile(self, name: str, policies: tuple[Manifest, ...]) -> None:
        """A profile consists of other policies now: its namespaces follow at the bounded rate."""
        self._ledger.profile_changed(name, policies)
        self._settle()

    def run(self, stop: Stop) -> None:
        """Work the queue off until told to stop; one call is one worker."""
        while not stop.is_set():
            self.work_one(POLL_SECONDS)

    def pace(self, stop: Stop) -> None:
        """Hand on what lists found, at the rate that is set, until told to stop."""
        while not stop.is_set():
            if self.pace_one(POLL_SECONDS):
                stop.wait(1 / self._rate)

    def pace_one(self, timeout: float) -> bool:
        """Hand the next namespace on; False where none came in time, or it needs nothing more."""
        name = self._rollout.get(timeout)
        if name is None:
            return False
        self._rollout.done(name)
        if self._ledger.idle(name) or self._queue.waits(name):
            return False
        self._rolled.add(name)
        self._queue.add(name)
        return True

    def work_one(self, timeout: float) -> bool:
        """Handle the next namespace; False where none came in time."""
        name = self._queue.get(timeout)
        if name is None:
            return False
        started = self._clock()
        try:
            self._reconcile(name)
        finally:
            self._metrics.seconds.observe(self._clock() - started)
            self._rolled.discard(name)
            self._queue.done(name)
        return True

    def _judge(self, name: str, *, changed: bool, listed: bool) -> None:
        """Queue a namespace that needs something, forget one that does not."""
        if self._ledger.idle(name):
            self._queue.drop(name)
            self._rollout.drop(name)
        elif not changed:
            return
        elif listed and not self._ledger.unsealed(name):
            self._rollout.add(name)
        elif not self._fights.on(name):
            self._queue.add(name)
        elif not self._queue.waits(name):
            self._queue.retry(name, FIGHT)

    def _settle(self) -> None:
        """Queue all that need something and do not wait yet."""
        for name in self._ledger.busy():
            if not self._queue.waits(name):
                self._judge(name, changed=True, listed=True)

    def _forget(self, name: str) -> None:
        self._ledger.forget(name)
        self._queue.drop(name)
        self._rollout.drop(name)

    def _reconcile(self, name: str) -> None:
        """Seal and repair; what fails comes back later, what is refused is told to people."""
        try:
            done = self._sealer.tend(name, Deadline.after(SECONDS))
        except RefusedError as error:
            self._failed(name, error, REFUSED)
            self._tell(name, "SealRefused", f"default-deny policies not applied: {error}")
            self._complain(name, error)
        except ClusterError as error:
            self._failed(name, error, TRANSIENT)
        except Exception as error:
            logger.exception("reconciling failed", extra={"namespace": name})
            self._failed(name, error, REFUSED)
        else:
            self._queue.succeeded(name)
            self._metrics.success.set_to_current_time()
            if done is not None:
                self._succeeded(name, done)

    def _succeeded(self, name: str, done: Done) -> None:
        plan = done.plan
        if plan.due and plan.reason is not Reason.SEALED:
            self._recorder.seal("controller", plan.reason)
        if plan.due:
            fields = {"namespace": name, "seal": plan.mark, "reason": plan.reason}
            logger.info("seal written", extra=fields)
        if done.changes and plan.reason is Reason.SEALED:
            self._repaired(name, done.changes)
        if plan.reason is Reason.ADOPTED and plan.marks is not None:
            message = f"default deny applied as was wished: profile {plan.marks.profile}"
            self._tell(name, "Adopted", message, "Normal")

    def _repaired(self, name: str, changes: Changes) -> None:
        """Count and tell what was put right."""
        missing = [it["metadata"]["name"] for it in changes.missing]
        edited = [it["metadata"]["name"] for it in changes.edited]
        orphans = [it.name for it in changes.orphans]
        found = {"missing": missing, "edited": edited, "orphan": orphans}
        for what, names in found.items():
            if names:
                self._metrics.repairs.labels(what).inc(len(names))
        logger.info("policies repaired", extra={"namespace": name, **found})
        if name not in self._rolled:
            self._fights.note(name)
            self._tell(
                name, "PoliciesRestored", f"default-deny policies put right: {_words(found)}"
            )

    def _failed(self, name: str, error: Exception, backoff: Backoff) -> None:
        pause = self._queue.retry(name, backoff)
        self._metrics.errors.labels(cause_of(error)).inc()
        fields = {"namespace": name, "error": str(error), "retry_seconds": round(pause, 1)}
        logger.warning("not sealed yet", extra=fields)

    def _complain(self, name: str, error: RefusedError) -> None:
        try:
            self._sealer.complain(name, str(error), Deadline.after(SECONDS))
        except ClusterError as failure:
            fields = {"namespace": name, "error": str(failure)}
            logger.warning("the reason could not be written", extra=fields)

    def _tell(
        self,
        name: str,
        reason: str,
        message: str,
        kind: Literal["Normal", "Warning"] = "Warning",
    ) -> None:
        about = ObjectReference("v1", "Namespace", "", name, self._ledger.uid(name))
        self._events.record(Event(about, kind, reason, message))


def _words(found: dict[str, list[str]]) -> str:
    return "; ".join(f"{what} {', '.join(names)}" for what, names in found.items() if names)
