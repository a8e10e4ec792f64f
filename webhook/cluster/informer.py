"""List and watch for ever, metadata only unless told otherwise.

`kubernetes.informer.SharedInformer` (37.0.2) was read and not taken: it asks for whole typed
objects and keeps all of them; after a connection error its loop reconnects without any pause, so
an API server that is away costs a core and floods the log; its watches have no bound in time
unless it resyncs, and no client timeout, so a half-open connection is watched for ever; and
`stop()` joins a thread that waits in a socket.

The order of things is client-go's reflector (k8s.io/client-go/tools/cache/reflector.go): list,
watch from the list's resourceVersion, go on from the last one seen, list anew after 410.
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import msgspec

from webhook.backoff import Backoff
from webhook.cluster.client import JSON, METADATA, METADATA_LIST, Api, Query, Stream
from webhook.cluster.decoding import decode
from webhook.cluster.pages import Page, query_of
from webhook.cluster.status import GoneError, Status, error_of
from webhook.deadline import Deadline
from webhook.errors import ClusterError
from webhook.model.objects import ObjectMeta, PartialObject
from webhook.model.policies import StandingPolicy
from webhook.stop import Stop

WATCHED_PAGE = 150
"""Objects to a page of what is kept; the 500 of other lists took 2 MiB that never went back."""
LIST_SECONDS = 10.0
"""For one page."""
WATCH_SECONDS = (240, 300)
"""Life of one watch, drawn between the two, so that replicas do not come back together."""
GRACE_SECONDS = 15.0
"""How much longer than the watch's life a silent peer is believed."""
HEALTHY_SECONDS = 30.0
"""A watch that lived so long has shown that failures before it are over."""
BACKOFF = Backoff(base=0.5, cap=30.0)

Handler = Callable[[str, ObjectMeta], None]
"""Takes ADDED, MODIFIED or DELETED, and the object's metadata."""

logger = logging.getLogger(__name__)


class Versioned(Protocol):
    """Metadata, as far as watching needs them."""

    @property
    def resource_version(self) -> str:
        """Where to go on from."""


class Watched(Protocol):
    """An object that can be watched."""

    @property
    def metadata(self) -> Versioned:
        """Its metadata."""


Item = TypeVar("Item", bound=Watched)


