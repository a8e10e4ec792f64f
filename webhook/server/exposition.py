"""/metrics over plain HTTP on a port of its own, for all workers of the replica.

Runs in gunicorn's arbiter; the workers share their counters with it through
files (prometheus_client's multiprocess mode).
"""

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead


def prepare(folder: Path) -> None:
    """Empty the folder of the counters: those of a former run are of processes long dead."""
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob("*.db"):
        leftover.unlink()


def forget(pid: int) -> None:
    """Drop the gauges of a process that is gone; its counts stay."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]


def serve(address: str, port: int, folder: Path) -> None:
    """Serve the sum of all processes' counters from a daemon thread.

    Raises:
        OSError: the port is taken.
    """
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=os.fspath(folder))  # type: ignore[no-untyped-call]
    start_http_server(port, addr=address, registry=registry)
