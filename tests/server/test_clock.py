"""The real server while the wall clock jumps: a month forth, a month back, an expired CA at start.

`clock.c` moves the clock of the server's processes, OpenSSL's included, and that of the client that
judges them. Their monotonic clocks go on, as those of a machine whose clock was set, or whose time
stood still while it was suspended.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.server.test_gunicorn import ROOT, Server, ask, await_workers, running

COMPILER = shutil.which("cc")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler for clock.c")

LIMIT = 40
"""Seconds in which it must have recovered; a look at the clock is taken every five."""

CLIENT = """
import http.client, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
for _ in range(8):
    server = http.client.HTTPSConnection("localhost", int(sys.argv[1]), context=context, timeout=5)
    server.request("GET", "/readyz")
    if server.getresponse().status != 200:
        sys.exit(1)
    server.close()
"""


class Time:
    """The clock of whatever is started with its environment."""

    def __init__(self, folder: Path) -> None:
        self._file, library = folder / "offset", folder / "clock.so"
        self.set(0)
        source = Path(__file__).with_name("clock.c")
        subprocess.run(
            [COMPILER, "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source],
            check=True,
        )
        self.environment = {
            "LD_PRELOAD": str(library),
            "PORTCULLIS_TEST_CLOCK": str(self._file),
        }

    def set(self, days: int) -> None:
        """Move the clock so many days from the true time."""
        self._file.write_text(f"{days * 86_400}\n")


def accepted(server: Server, moved: Time) -> bool:
    """Whether a client of the same time verifies every worker, and is told that it is ready."""
    trust = str(server.log.with_name("ca.crt"))
    argv = [sys.executable, "-c", CLIENT, str(server.port), trust]
    environment = os.environ | moved.environment
    return subprocess.run(argv, env=environment, capture_output=True, check=False).returncode == 0


def recovery(server: Server, moved: Time) -> float:
    """Seconds until every worker is accepted."""
    began = time.monotonic()
    while not accepted(server, moved):
        assert time.monotonic() - began < LIMIT, server.log.read_text()
        assert server.process.poll() is None, server.log.read_text()
    return time.monotonic() - began


@pytest.fixture
def moved(tmp_path, monkeypatch):
    """A clock for the server, not for the test."""
    made = Time(tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def test_the_clock_jumps_a_month_forth_and_back(tmp_path, moved, capsys) -> None:
    """The leaf has expired, then it is not valid yet: a new one is signed at the next look.

    A connection that is open goes on with the certificate that it began with.
    """
    told = []
    with running(tmp_path, snapshot=ROOT / "examples/cluster") as server:
        await_workers(server)  # One that starts in the other time has nothing to recover from.
        recovery(server, moved)
        server.trust.load_verify_locations(tmp_path / "ca.crt")
        kept = server.connect()
        answers = [ask(kept)[0]]
        for days in (30, 0):
            moved.set(days)
            told.append(f"{days:+d} days: {recovery(server, moved):.1f} s")
            answers.append(ask(kept)[0])
        await_workers(server, '"reason":"NotYetValid"', 1)  # the others had nothing to renew
        log = server.log.read_text()
    with capsys.disabled():
        print(f"\nafter the clock was set, accepted again: {', '.join(told)}")

    assert answers == [200, 200, 200]
    assert '"reason":"Expired"' in log
    assert '"reason":"NotYetValid"' in log


@pytest.mark.parametrize("days", [400, -30], ids=["expired", "not-yet-valid"])
def test_an_authority_out_of_its_life_at_start(tmp_path, moved, capsys, days) -> None:
    """A year in a drawer, or a clock that was wrong when the CA was made: it is replaced first."""
    with running(tmp_path, snapshot=ROOT / "examples/cluster") as server:
        recovery(server, moved)
    before = (tmp_path / "ca.crt").read_bytes()
    moved.set(days)
    with running(tmp_path, snapshot=ROOT / "examples/cluster") as server:
        seconds = recovery(server, moved)
    with capsys.disabled():
        print(f"\nstarted {days:+d} days from the CA's birth: accepted after {seconds:.1f} s")

    assert (tmp_path / "ca.crt").read_bytes() != before