class _WatchEvent(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


class Form(msgspec.Struct, Generic[Item], frozen=True):
    """What of the objects is asked for.

    Args:
        page: reads a page of a list.
        object: reads one object.
        accept: media type of one object.
        accept_list: media type of a list.
    """

    page: "msgspec.json.Decoder[Page[Item]]"
    object: "msgspec.json.Decoder[Item]"
    accept: str = JSON
    accept_list: str = JSON


PARTIAL: Form[PartialObject] = Form(
    msgspec.json.Decoder(Page[PartialObject]),
    msgspec.json.Decoder(PartialObject),
    METADATA,
    METADATA_LIST,
)
"""Metadata alone."""
POLICIES: Form[StandingPolicy] = Form(
    msgspec.json.Decoder(Page[StandingPolicy]), msgspec.json.Decoder(StandingPolicy)
)
"""NetworkPolicies with their specs: there is no other certain way to see that one was edited."""

_event = msgspec.json.Decoder(_WatchEvent)
_status = msgspec.json.Decoder(Status)


def _nothing() -> None:
    return None


def _ignore(_cause: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Subscription(Generic[Item]):
    """What is watched, and who is told.

    Args:
        path: of the collection.
        form: what of the objects is asked for.
        handler: called on the informer's thread, one event after the other; must not block long.
        began: called before the first object of a list is told.
        listed: called after the last one.
        selector: ``fieldSelector`` or ``labelSelector``.
    """

    path: str
    form: Form[Item]
    handler: Callable[[str, Item], None]
    began: Callable[[], None] = _nothing
    listed: Callable[[], None] = _nothing
    selector: Query = field(default_factory=dict)


class ObjectInformer(Generic[Item]):
    """Tells a handler of every object of a collection and of its changes.

    It keeps no objects, so what was deleted between a watch that broke and the list after it is
    not told: the consumer compares levels, not edges. Each list tells all objects as ADDED, at the
    start, after 410, and every `resync` seconds; what is not told between `began` and `listed` is
    not there any more.

    Args:
        api: may list and watch the collection.
        subscription: which, and for whom.
        resync: seconds after which all is listed again, once the present watch has ended.
        clock: monotonic seconds.
        chance: draws from 0 to 1.
        ended: told why each watch ended: ``expired``, ``failed`` or ``gone``.
    """

    def __init__(
        self,
        api: Api,
        subscription: Subscription[Item],
        *,
        resync: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        ended: Callable[[str], None] = _ignore,
    ) -> None:
        self._api = api
        self._of = subscription
        self._resync = resync
        self._clock = clock
        self._chance = chance
        self._ended = ended
        self._version = ""
        self._listed_at = 0.0
        self._failures = 0

    def run(self, stop: Stop) -> None:
        """List and watch until told to stop; failures of the API server are waited out."""
        self._version, self._failures = "", 0
        while not stop.is_set():
            started = self._clock()
            error, cause = self._attempt(stop)
            if not stop.is_set():
                self._ended(cause)
            lived = self._clock() - started
            if error is None and lived >= 1.0:
                self._failures = 0
                continue
            # A watch that ends at once, though politely, must not be repeated at once.
            self._failures = 1 if lived >= HEALTHY_SECONDS else self._failures + 1
            pause = BACKOFF.pause(self._failures, self._chance())
            if error is not None and not stop.is_set():
                self._tell(error, pause)
            stop.wait(pause)

    def _attempt(self, stop: Stop) -> tuple[ClusterError | None, str]:
        """List if need be, and watch once; what went wrong, and why the watch ended."""
        try:
            if not self._version or self._clock() - self._listed_at >= self._resync:
                self._list(stop)
            self._watch(stop)
        except GoneError:
            logger.info("the watch's history is gone, listing anew", extra={"path": self._of.path})
            self._version = ""
            return None, "gone"
        except ClusterError as error:
            return error, "failed"
        return None, "expired"

    def _list(self, stop: Stop) -> None:
        """List in pages, consistently.

        Not from resourceVersion "0", which a reflector uses: it ignores the page size, so all
        comes at once, and a lagging API server would show an older world than the one seen.
        """
        token = ""
        self._of.began()
        while not stop.is_set():
            query = query_of(self._of.selector, WATCHED_PAGE, token)
            deadline = Deadline.after(LIST_SECONDS)
            accept = self._of.form.accept_list
            raw = self._api.get(self._of.path, deadline, query=query, accept=accept)
            page = decode(self._of.form.page, raw)
            for item in page.items or ():
                self._of.handler("ADDED", item)
            token = page.metadata.token
            if not token:
                self._of.listed()
                self._version = page.metadata.resource_version
                self._listed_at = self._clock()
                return

    def _watch(self, stop: Stop) -> None:
        if stop.is_set():
            return
        shortest, longest = WATCH_SECONDS
        seconds = int(shortest + (longest - shortest) * self._chance())
        query: Query = {
            **self._of.selector,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": seconds,
        }
        with (
            self._api.stream(
                self._of.path,
                query=query,
                accept=self._of.form.accept,
                connect=LIST_SECONDS,
                silence=seconds + GRACE_SECONDS,
            ) as stream,
            stop.interrupting(stream.interrupt),
        ):
            self._follow(stream, stop)

    def _follow(self, stream: Stream, stop: Stop) -> None:
        for line in stream.lines():
            if stop.is_set():
                return
            event = decode(_event, line)
            if event.type == "ERROR":
                status = decode(_status, bytes(event.object))
                raise error_of(status.code, bytes(event.object))
            item = decode(self._of.form.object, bytes(event.object))
            if event.type != "BOOKMARK":
                self._of.handler(event.type, item)
            self._version = item.metadata.resource_version

    def _tell(self, error: ClusterError, pause: float) -> None:
        fields = {"path": self._of.path, "error": str(error), "retry_seconds": round(pause, 1)}
        logger.warning("cannot watch, will try again", extra=fields)


class Informer(ObjectInformer[PartialObject]):
    """Tells a handler of metadata.

    Args:
        api: as above.
        path: of the collection.
        handler: takes the kind of event and the metadata.
        selector: ``fieldSelector`` or ``labelSelector``.
        resync: as above.
        chance: as above.
        ended: as above.
    """

    def __init__(
        self,
        api: Api,
        path: str,
        handler: Handler,
        *,
        selector: Query | None = None,
        resync: float = 600.0,
        chance: Callable[[], float] = random.random,
        ended: Callable[[str], None] = _ignore,
    ) -> None:
        def tell(kind: str, item: PartialObject) -> None:
            handler(kind, item.metadata)

        subscription = Subscription(path, PARTIAL, tell, selector=selector or {})
        super().__init__(api, subscription, resync=resync, chance=chance, ended=ended)
