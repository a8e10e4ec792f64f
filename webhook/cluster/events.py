"""Writes ``v1`` Events in the background: never in the way of a review, never an error.

What cannot be written, or is too much (`webhook.cluster.event_limits`), is dropped and counted. The
same Event within ten minutes is counted on the one that stands, as client-go's correlator does
(k8s.io/client-go/tools/record/events_cache.go).
"""

import logging
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from webhook.cluster.client import Api, resource_path
from webhook.cluster.event_limits import EventLimits
from webhook.deadline import Deadline
from webhook.errors import ClusterError
from webhook.interfaces import Event
from webhook.model.text import one_line

CAPACITY = 1000
"""Events that wait at most; with messages of 1 KiB this is a megabyte."""
WINDOW = 600.0
"""Seconds within which the same Event is counted instead of written anew."""
REMEMBERED = 500
"""Events whose repetition is recognised, the latest ones."""
INTERVAL = 0.05
"""Seconds between two writes: at most 20 a second, whatever happens in the cluster."""
WRITE_SECONDS = 5.0
MAX_MESSAGE = 1024
"""Longest message that the API server takes (k8s.io/kubernetes/pkg/apis/core/validation)."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Series:
    """An Event and its repetitions."""

    name: str
    first: datetime
    since: float
    count: int = 1


class EventWriter:
    """A bounded queue and the one thread that empties it.

    The thread starts with the first Event, so that a process may fork before it.

    Args:
        api: where to write.
        component: who reports, for `kubectl describe`.
        instance: which replica reports.
        capacity: Events that wait; more are dropped.
        clock: monotonic seconds.
        interval: seconds between two writes.
        count: told what became of each Event: ``written``, ``limited``, ``full`` or ``failed``.
    """

    def __init__(
        self,
        api: Api,
        *,
        component: str = "portcullis",
        instance: str = "",
        capacity: int = CAPACITY,
        clock: Callable[[], float] = time.monotonic,
        interval: float = INTERVAL,
        count: Callable[[str], None] = lambda _outcome: None,
    ) -> None:
        self._api = api
        self._component = component
        self._instance = instance or component
        self._clock = clock
        self._interval = interval
        self._count = count
        self._limits = EventLimits(clock)
        self._queue: queue.Queue[Event | None] = queue.Queue(capacity)
        self._series: OrderedDict[Event, _Series] = OrderedDict()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def record(self, event: Event) -> None:
        """Queue an Event, or drop it if there are too many."""
        self._start()
        with self._lock:
            admitted = self._limits.admit(event.about)
        if not admitted:
            self._drop(event, "limited", "too many Events")
            return
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self._drop(event, "full", "too many Events wait")

    def close(self, seconds: float = 2.0) -> None:
        """Write what waits, for so long at most."""
        if self._thread is None:
            return
        try:
            self._queue.put(None, timeout=seconds)
        except queue.Full:
            return
        self._thread.join(seconds)

    def _start(self) -> None:
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while (event := self._queue.get()) is not None:
            try:
                self._write(event)
                self._count("written")
            except ClusterError as error:
                self._drop(event, "failed", str(error))
            except Exception:
                logger.exception("an Event was lost", extra={"reason": event.reason})
                self._count("failed")
            time.sleep(self._interval)

    def _write(self, event: Event) -> None:
        """Apply, so that the first writing and each counting are the same request."""
        series = self._counted(event)
        namespace = event.about.namespace or "default"
        body = _manifest(event, series, datetime.now(UTC), self._component, self._instance)
        path = resource_path("api", "v1", "namespaces", namespace, "events", series.name)
        self._api.apply(path, body, Deadline.after(WRITE_SECONDS), manager=self._component)

    def _counted(self, event: Event) -> _Series:
        """The series that an Event continues, or begins."""
        clock = self._clock()
        series = self._series.pop(event, None)
        if series is None or clock - series.since >= WINDOW:
            series = _Series(_name(event, self._instance), datetime.now(UTC), clock)
        else:
            series.count += 1
        self._series[event] = series
        if len(self._series) > REMEMBERED:
            self._series.popitem(last=False)
        return series

    def _drop(self, event: Event, outcome: str, why: str) -> None:
        self.dropped += 1
        self._count(outcome)
        fields = {"reason": event.reason, "about": event.about.name, "error": why}
        # What is dropped because there is too much must not fill the log instead.
        logger.log(
            logging.WARNING if outcome == "failed" else logging.DEBUG, "Event dropped", extra=fields
        )


def _name(event: Event, instance: str) -> str:
    """Unique as client-go's: the object's name and a time in nanoseconds, and of one replica."""
    salt = time.time_ns() ^ (hash(instance) & 0xFFFF_FFFF)
    return f"{event.about.name[:200]}.{salt:x}"


def _manifest(
    event: Event, series: _Series, now: datetime, component: str, instance: str
) -> Mapping[str, Any]:
    """A ``v1`` Event; ``eventTime`` stays unset, so it is validated by the older rules.

    Source: k8s.io/kubernetes/pkg/apis/core/validation/events.go: the namespace must be that of the
    object, ``default`` for a cluster-scoped one.
    """
    about = event.about
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": series.name, "namespace": about.namespace or "default"},
        "involvedObject": {
            "apiVersion": about.api_version,
            "kind": about.kind,
            "name": about.name,
            **({"namespace": about.namespace} if about.namespace else {}),
            **({"uid": about.uid} if about.uid else {}),
        },
        "type": event.type,
        "reason": event.reason,
        "message": one_line(event.message, MAX_MESSAGE),
        "source": {"component": component},
        "reportingComponent": component,
        "reportingInstance": instance,
        "firstTimestamp": _stamp(series.first),
        "lastTimestamp": _stamp(now),
        "count": series.count,
    }


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
