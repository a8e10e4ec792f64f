"""The threads that look after sockets."""

from webhook.rationed import TRACEBACKS
from webhook.server.crew import Crew

SECONDS = 10.0


class Broken:
    """Stands for a reactor with a bug that is met at each look, until it comes to its end."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def take(self, _may_serve):
        self.looks -= 1
        if self.looks >= 0:
            raise ZeroDivisionError


def test_a_bug_at_every_look_neither_ends_the_leader_nor_fills_the_log(caplog) -> None:
    """It goes on, in case the next look is better, and says so a few times a minute."""
    crew = Crew(Broken(3 * TRACEBACKS), None, concurrent=1)
    crew.start()

    assert crew.over.wait(SECONDS)
    told = [it for it in caplog.records if "sockets" in it.message]
    assert TRACEBACKS == len(told)
    assert all(it.exc_info for it in told)
