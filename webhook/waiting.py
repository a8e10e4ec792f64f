"""A thread tells that it is about to wait for somebody else, such as the API server.

Whoever schedules threads may then let another do what this one did; `webhook.server.crew` does.
Where nobody listens it is told to nobody.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_listeners: list[Callable[[], None]] = []


def tell(listener: Callable[[], None]) -> None:
    """Have a function called, in the thread that is about to wait, before each wait."""
    _listeners.append(listener)


def begins() -> None:
    """The calling thread is about to wait."""
    for listener in _listeners:
        listener()


@contextmanager
def holding(lock: threading.Lock) -> Iterator[None]:
    """Hold a lock under which others wait for somebody; tells so where one of them has it."""
    if not lock.acquire(blocking=False):
        begins()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
