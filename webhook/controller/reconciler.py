"""Brings each namespace to its plan: from watch events through a queue to the `Sealer`."""

import logging
import time
from collections.abc import Callable

from webhook.backoff import Backoff
from webhook.controller.metrics import ControllerMetrics
from webhook.controller.plan import seal_plan
from webhook.controller.queue import WorkQueue
from webhook.controller.sealer import Sealer
from webhook.deadline import Deadline
from webhook.errors import ClusterError, RefusedError
from webhook.interfaces import Event, Events, ObjectReference
from webhook.metrics import Recorder
from webhook.model.namespace import Namespace
from webhook.model.objects import ObjectMeta
from webhook.stop import Stop

TRANSIENT = Backoff(base=0.25, cap=60.0)
"""For an API server that gave no answer."""
REFUSED = Backoff(base=60.0, cap=900.0)
"""For a refusal, which somebody must lift first: RBAC, quota, a validating policy."""
SECONDS = 10.0
"""For one reconcile: some four requests."""
POLL_SECONDS = 0.5
"""How soon an idle worker notices that it should stop."""

logger = logging.getLogger(__name__)


class Reconciler:
    """Level-triggered, keyed by the namespace's name; thread-safe.

    Args:
        sealer: carries plans out.
        events: where refusals are told.
        recorder: counts seals.
        metrics: counts the rest.
        queue: of names.
        clock: monotonic seconds, for durations.
    """

    def __init__(
        self,
        sealer: Sealer,
        events: Events,
        recorder: Recorder,
        metrics: ControllerMetrics,
        queue: WorkQueue | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sealer = sealer
        self._events = events
        self._recorder = recorder
        self._metrics = metrics
        self._queue = queue if queue is not None else WorkQueue()
        self._clock = clock
        self._uids: dict[str, str] = {}  # of the namespaces that wait; Events are found by it
        metrics.depth.set_function(lambda: len(self._queue))

    def observe(self, kind: str, metadata: ObjectMeta) -> None:
        """Take a watch event: queue a namespace that needs something, forget one that does not.

        The event's metadata decides, so that thousands of sealed namespaces cost no request.
        """
        name = metadata.name
        if kind != "DELETED" and not self._idle(metadata):
            self._uids[name] = metadata.uid
            self._queue.add(name)
        else:
            self._queue.drop(name)
            self._uids.pop(name, None)

    def run(self, stop: Stop) -> None:
        """Work the queue off until told to stop; one call is one worker."""
        while not stop.is_set():
            self.work_one(POLL_SECONDS)

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
            self._queue.done(name)
        return True

    def _idle(self, metadata: ObjectMeta) -> bool:
        return seal_plan(Namespace.of(metadata), self._sealer.rules).idle

    def _reconcile(self, name: str) -> None:
        """Seal; what fails comes back later, what is refused is told to people."""
        try:
            plan = self._sealer.seal(name, Deadline.after(SECONDS))
        except RefusedError as error:
            self._failed(name, error, REFUSED)
            self._tell(name, error)
        except ClusterError as error:
            self._failed(name, error, TRANSIENT)
        except Exception as error:
            logger.exception("reconciling failed", extra={"namespace": name})
            self._failed(name, error, REFUSED)
        else:
            self._queue.succeeded(name)
            if plan is not None and not plan.idle:
                self._recorder.seal("controller", plan.reason)
                fields = {"namespace": name, "seal": plan.mark, "reason": plan.reason}
                logger.info("seal written", extra=fields)

    def _failed(self, name: str, error: Exception, backoff: Backoff) -> None:
        pause = self._queue.retry(name, backoff)
        kind = type(error).__name__
        self._metrics.errors.labels(kind).inc()
        fields = {"namespace": name, "error": str(error), "retry_seconds": round(pause, 1)}
        logger.warning("not sealed yet", extra=fields)

    def _tell(self, name: str, error: RefusedError) -> None:
        about = ObjectReference("v1", "Namespace", "", name, self._uids.get(name, ""))
        message = f"default-deny policies not applied, pods may have to wait: {error}"
        self._events.record(Event(about, "Warning", "SealRefused", message))
