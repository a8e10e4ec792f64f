"""How many Events may be written: a token bucket for each object, and one for all.

Events live in etcd for an hour, whoever caused them. client-go bounds them by object alone
(k8s.io/client-go/tools/record/events_cache.go, EventSourceObjectSpamFilter: 25 at once, then one
in five minutes); as objects can be made at will, there is a bound on the whole beside it.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from webhook.interfaces import ObjectReference

OBJECT_BURST, OBJECT_RATE = 25.0, 1 / 300
"""Events of one object at once, and a second from then on."""
BURST, RATE = 100.0, 2.0
"""Events of all objects at once, and a second from then on."""
REMEMBERED = 500
"""Objects whose bucket is kept, the latest ones; an object beyond begins anew."""


@dataclass(slots=True)
class Bucket:
    """Holds up to `burst` tokens, and gains `rate` a second.

    Args:
        tokens: that it holds.
        since: monotonic seconds when it held them.
    """

    burst: float
    rate: float
    tokens: float
    since: float

    def refill(self, now: float) -> bool:
        """Add what time has brought; whether a token is there."""
        self.tokens = min(self.burst, self.tokens + (now - self.since) * self.rate)
        self.since = now
        return self.tokens >= 1


class EventLimits:
    """Tells whether one more Event may be written; not thread-safe.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._all = Bucket(BURST, RATE, BURST, clock())
        self._objects: OrderedDict[ObjectReference, Bucket] = OrderedDict()

    def admit(self, about: ObjectReference) -> bool:
        """Take a token of the object and one of all, or none if either has none."""
        now = self._clock()
        bucket = self._objects.pop(about, None)
        if bucket is None:
            bucket = Bucket(OBJECT_BURST, OBJECT_RATE, OBJECT_BURST, now)
        self._objects[about] = bucket
        if len(self._objects) > REMEMBERED:
            self._objects.popitem(last=False)
        # Both are refilled, whichever is empty.
        if not all([bucket.refill(now), self._all.refill(now)]):
            return False
        bucket.tokens -= 1
        self._all.tokens -= 1
        return True
