"""A worker's way to the first review."""

import pytest

from webhook.errors import UnavailableError
from webhook.replica import Parts, Replica
from webhook.server.lifecycle import State


class Leaf:
    """A certificate that comes when it is told to."""

    def __init__(self) -> None:
        self.pair = None

    def current(self):
        return self.pair

    def refresh(self):
        return self.pair


@pytest.fixture
def leaf() -> Leaf:
    """No certificate yet."""
    return Leaf()


def test_it_waits_for_each_part_in_turn(leaf) -> None:
    """The API server, then the certificate; /readyz tells which, and nothing crashes."""
    answers = [UnavailableError("the API server is away"), Parts(leaf, object)]

    def connect():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    replica = Replica(connect)
    seen = []
    for prepare in (None, None, lambda: setattr(leaf, "pair", "a certificate")):
        if prepare:
            prepare()
        seen.append((replica.step(), replica.lifecycle.state, replica.lifecycle.reason))

    assert seen == [
        (False, State.WARMING, "the API server is away"),
        (False, State.WARMING, "waiting for the certificate authority"),
        (True, State.SERVING, ""),
    ]
    assert replica.current() == "a certificate"


def test_a_bug_is_logged_and_tried_again(leaf, caplog) -> None:
    """What nobody foresaw keeps the replica waiting; its detail is in the log alone."""

    def connect():
        raise ZeroDivisionError("secret detail")

    replica = Replica(connect)

    assert not replica.step()
    assert replica.lifecycle.reason == "internal error, see the log"
    assert "secret detail" in caplog.text


def test_it_stays_ready_when_the_api_server_goes(leaf) -> None:
    """A leaf that cannot be renewed for now is served on; readiness does not flap."""
    leaf.pair = "a certificate"
    replica = Replica(lambda: Parts(leaf, object))
    replica.step()

    def away():
        raise UnavailableError("the API server is away")

    leaf.refresh = away

    assert not replica.step()
    assert replica.lifecycle.state is State.SERVING
