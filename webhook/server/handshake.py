"""A TLS handshake with ourselves, in memory: would the API server accept what we serve?

Not over the port: gunicorn's workers share it, so that the one that answers may be another. Both
ends are OpenSSL, so names, dates, chain and key are judged as any client judges them.
"""

import ssl
from collections.abc import Iterable

from webhook.model.trust import Anchor

FLIGHTS = 8
"""More than any version of TLS needs: the bound of a loop that ends by itself."""


def distrust(context: ssl.SSLContext, anchors: Iterable[Anchor]) -> str | None:
    """Tell why a client that trusts one of these anchors would refuse the server.

    Args:
        context: the server's, as it serves now.
        anchors: each is tried; what is the same for several entries is tried once.

    Returns:
        The first refusal, with the entry's name; None if every client accepts.
    """
    seen: set[tuple[str, bytes]] = set()
    for anchor in anchors:
        key = anchor.server_name, anchor.bundle_pem
        if key not in seen and (why := _refusal(context, anchor)):
            return f"the caBundle of {anchor.entry} does not verify our certificate: {why}"
        seen.add(key)
    return None


def _refusal(context: ssl.SSLContext, anchor: Anchor) -> str | None:
    if not anchor.bundle_pem.strip():
        return "it is empty"
    try:
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.load_verify_locations(cadata=anchor.bundle_pem.decode("ascii", "ignore"))
        _shake_hands(context, client, anchor.server_name)
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except (ssl.SSLError, ValueError) as error:
        return str(error)
    return None


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """Carry the flights between the two ends until both are done.

    Raises:
        ssl.SSLError: an end refuses the other.
    """
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(FLIGHTS):
        waiting = [end for end in ends if not _advance(end)]
        if not waiting:
            return
    raise ssl.SSLError("the handshake does not end")


def _advance(end: ssl.SSLObject) -> bool:
    """Go on as far as the other end's bytes reach; whether this end is done."""
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
