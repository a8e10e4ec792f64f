"""One TLS connection on a socket that never blocks: bytes in, bytes out.

TLS works in memory (`ssl.MemoryBIO`), so that a request takes one system call to read and its
answer one to write, where `ssl.SSLSocket` takes two for each TLS record.
"""

import socket
import ssl
from contextlib import suppress

from webhook.server.callers import Certificate

RECEIVED_BYTES = 32 << 10
"""Read at a time; most reviews fit."""

RECORD_BYTES = 16 << 10
"""The plain text of the largest TLS record (RFC 8446, section 5.1)."""


class GoneError(Exception):
    """The connection is of no use any more."""


class Channel:
    """A server's end of a TLS connection.

    Args:
        sock: connected; becomes non-blocking, and is the channel's from now on.
        context: of the certificate to serve with.

    Attributes:
        greeted: the handshake is over.
        ended: the client sends nothing more.
        unsent: bytes that the client has not taken yet.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        sock.settimeout(0.0)
        self._socket = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.greeted = False
        self.ended = False
        self.unsent = memoryview(b"")

    def fileno(self) -> int:
        """The socket's descriptor, for a selector."""
        return self._socket.fileno()

    def certificate(self) -> Certificate | None:
        """What the client showed in its handshake, verified; of any thread."""
        return self._tls.getpeercert()

    def receive(self) -> bool:
        """Take what the socket has; False if that is nothing.

        Raises:
            GoneError: the connection broke.
        """
        try:
            data = self._socket.recv(RECEIVED_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            raise GoneError(str(error)) from error
        if data:
            self._incoming.write(data)
        else:
            self.ended = True
        return True

    def greet(self) -> bool:
        """Go on with the handshake; whether it is over.

        Raises:
            GoneError: it failed.
        """
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except (ssl.SSLError, OSError) as error:
            self._say_goodbye()
            raise GoneError(f"no handshake: {error}") from error
        self.greeted = True
        self._flush()
        return True

    def read(self) -> bytes:
        """Decrypt the next record; empty where none is whole.

        Raises:
            GoneError: what came is no TLS.
        """
        if not self._incoming.pending:
            return b""
        try:
            data = self._tls.read(RECORD_BYTES)
        except ssl.SSLWantReadError:
            data = b""
        except ssl.SSLZeroReturnError:
            self.ended, data = True, b""
        except (ssl.SSLError, OSError) as error:
            self._say_goodbye()
            raise GoneError(str(error)) from error
        return data

    @property
    def holds_more(self) -> bool:
        """Bytes have been received that were not read yet."""
        return self._incoming.pending > 0

    def send(self, data: bytes) -> None:
        """Encrypt and send; what the client does not take at once stays in ``unsent``.

        Raises:
            GoneError: the connection broke.
        """
        try:
            self._tls.write(data)
        except (ssl.SSLError, OSError) as error:
            raise GoneError(str(error)) from error
        self._flush()

    def send_on(self) -> bool:
        """Send more of ``unsent``; whether the client took any.

        Raises:
            GoneError: the connection broke.
        """
        try:
            sent = self._socket.send(self.unsent)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            raise GoneError(str(error)) from error
        self.unsent = self.unsent[sent:]
        return sent > 0

    def finish(self) -> None:
        """Send TLS's close_notify and the end of the stream; the client may still send.

        Closing at once would reset the connection where bytes of the client are unread, and the
        reset may overtake the answer.

        Raises:
            GoneError: the connection broke.
        """
        self._say_goodbye()
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise GoneError(str(error)) from error

    def discard(self) -> bool:
        """Throw away what the client still sends; whether it has ended."""
        try:
            return not self._socket.recv(RECEIVED_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def _say_goodbye(self) -> None:
        """Send an alert or close_notify if the socket takes it."""
        with suppress(ssl.SSLError, OSError, ValueError):
            # The client's own close_notify is not waited for: that is an SSLError.
            self._tls.unwrap()
        with suppress(GoneError):
            self._flush()

    def _flush(self) -> None:
        """Send what TLS has to say."""
        data = self._outgoing.read()
        if not data:
            return
        if self.unsent:
            self.unsent = memoryview(bytes(self.unsent) + data)
            return
        try:
            sent = self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            raise GoneError(str(error)) from error
        if sent < len(data):
            self.unsent = memoryview(data)[sent:]
