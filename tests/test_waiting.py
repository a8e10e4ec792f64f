"""Whoever is about to wait for another thread says so, and nobody else does."""

import threading

import pytest

from webhook import waiting


@pytest.fixture
def told(monkeypatch) -> list[int]:
    """The threads that said it."""
    found: list[int] = []
    monkeypatch.setattr(waiting, "_listeners", [lambda: found.append(threading.get_ident())])
    return found


def test_a_lock_that_is_free_is_taken_in_silence(told) -> None:
    """The lead is passed on for a wait alone: it costs more than most reviews."""
    lock = threading.Lock()
    with waiting.holding(lock):
        assert lock.locked()

    assert (told, lock.locked()) == ([], False)


def test_a_lock_that_another_thread_holds_is_waited_for_aloud(told) -> None:
    """Its holder may be waiting for the API server, and answers that are ready for nobody."""
    lock, spoken = threading.Lock(), threading.Event()
    waiting.tell(spoken.set)
    lock.acquire()

    def follow() -> None:
        with waiting.holding(lock):
            pass

    follower = threading.Thread(target=follow)
    follower.start()
    assert spoken.wait(10)
    lock.release()
    follower.join()

    assert (told, lock.locked()) == ([follower.ident], False)


def test_an_error_leaves_the_lock_free(told) -> None:
    """As with any other way to hold one."""
    lock = threading.Lock()
    with pytest.raises(KeyError), waiting.holding(lock):
        raise KeyError

    assert (told, lock.locked()) == ([], False)
