"""A stop reaches everybody, once."""

import threading

from webhook.stop import Stop


def test_interrupts_are_called_while_they_are_registered() -> None:
    """Before the stop they wait, after it they are called at once, and never twice."""
    stop, called = Stop(), list[str]()
    with stop.interrupting(lambda: called.append("over")):
        pass
    with stop.interrupting(lambda: called.append("blocked")):
        stop.set()
        stop.set()
    with stop.interrupting(lambda: called.append("late")):
        pass

    assert called == ["blocked", "late"]
    assert stop.is_set()


def test_an_interrupt_that_fails_does_not_keep_the_others() -> None:
    """What it would wake may have ended by itself."""
    stop, woken = Stop(), threading.Event()

    def fail() -> None:
        raise RuntimeError

    with stop.interrupting(fail), stop.interrupting(woken.set):
        stop.set()

    assert woken.is_set()
