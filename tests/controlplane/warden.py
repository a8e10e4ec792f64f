"""Ends a control plane when whoever started it is gone, however it went.

Runs as a process of its own (`python warden.py NAME FOLDER [keep]`), standard library only. Its
standard input is a pipe that the owner holds open; end of file means that the owner stopped, was
interrupted or was killed. Then every process that carries the name in its environment or lives in
one of its network namespaces is killed, the namespaces go, and the folder too (unless `keep`).
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

MARK = "PORTCULLIS_PLANE"
"""Environment variable that names the control plane a process belongs to."""

_NAMESPACES = Path("/run/netns")


def namespaces(name: str) -> list[str]:
    """The plane's network namespace and those of its pods (`<name>-<n>`)."""
    if not _NAMESPACES.is_dir():
        return []
    every = sorted(entry.name for entry in _NAMESPACES.iterdir())
    return [entry for entry in every if entry == name or entry.startswith(f"{name}-")]


def members(name: str) -> set[int]:
    """The processes of the plane; never this one nor the owner."""
    found = set()
    for namespace in namespaces(name):
        listed = subprocess.run(
            ["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False
        )
        found |= {int(pid) for pid in listed.stdout.split()}
    mark = f"{MARK}={name}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.add(int(process.name))
        except OSError:  # ended meanwhile, or another user's
            continue
    return found - {os.getpid(), os.getppid()}


def end(name: str, folder: Path, *, keep: bool) -> None:
    """Kill, unmake and remove; every step goes on when the one before found nothing to do."""
    for _ in range(100):
        alive = {pid for pid in members(name) if not _is_zombie(pid)}
        if not alive:
            break
        for pid in alive:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)
    for namespace in namespaces(name):
        subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)


def _is_zombie(pid: int) -> bool:
    # A killed child of a living owner stays until the owner reaps it; it holds nothing any more.
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdin.buffer.read()
    end(sys.argv[1], Path(sys.argv[2]), keep="keep" in sys.argv[3:])
