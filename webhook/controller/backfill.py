"""The leader's care for namespaces that are older than Portcullis: reports, or adopts them.

How far it came is known by the marks of the namespaces, and by nothing else: a leader that takes
over goes on with those that are not marked yet.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from webhook.backoff import Backoff
from webhook.controller.metrics import ControllerMetrics
from webhook.controller.plan import Reason, Rules, seal_plan
from webhook.controller.queue import WorkQueue
from webhook.controller.sealer import Sealer, SealTarget
from webhook.controller.survey import MAX_PODS, PodsOf, surveyed
from webhook.deadline import Deadline
from webhook.errors import ClusterError, NotFoundError, RefusedError, TooManyError
from webhook.interfaces import Event, Events, ObjectReference
from webhook.metric_table import cause_of
from webhook.metrics import Recorder
from webhook.model.backfill import Backfill
from webhook.model.namespace import Namespace
from webhook.model.objects import ObjectMeta
from webhook.model.pods import PodObject
from webhook.model.policies import StandingPolicy
from webhook.model.profiles import NONE
from webhook.model.text import one_line
from webhook.stop import Stop

TRANSIENT = Backoff(base=0.25, cap=60.0)
"""For an API server that gave no answer."""
REFUSED = Backoff(base=60.0, cap=900.0)
"""For a refusal, which somebody must lift first."""
SECONDS = 20.0
"""For one namespace: two lists, some writes."""
POLL_SECONDS = 0.5
"""How soon an idle worker notices that it should stop."""
MAX_REPORT = 300
"""Longest report on a Namespace, in characters."""
WORKERS = 8
"""Threads that share the rate. A consistent list takes the API server up to 100 ms, whatever it
lists: its cache asks etcd ten times a second whether it is up to date (KEP-2340)."""

logger = logging.getLogger(__name__)


class BackfillTarget(SealTarget, PodsOf, Protocol):
    """What is asked of the cluster."""


@dataclass(frozen=True, slots=True)
class Course:
    """What to do, how fast and how often.

    Args:
        mode: what becomes of older namespaces.
        rate: namespaces a second.
        period: seconds after which reports are made anew.
    """

    mode: Backfill
    rate: float
    period: float


class Backfiller:
    """Goes through the older namespaces; thread-safe.

    Args:
        cluster: where to read and write.
        rules: of default deny, which leave older namespaces alone.
        course: what to do.
        events: where adoptions and refusals are told.
        recorder: counts seals.
        metrics: counts the rest.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        cluster: BackfillTarget,
        rules: Rules,
        course: Course,
        events: Events,
        recorder: Recorder,
        metrics: ControllerMetrics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._rules = rules
        self._sealer = Sealer(cluster, replace(rules, adopts=True))
        self._mode = course.mode
        self._course = course
        self._events = events
        self._recorder = recorder
        self._metrics = metrics
        self._clock = clock
        self._queue = WorkQueue(clock)
        # What each older namespace would get, and what was written to have it tried again.
        self._known: dict[str, tuple[str, str | None]] = {}
        self._since = clock()
        metrics.backfill(lambda: len(self._queue))

    def observe(self, kind: str, metadata: ObjectMeta) -> None:
        """Take a watch event of a namespace; its own marks are no news."""
        namespace = Namespace.of(metadata)
        if kind == "DELETED" or not self._concerns(namespace):
            self._forget(namespace.name)
            return
        profile = self._rules.setting(namespace.name, namespace.labels)
        if self._known.get(namespace.name) != (profile, namespace.retry):
            self._known[namespace.name] = profile, namespace.retry
            self._queue.add(namespace.name)

    def run(self, stop: Stop) -> None:
        """Go through what waits, until told to stop; one call is one of `WORKERS`."""
        while not stop.is_set():
            self.renew()
            if self.work_one(POLL_SECONDS):
                stop.wait(WORKERS / self._course.rate)

    def renew(self) -> None:
        """Once a period, have every report made anew."""
        if self._mode is Backfill.REPORT and self._clock() - self._since >= self._course.period:
            self._since = self._clock()
            for name in tuple(self._known):
                self._queue.add(name)

    def work_one(self, timeout: float) -> bool:
        """Handle the next namespace; False where none came in time."""
        name = self._queue.get(timeout)
        if name is None:
            return False
        try:
            self._handle(name)
        finally:
            self._queue.done(name)
        return True

    def _concerns(self, namespace: Namespace) -> bool:
        """Whether anything is, or may be, to be done about it."""
        if seal_plan(namespace, self._rules).reason is not Reason.OLDER:
            return False
        left_over = namespace.report is not None or namespace.reason is not None
        return left_over or self._wanted(namespace) is not None

    def _wanted(self, namespace: Namespace) -> str | None:
        """The profile to report on or to give; None where neither is to be done."""
        profile = self._rules.setting(namespace.name, namespace.labels)
        return None if self._mode is Backfill.OFF or profile == NONE else profile

    def _forget(self, name: str) -> None:
        self._known.pop(name, None)
        self._queue.drop(name)

    def _handle(self, name: str) -> None:
        """Do what is to be done; what fails comes back later."""
        deadline = Deadline.after(SECONDS)
        try:
            namespace = self._cluster.namespace(name, deadline)
            if namespace is None or not self._concerns(namespace):
                self._forget(name)
                return
            self._treat(namespace, deadline)
        except (RefusedError, NotFoundError) as error:
            self._failed(name, error, REFUSED)
            self._complain(name, error)
        except ClusterError as error:
            self._failed(name, error, TRANSIENT)
        except Exception as error:
            logger.exception("backfill failed", extra={"namespace": name})
            self._failed(name, error, REFUSED)
        else:
            self._queue.succeeded(name)

    def _treat(self, namespace: Namespace, deadline: Deadline) -> None:
        profile = self._wanted(namespace)
        if profile is None:
            self._write(namespace, None, deadline)
            return
        if not self._rules.knows(profile):
            raise RefusedError(f'there is no profile "{profile}"')
        if self._mode is Backfill.ENFORCE:
            self._adopt(namespace, profile, deadline)
        else:
            pods = self._pods(namespace.name, deadline)
            standing = self._cluster.standing(namespace.name, deadline)
            told = self._told(namespace.name, profile, pods, standing)
            self._write(namespace, told, deadline)
            self._metrics.backfilled.labels("reported").inc()

    def _pods(self, name: str, deadline: Deadline) -> Sequence[PodObject] | None:
        """The Pods of a namespace, None where they are too many."""
        try:
            return self._cluster.pods_of(name, MAX_PODS, deadline)
        except TooManyError:
            return None

    def _told(
        self,
        name: str,
        profile: str,
        pods: Sequence[PodObject] | None,
        standing: Sequence[StandingPolicy],
    ) -> str:
        """What the profile cuts off, in one line."""
        if pods is None:
            return f"{profile}: more than {MAX_PODS:,} pods, not looked into"
        report = surveyed(self._rules, name, profile, pods, standing)
        return one_line(report.short, MAX_REPORT)

    def _write(self, namespace: Namespace, report: str | None, deadline: Deadline) -> None:
        """Note the report on the Namespace, unless it stands there already."""
        marks = replace(namespace.marks, report=report, reason=None)
        if namespace.marks != marks:
            self._cluster.mark(namespace, marks, deadline)

    def _adopt(self, namespace: Namespace, profile: str, deadline: Deadline) -> None:
        pods = self._pods(namespace.name, deadline)
        done = self._sealer.tend(namespace.name, deadline)
        if done is None or done.plan.reason is not Reason.ADOPTED:
            return  # gone, or adopted meanwhile
        told = self._told(namespace.name, profile, pods, done.before)
        self._recorder.seal("controller", Reason.ADOPTED)
        self._metrics.backfilled.labels("adopted").inc()
        logger.info("namespace adopted", extra={"namespace": namespace.name, "report": told})
        message = (
            f"default deny applied to a namespace older than Portcullis; pods cut off by {told}; "
            "allow what they need by NetworkPolicies of your own, which add up"
        )
        self._tell(namespace.name, namespace.uid, "Normal", "Adopted", message)

    def _failed(self, name: str, error: Exception, backoff: Backoff) -> None:
        pause = self._queue.retry(name, backoff)
        self._metrics.errors.labels(cause_of(error)).inc()
        fields = {"namespace": name, "error": str(error), "retry_seconds": round(pause, 1)}
        logger.warning("older namespace not done", extra=fields)

    def _complain(self, name: str, error: ClusterError) -> None:
        """Tell people why a namespace was not adopted, or has no report."""
        self._metrics.backfilled.labels("refused").inc()
        try:
            self._sealer.complain(name, str(error), Deadline.after(SECONDS))
        except ClusterError as failure:
            fields = {"namespace": name, "error": str(failure)}
            logger.warning("the reason could not be written", extra=fields)
        self._tell(name, "", "Warning", "AdoptionRefused", f"not adopted: {error}")

    def _tell(
        self, name: str, uid: str, kind: Literal["Normal", "Warning"], reason: str, message: str
    ) -> None:
        about = ObjectReference("v1", "Namespace", "", name, uid)
        self._events.record(Event(about, kind, reason, message))
