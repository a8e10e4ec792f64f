"""Who accepts a connection, when several workers could."""

import errno
import selectors
import socket

import pytest

from webhook.server.census import Census
from webhook.server.door import COURTESY_SECONDS, EXHAUSTED_SECONDS, Door


class Worker:
    """A door on a shared listener, and what came in by it."""

    def __init__(self, listener: socket.socket, census: Census) -> None:
        self.selector = selectors.DefaultSelector()
        self.census, self.place = census, census.enter()
        self.let_in: list[socket.socket] = []
        self.door = Door([listener], self.selector, census, self.place, self.admit)
        self.door.open()

    def admit(self, accepted: socket.socket, _peer: str, _now: float) -> None:
        self.let_in.append(accepted)
        self.census.report(self.place, len(self.let_in))

    def look(self, now: float) -> None:
        """A turn of the reactor."""
        if now >= self.door.opens_at:
            self.door.open()
        for key, mask in self.selector.select(0):
            key.data(mask, now)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.fixture
def knock(listener):
    """Have a client connect."""
    clients = []

    def connect() -> None:
        clients.append(socket.create_connection(listener.getsockname()))

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def workers(listener):
    census = Census(4)
    made = [Worker(listener.dup(), census) for _ in range(2)]
    yield made
    for worker in made:
        worker.door.close()
        worker.selector.close()
        for accepted in worker.let_in:
            accepted.close()


def test_connections_are_spread_one_by_one(knock, workers) -> None:
    """Whoever looks first, each of two workers gets half of eight."""
    for number in range(8):
        knock()
        for worker in workers:
            worker.look(float(number))

    assert [len(worker.let_in) for worker in workers] == [4, 4]


def test_a_busy_worker_is_waited_for_a_moment(knock, workers) -> None:
    """Then the other takes what is there: the client must not pay for fairness."""
    eager = workers[0]
    for _ in range(2):
        knock()
        eager.look(0.0)
    during = len(eager.let_in)
    eager.look(COURTESY_SECONDS)

    assert during == 1
    assert len(eager.let_in) == 2


def test_a_worker_that_leaves_is_not_waited_for(knock, workers) -> None:
    """Its place in the census is free, and its door is shut."""
    workers[1].door.close()
    for _ in range(3):
        knock()
    workers[0].look(0.0)

    assert len(workers[0].let_in) == 3


class Exhausted(socket.socket):
    """A listener that the system gives no descriptor for."""

    def accept(self):
        raise OSError(errno.EMFILE, "too many open files")


def test_without_descriptors_nothing_is_accepted_for_a_while() -> None:
    """The selector would tell of the same client again and again."""
    with Exhausted() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        worker = Worker(listener, Census(1))
        with socket.create_connection(listener.getsockname()):
            worker.look(0.0)
            shut = worker.door.opens_at
            told = worker.selector.select(0)
        worker.door.close()
        worker.selector.close()

    assert shut == EXHAUSTED_SECONDS
    assert told == []
