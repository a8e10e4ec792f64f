"""Who may send reviews, where the API server is asked for a client certificate.

TLS verifies the certificate's chain, dates and purpose, and lets a client without one in: the
kubelet asks /readyz on the same port and has none (a probe cannot be given one). Whether a review
may come in is asked of every request, so a resumed session or a kept connection is no way past it.
"""

import ssl
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

Certificate = Mapping[str, Any]
"""As `ssl.SSLSocket.getpeercert` and `ssl.SSLObject.getpeercert` tell it; empty for a client whose
certificate was not verified."""


class Callers:
    """Reviews are for those whose verified client certificate bears one of these names.

    Args:
        names: common names or DNS names; none lets in everybody.
        clock: seconds since the epoch; a certificate that expires closes its open connections.
    """

    def __init__(self, names: Collection[str], clock: Callable[[], float] = time.time) -> None:
        self._allowed = frozenset(names)
        self._clock = clock

    def refusal(self, certificate: Callable[[], Certificate | None]) -> str | None:
        """Tell why the caller of this request may send no reviews; None if it may.

        Args:
            certificate: of the request's connection.
        """
        if not self._allowed:
            return None
        shown = certificate()
        if not shown:
            return "reviews need a client certificate (docs/certificates.md)"
        if self._clock() >= ssl.cert_time_to_seconds(str(shown["notAfter"])):
            return "the client certificate has expired"
        if not self._allowed.intersection(_names(shown)):
            return "the client certificate bears none of server.mtls.allowedNames"
        return None


def _names(certificate: Certificate) -> set[str]:
    """Common names and DNS names, as `ssl.SSLSocket.getpeercert` tells them."""
    subject = (pair for attributes in certificate["subject"] for pair in attributes)
    alternatives = certificate.get("subjectAltName", ())
    return {name for kind, name in (*subject, *alternatives) if kind in {"commonName", "DNS"}}
