"""What a worker process grants its clients; `docs/overload.md` tells what they see at a limit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one worker process; durations in seconds.

    Args:
        connections: open at once; beyond, the one that kept us waiting longest goes.
        connections_per_peer: of these, from one address, or one IPv6 subnet.
        concurrent: reviews being decided at once.
        queued: whole requests that wait for their turn; beyond, a 503.
        body_bytes: of one request.
        buffered_bytes: of the bodies of all requests that are not answered yet.
        target_bytes: of a request's target.
        head_bytes: of a request line with its headers.
        headers: of a request.
        handshake_seconds: from accept to the end of the TLS handshake.
        head_seconds: from a request's first byte to the end of its headers.
        silence_seconds: without a byte amid a request, or amid the reading of an answer.
        request_seconds: from a request's first byte to its last, however steadily they come.
        idle_seconds: between requests, and before the first.
        farewell_seconds: for the client to close after ``Connection: close``.
    """

    connections: int = 1000
    connections_per_peer: int = 1000
    concurrent: int = 16
    queued: int = 256
    body_bytes: int = 12 << 20
    buffered_bytes: int = 48 << 20
    target_bytes: int = 8190
    head_bytes: int = 32 << 10
    headers: int = 100
    handshake_seconds: float = 10.0
    head_seconds: float = 10.0
    silence_seconds: float = 10.0
    request_seconds: float = 30.0
    idle_seconds: float = 120.0
    farewell_seconds: float = 2.0
