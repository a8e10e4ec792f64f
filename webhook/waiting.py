"""A thread tells that it is about to wait for somebody else, such as the API server.

Whoever schedules threads may then let another do what this one did; `webhook.server.crew` does.
Where nobody listens it is told to nobody.
"""

from collections.abc import Callable

_listeners: list[Callable[[], None]] = []


def tell(listener: Callable[[], None]) -> None:
    """Have a function called, in the thread that is about to wait, before each wait."""
    _listeners.append(listener)


def begins() -> None:
    """The calling thread is about to wait."""
    for listener in _listeners:
        listener()
