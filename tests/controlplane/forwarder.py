"""Carries TCP from a port outside the network namespace to an address inside.

Runs as a process of its own inside the namespace (`python forwarder.py FD ADDRESS PORT`), standard
library only. FD is a listening socket made outside: a socket stays in the namespace it was made
in, so accepting happens outside and connecting inside, and neither side needs a privilege.
"""

import asyncio
import contextlib
import socket
import sys


async def forward(listener: socket.socket, address: str, port: int) -> None:
    """Serve until killed: one connection inside for each accepted one, half-closes kept."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            try:
                inside_reader, inside_writer = await asyncio.open_connection(address, port)
            except OSError:
                # A reset, as a closed port would answer: a plain close reads like an empty reply.
                writer.transport.abort()
                return
            await asyncio.gather(_pump(reader, inside_writer), _pump(inside_reader, writer))
            inside_writer.close()
            writer.close()

    server = await asyncio.start_server(serve, sock=listener)
    await server.serve_forever()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()


if __name__ == "__main__":
    asyncio.run(forward(socket.socket(fileno=int(sys.argv[1])), sys.argv[2], int(sys.argv[3])))
