"""UDP echo between pods: `echo.py serve`, and `echo.py ask ADDRESS COUNT INTERVAL`.

Runs as a process of its own inside a pod's namespace, standard library only. `ask` sends COUNT
datagrams, or with 0 so many until its standard input ends, one each INTERVAL seconds. It prints how
many came back, and of how many.
"""

import select
import socket
import sys
import time
from typing import IO

PORT = 7
_LAST_WAIT = 1.0
"""Seconds for those that are late: a round trip takes well under a millisecond, but on a busy
machine the other side may not be running."""


def serve() -> None:
    """Answer every datagram with itself, until killed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("0.0.0.0", PORT))
        while True:
            payload, sender = here.recvfrom(2048)
            here.sendto(payload, sender)


def ask(address: str, count: int, interval: float) -> tuple[int, int]:
    """How many datagrams came back, and how many were sent."""
    missing: set[bytes] = set()
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        while sent < count or (count == 0 and not _readable(sys.stdin, 0)):
            number = str(sent).encode()
            # Not connected: an ICMP error is an echo that does not come back, no more.
            here.sendto(number, (address, PORT))
            missing.add(number)
            sent += 1
            _receive(here, missing, interval, until_none_is=False)
        _receive(here, missing, _LAST_WAIT, until_none_is=True)
    return sent - len(missing), sent


def _receive(
    here: socket.socket, missing: set[bytes], seconds: float, *, until_none_is: bool
) -> None:
    """Strike off what comes back for some time; or for less, when none is missing any more."""
    deadline = time.monotonic() + seconds
    while not (until_none_is and not missing):
        left = deadline - time.monotonic()
        if left <= 0 or not _readable(here, left):
            return
        missing.discard(here.recv(2048))


def _readable(what: IO[str] | socket.socket, seconds: float) -> bool:
    return bool(select.select([what], [], [], seconds)[0])


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        print(*ask(sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
