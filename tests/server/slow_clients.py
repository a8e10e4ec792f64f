"""Clients that want to take a server's time, to be run as a process of its own.

``python -m tests.server.slow_clients PORT CA COUNT``: opens COUNT connections of five kinds, opens
each anew when the server ends it, and prints how many stand, once a second.
"""

import asyncio
import resource
import ssl
import sys
from collections.abc import Awaitable, Callable
from itertools import count, cycle, islice

from tests import reviews
from tests.server.front import request

BODY = reviews.body("CREATE", reviews.network_policy("slow"))
DRIBBLE_SECONDS = 1.0
ADDRESS = "127.0.0.2"
"""Another than the API server's, as a hostile Pod has."""
Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


async def _dribble(writer: Writer, data: bytes) -> None:
    for byte in data:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(DRIBBLE_SECONDS)


async def dribble_headers(reader: Reader, writer: Writer) -> None:
    """A header that does not end."""
    writer.write(b"POST /validate HTTP/1.1\r\nHost: a\r\nX: ")
    await _dribble(writer, b"x" * 100_000)


async def dribble_body(reader: Reader, writer: Writer) -> None:
    """A body of megabytes, byte by byte."""
    writer.write(b"POST /validate HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
    await _dribble(writer, b" " * 100_000)


async def be_idle(reader: Reader, writer: Writer) -> None:
    """Nothing after the handshake."""
    await reader.read()


async def never_read(reader: Reader, writer: Writer) -> None:
    """A review a second without a look at its answer."""
    writer.transport.pause_reading()
    while True:
        writer.write(request("/validate", BODY))
        await writer.drain()
        await asyncio.sleep(DRIBBLE_SECONDS)


async def half_handshake(reader: Reader, writer: Writer) -> None:
    """The beginning of a ClientHello."""
    writer.write(b"\x16\x03\x01\x02\x00\x01")
    await reader.read()


KINDS: list[tuple[Callable[[Reader, Writer], Awaitable[None]], bool]] = [
    (dribble_headers, True),
    (dribble_body, True),
    (be_idle, True),
    (never_read, True),
    (half_handshake, False),
]


async def attack(port: int, trust: ssl.SSLContext, number: int) -> None:
    """Open COUNT connections and keep them open."""
    standing: set[int] = set()
    # The handshakes cost this process as much as the server: no more than some at once.
    dialling = asyncio.Semaphore(20)

    async def one(me: int, act: Callable[[Reader, Writer], Awaitable[None]], tls: bool) -> None:
        while True:
            try:
                async with dialling:
                    secure = {"ssl": trust, "server_hostname": "localhost"} if tls else {}
                    reader, writer = await asyncio.open_connection(
                        "127.0.0.1", port, local_addr=(ADDRESS, 0), **secure
                    )
                standing.add(me)
                await act(reader, writer)
            except OSError:
                pass
            finally:
                standing.discard(me)
            await asyncio.sleep(0.1)

    kinds = islice(zip(count(), cycle(KINDS), strict=False), number)
    tasks = [asyncio.create_task(one(me, *kind)) for me, kind in kinds]
    while tasks:
        print(len(standing), flush=True)
        await asyncio.sleep(1)


if __name__ == "__main__":
    wanted = int(sys.argv[3])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, wanted + 200)), hard))
    asyncio.run(attack(int(sys.argv[1]), ssl.create_default_context(cafile=sys.argv[2]), wanted))
