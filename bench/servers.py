"""The servers that are measured: started, awaited, weighed and stopped."""

import compileall
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import snapshot  # beside this file

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
GUNICORN = Path(sys.executable).with_name("gunicorn")
START_SECONDS = 30
WORKERS, THREADS = 2, 16
"""Of Portcullis by default; the do-nothing applications get the same."""

SETTINGS = """\
server:
  address: 127.0.0.1
  port: {port}
  metricsPort: {metrics_port}
  workers: {workers}
  threads: {threads}
  serviceNames: [localhost]
  drainSeconds: 0
"""


def as_in_the_image() -> None:
    """Compile our own code, as `Dockerfile` does: compiled at a start, it leaves 4 MiB behind."""
    for folder in ("certs", "webhook"):
        compileall.compile_dir(ROOT / folder, quiet=1)


@dataclass(frozen=True)
class Server:
    """A running server.

    Args:
        name: for the table.
        pid: of its first process.
        address: host and port.
        ca: file with what to trust.
    """

    name: str
    pid: int
    address: str
    ca: Path


@dataclass(frozen=True)
class Memory:
    """Of a process and all its descendants, in MiB; PSS counts shared pages once."""

    rss: float
    pss: float


@dataclass(frozen=True)
class Place:
    """Where and how servers are started.

    Args:
        folder: for their state and logs.
        noop: the Go webhook's binary.
        cpus: as of ``taskset --cpu-list``, None for all.
        gunicorn: further arguments for our gunicorn.
    """

    folder: Path
    noop: Path
    cpus: str | None
    gunicorn: str


def memory(pid: int) -> Memory:
    """Add up smaps_rollup of the process tree."""
    rollups = [Path(f"/proc/{p}/smaps_rollup").read_text() for p in _tree(pid)]
    return Memory(*(sum(_field(r, name) for r in rollups) / 1024 for name in ("Rss", "Pss")))


def cpu_seconds(pid: int) -> float:
    """User and system time of the process tree so far (proc(5), stat, fields 14 and 15)."""
    stats = (Path(f"/proc/{p}/stat").read_text().rpartition(")")[2].split() for p in _tree(pid))
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


def _field(rollup: str, name: str) -> int:
    line = next(line for line in rollup.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1])


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _tree(int(child))


@contextmanager
def portcullis(place: Place) -> Iterator[Server]:
    """Start our own server over a snapshot, all checks on."""
    state = place.folder / "portcullis"
    state.mkdir()
    port = _free_port()
    settings = state / "settings.yaml"
    settings.write_text(
        SETTINGS.format(port=port, metrics_port=_free_port(), workers=WORKERS, threads=THREADS)
    )
    environment = {
        "PORTCULLIS_SETTINGS": str(settings),
        "PORTCULLIS_SNAPSHOT": str(snapshot.write(state / "cluster")),
        "PORTCULLIS_STATE": str(state),
        "PROMETHEUS_MULTIPROC_DIR": str(state / "metrics"),
        "MALLOC_ARENA_MAX": "1",  # as the chart has it
        "GUNICORN_CMD_ARGS": place.gunicorn,
    }
    command = [str(GUNICORN), "--config=gunicorn.conf.py", "wsgi:app"]
    with _started("Portcullis", place, command, port, state / "ca.crt", environment) as server:
        yield server


@contextmanager
def go(place: Place) -> Iterator[Server]:
    """Start the do-nothing Go webhook."""
    ca, cert, key = certificates(place.folder)
    port = _free_port()
    command = [place.noop, f"--address=127.0.0.1:{port}", f"--cert={cert}", f"--key={key}"]
    name = "do-nothing Go webhook"
    with _started(name, place, [str(part) for part in command], port, ca, {}) as server:
        yield server


@contextmanager
def flask(place: Place) -> Iterator[Server]:
    """Start the do-nothing Flask application under stock gunicorn."""
    with _stock("do-nothing Flask, gunicorn", "variants:flask_app", place) as server:
        yield server


@contextmanager
def bare(place: Place) -> Iterator[Server]:
    """Start the do-nothing WSGI callable under stock gunicorn."""
    with _stock("do-nothing WSGI callable, gunicorn", "variants:bare", place) as server:
        yield server


@contextmanager
def front(place: Place) -> Iterator[Server]:
    """Start our own worker with an endpoint that decodes and allows."""
    ca, cert, key = certificates(place.folder)
    port = _free_port()
    command = [
        *(str(GUNICORN), f"--config={BENCH / 'front.conf.py'}", f"--workers={WORKERS}"),
        *(f"--pythonpath={BENCH}", f"--bind=127.0.0.1:{port}", "variants:flask_app"),
    ]
    environment = {"BENCH_CERT": str(cert), "BENCH_KEY": str(key)}
    name = "do-nothing admission, our worker"
    with _started(name, place, command, port, ca, environment) as server:
        yield server


@contextmanager
def _stock(name: str, application: str, place: Place) -> Iterator[Server]:
    ca, cert, key = certificates(place.folder)
    port = _free_port()
    command = [
        *(str(GUNICORN), "--worker-class=gthread", "--preload", "--no-control-socket"),
        *(f"--workers={WORKERS}", f"--threads={THREADS}", "--keep-alive=120"),
        # A configuration of its own, empty: ours would be read from the working directory.
        *(f"--config={os.devnull}", "--http-parser=python", f"--chdir={BENCH}"),
        *(f"--bind=127.0.0.1:{port}", f"--certfile={cert}", f"--keyfile={key}", application),
    ]
    with _started(name, place, command, port, ca, {}) as server:
        yield server


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """A CA, and a certificate and key for localhost of the kind that Portcullis signs itself."""
    from certs.authority import issue_serving_certificate, new_authority  # noqa: PLC0415

    files = ca, cert, key = folder / "ca.crt", folder / "tls.crt", folder / "tls.key"
    if not ca.exists():
        now = datetime.now(UTC)
        authority = new_authority("bench", now)
        pair = issue_serving_certificate(authority, ["localhost"], [ip_address("127.0.0.1")], now)
        ca.write_bytes(authority.certificate_pem)
        cert.write_bytes(pair.chain_pem)
        key.write_bytes(pair.key_pem)
    return files


@contextmanager
def _started(
    name: str,
    place: Place,
    command: Sequence[str],
    port: int,
    ca: Path,
    environment: dict[str, str],
) -> Iterator[Server]:
    log = place.folder / f"{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            pinned(place.cpus, command),
            cwd=ROOT,
            env=os.environ | environment,
            stdout=output,
            stderr=output,
        )
    try:
        _await(process, port, ca, log)
        yield Server(name, process.pid, f"127.0.0.1:{port}", ca)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def pinned(cpus: str | None, command: Sequence[str]) -> list[str]:
    """The command, kept to those CPUs."""
    return [*((shutil.which("taskset") or "taskset", "-c", cpus) if cpus else ()), *command]


def _await(process: subprocess.Popen[bytes], port: int, ca: Path, log: Path) -> None:
    """Wait until the server answers with anything but "not yet"."""
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit and process.poll() is None:
        try:
            trust = ssl.create_default_context(cafile=str(ca))
            connection = http.client.HTTPSConnection("localhost", port, context=trust, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status != http.client.SERVICE_UNAVAILABLE:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.1)
    raise SystemExit(
        f"the server on port {port} is not ready; its log ends:\n{log.read_text()[-3000:]}"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
