"""The process: tasks run while it leads, and it ends within seconds."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from certs.rotation import Outcome
from tests.fakes.lock import FakeLock
from webhook.controller import runner as runners
from webhook.controller.certificates import CertificateKeeper
from webhook.controller.elector import Elector, Timing
from webhook.controller.metrics import ControllerMetrics
from webhook.controller.runner import Runner, Task, patiently
from webhook.errors import UnavailableError
from webhook.model.objects import ObjectMeta
from webhook.stop import Stop

TIMING = Timing(0.6, 0.4, 0.05)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.005)


def tasks() -> int:
    """Threads that run one; a server of another test may still end its own."""
    return sum(each.name == "task" for each in threading.enumerate())


class Process:
    """A runner in a thread."""

    def __init__(self, lock: FakeLock, task: Task, grace: float = 2.0) -> None:
        self.registry = CollectorRegistry()
        metrics = ControllerMetrics(self.registry)
        elector = Elector(lock, "one", TIMING)
        self.runner = Runner(elector, {"task": task}, metrics, grace=grace)
        self.stop = Stop()
        self.codes: list[int] = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self.codes.append(self.runner.run(self.stop))

    def end(self) -> int:
        """Stop it; its exit code."""
        self.stop.set()
        self.thread.join(5)
        return self.codes[0]

    @property
    def leads(self) -> bool:
        """As the metrics say."""
        return self.registry.get_sample_value("portcullis_controller_leader") == 1


class Counted:
    """A task that counts its runs."""

    def __init__(self) -> None:
        self.begun = self.ended = 0

    def __call__(self, stop: Stop) -> None:
        """Run."""
        self.begun += 1
        stop.wait()
        self.ended += 1


def test_a_lost_lease_ends_the_tasks_and_a_regained_one_starts_them_anew() -> None:
    """In the same process, and without leaving threads behind."""
    server, task = FakeLock(), Counted()
    process = Process(server, task)
    until(lambda: task.begun == 1)
    threads = tasks()
    server.away = True
    until(lambda: task.ended == 1 and not process.leads)
    server.away = False
    until(lambda: task.begun == 2 and process.leads)

    assert tasks() == threads
    assert process.end() == 0
    assert task.ended == 2
    assert server.record is not None
    assert server.record.holder == ""


def test_some_tasks_do_not_wait_to_be_elected() -> None:
    """Certificates are kept by every replica; such a task ends with the process."""
    task = Counted()
    lock = FakeLock()
    lock.away = True
    elector = Elector(lock, "one", TIMING)
    runner = Runner(
        elector, {}, ControllerMetrics(CollectorRegistry()), always={"always": task}, grace=2.0
    )
    stop, codes = Stop(), list[int]()
    thread = threading.Thread(target=lambda: codes.append(runner.run(stop)), daemon=True)
    thread.start()
    until(lambda: task.begun)
    stop.set()
    thread.join(5)

    assert (task.begun, task.ended, codes) == (1, 1, [0])


def test_it_waits_for_an_api_server_that_is_away_at_the_start() -> None:
    """It neither leads nor ends, and is healthy."""
    server, task = FakeLock(), Counted()
    server.away = True
    process = Process(server, task)
    time.sleep(0.2)

    assert task.begun == 0
    assert process.thread.is_alive()
    assert process.runner.ailment() is None
    assert process.end() == 0


def test_a_task_that_fails_gives_the_process_up() -> None:
    """Exit code 1, so that it is restarted, and the lease is given back first."""

    def task(_stop: Stop) -> None:
        raise ZeroDivisionError

    server = FakeLock()
    process = Process(server, task)
    process.thread.join(5)

    assert process.codes == [1]
    assert server.record is not None
    assert server.record.holder == ""


def test_a_task_that_does_not_end_gives_the_process_up() -> None:
    """A thread that cannot be ended must not go on beside the next leader for long."""
    hold = threading.Event()
    process = Process(FakeLock(), lambda _stop: hold.wait() and None, grace=0.1)
    until(lambda: process.leads)

    assert process.end() == 1
    hold.set()


def test_an_election_that_stands_still_is_an_ailment() -> None:
    """What /healthz tells the kubelet."""
    now = [0.0]
    clock = lambda: now[0]  # noqa: E731
    elector = Elector(FakeLock(), "one", TIMING, clock=clock)
    runner = Runner(elector, {}, ControllerMetrics(CollectorRegistry()), clock=clock)
    assert runner.ailment() is None
    now[0] = runners.STALE_SECONDS + 1

    assert runner.ailment() == "the election has not moved for 61 s"


def test_patience() -> None:
    """A call is repeated until it is answered, or until the process stops."""
    answers: list[Exception | str] = [UnavailableError("away"), "here"]

    def call() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    stop = Stop()

    assert patiently(call, stop, "x", chance=lambda: -0.99) == "here"
    stop.set()
    assert patiently(call, stop, "x") is None


SCRIPT = """
import sys, time
from webhook.controller.runner import run_until_signal
def body(stop):
    print("up", flush=True)
    {body}
    return 0
sys.exit(run_until_signal(body))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_with_0(number: signal.Signals) -> None:
    """At once, where the body heeds the stop."""
    with _start("stop.wait()") as process:
        began = time.monotonic()
        process.send_signal(number)

        assert process.wait(5) == 0
        assert time.monotonic() - began < 3.0  # to end a Python process takes some of that


def test_a_body_that_fails_ends_the_process_with_1() -> None:
    """And says why."""
    with _start("1 / 0") as process:
        _, stderr = process.communicate(timeout=5)

        assert process.returncode == 1
        assert b"ZeroDivisionError" in stderr


def _start(body: str) -> subprocess.Popen[bytes]:
    """A process that runs a body until a signal, once it is up."""
    env = dict(os.environ, PYTHONPATH=str(Path(__file__).parents[2]))
    command = [sys.executable, "-c", SCRIPT.format(body=body)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


class Rotation:
    """Steps as told."""

    def __init__(self, *outcomes: Outcome | Exception) -> None:
        self.outcomes = list(outcomes)
        self.steps = 0

    def step(self) -> Outcome:
        """The next one; the last for ever."""
        self.steps += 1
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def test_the_keeper_steps_when_due_when_woken_and_after_failures() -> None:
    """A failure is tried again, a change is looked at at once, and a stop is not slept through."""
    later = Outcome(datetime.now(UTC) + timedelta(hours=1))
    rotation = Rotation(UnavailableError("away"), Outcome(datetime.now(UTC)), later)
    keeper = CertificateKeeper(rotation, chance=lambda: -0.9)  # type: ignore[arg-type] # a fake
    stop = Stop()
    thread = threading.Thread(target=keeper.run, args=(stop,), daemon=True)
    thread.start()
    until(lambda: rotation.steps == 3)
    time.sleep(0.05)
    assert rotation.steps == 3
    keeper.observe("MODIFIED", ObjectMeta(name="portcullis-ca"))
    until(lambda: rotation.steps == 4)
    stop.set()
    thread.join(5)

    assert not thread.is_alive()
