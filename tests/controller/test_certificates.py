"""The controller's care for certificates: when it looks, whatever the clocks do."""

import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from certs.reason import Decision, Reason
from certs.renewal import Step
from certs.rotation import Action, Outcome
from webhook.controller import certificates
from webhook.controller.certificates import CertificateKeeper
from webhook.errors import UnavailableError
from webhook.model.objects import ObjectMeta
from webhook.stop import Stop

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Steps:
    """Steps that are counted; each asks to be called again in an hour."""

    def __init__(self) -> None:
        self.now = START
        self.taken = 0
        self.changed = threading.Condition()
        self.outcome = lambda: Outcome(self.now + HOUR)

    def step(self) -> Outcome:
        with self.changed:
            self.taken += 1
            try:
                # Before anybody is told: a test that then sets the clock must not change it.
                return self.outcome()
            finally:
                self.changed.notify_all()

    def wait_for(self, taken: int, timeout: float = 10) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: self.taken >= taken, timeout)


@pytest.fixture
def steps(monkeypatch):
    """A keeper looks at the wall clock a hundred times a second, so that no test waits."""
    monkeypatch.setattr(certificates, "LOOK_SECONDS", 0.01)
    return Steps()


@contextmanager
def running(keeper: CertificateKeeper):
    """Have a keeper run, until its end."""
    stop = Stop()
    thread = threading.Thread(target=keeper.run, args=[stop])
    thread.start()
    try:
        yield keeper
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def keeper(steps):
    """A keeper that runs, and has taken its first step."""
    with running(CertificateKeeper(steps, clock=lambda: steps.now, chance=lambda: 0.0)) as made:
        assert steps.wait_for(1)
        yield made


@pytest.mark.parametrize(
    "jump",
    [
        pytest.param(HOUR, id="due"),
        pytest.param(timedelta(days=30), id="a-month-of-suspension"),
        pytest.param(timedelta(days=-30), id="set-back-a-month"),
    ],
)
def test_the_wall_clock_wakes_it(steps, keeper, jump) -> None:
    """Not the timer that it sleeps by, which stands still while the machine is suspended."""
    steps.now += jump

    assert steps.wait_for(2)


def test_a_clock_that_is_set_back_during_a_step_wakes_it_too(steps) -> None:
    """It would otherwise sleep by as much longer as the clock was set back."""
    outcome = steps.outcome

    def set_back() -> Outcome:
        steps.outcome = outcome
        due = outcome()
        steps.now -= timedelta(days=30)
        return due

    steps.outcome = set_back
    with running(CertificateKeeper(steps, clock=lambda: steps.now)):
        assert steps.wait_for(2)


def test_it_sleeps_while_nothing_is_due(steps, keeper) -> None:
    """Looking at the clock asks nobody."""
    steps.now += HOUR / 2
    time.sleep(0.2)

    assert steps.taken == 1


def test_a_change_wakes_it_at_once(steps, keeper) -> None:
    """A watch event of the Secret or of a webhook configuration."""
    keeper.observe("MODIFIED", ObjectMeta(name="portcullis-ca"))

    assert steps.wait_for(2)


def test_failures_are_tried_again_and_told(steps, keeper, caplog) -> None:
    """An API server that is away is waited for."""

    def away() -> Outcome:
        raise UnavailableError("the API server is away")

    steps.outcome = away
    keeper.observe("MODIFIED", ObjectMeta())
    assert steps.wait_for(2)
    # More than once: the keeper may look at the clock only after the first time.
    for _ in range(50):
        steps.now += timedelta(seconds=40)
        if steps.wait_for(3, timeout=0.2):
            break

    assert steps.wait_for(3, timeout=0)
    assert "certificates could not be looked after" in caplog.text


def test_a_refusal_is_told_once_and_its_end_too(caplog) -> None:
    """A foreign Secret is looked at every minute; the log has one line of it."""
    caplog.set_level("INFO")
    steps = Steps()
    foreign = Outcome(START + HOUR, refused=Decision(Reason.FOREIGN, "not ours"))
    issued = Action(Step.ISSUE, Decision(Reason.MISSING, "issuing an authority"))
    well = Outcome(START + HOUR, (issued,), expires=START + 24 * HOUR)
    ends: list[datetime] = []
    keeper = CertificateKeeper(steps, clock=lambda: START, expires=ends.append)
    for outcome in (foreign, foreign, well, well):
        steps.outcome = lambda outcome=outcome: outcome
        keeper._step()

    assert [
        ("ERROR", "not ours"),
        ("INFO", "issuing an authority"),
        ("INFO", "certificates are looked after again"),
        ("INFO", "issuing an authority"),
    ] == [(record.levelname, record.message) for record in caplog.records]
    assert ends == [START + 24 * HOUR] * 2


def test_what_comes_afterwards_is_done_at_each_look_and_fails_like_a_step(steps, caplog) -> None:
    """Nobody owns a caBundle, also one that a replica of the last release wrote meanwhile."""
    outcomes = iter([None, UnavailableError("away"), None])
    done: list[str] = []

    def afterwards() -> None:
        done.append("looked")
        failure = next(outcomes)
        if failure:
            raise failure

    keeper = CertificateKeeper(steps, clock=lambda: START, afterwards=afterwards)
    with caplog.at_level("WARNING"):
        for _ in range(3):
            keeper._step()

    assert done == ["looked"] * 3
    assert ["certificates could not be looked after"] == [it.message for it in caplog.records]
