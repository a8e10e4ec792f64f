"""POST /validate and /mutate: a request's bytes → an answer's."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Protocol
from urllib.parse import parse_qs

from webhook.deadline import Deadline, parse_timeout
from webhook.errors import MalformedReviewError
from webhook.model.review import AdmissionResponse, Attributes, decode_review, encode_review
from webhook.rationed import RationedLog
from webhook.server.callers import Callers, Certificate
from webhook.server.http1 import Answer, Headers, HttpError, Request, failure
from webhook.server.lifecycle import Lifecycle

logger = logging.getLogger(__name__)

AskCertificate = Callable[[], Certificate | None]
Decide = Callable[[Attributes, Deadline], AdmissionResponse]
Continue = Callable[[Headers], AbstractContextManager[None]]
"""Enters the trace that headers name, and never raises; `webhook.tracing.continuing` gives one."""

MAX_TIMEOUT = 30.0
"""Seconds; the longest timeoutSeconds that a webhook configuration may ask for."""

EVERYBODY = Callers(())


class Deciding(Protocol):
    """Decides reviews; `webhook.admission.Admission` does."""

    def validate(self, attributes: Attributes, deadline: Deadline) -> AdmissionResponse:
        """Answer a validating review; never raises."""

    def mutate(self, attributes: Attributes, deadline: Deadline) -> AdmissionResponse:
        """Answer a mutating review; never raises."""


class Meter(Protocol):
    """Counts requests; `webhook.metrics.ServerMetrics` does."""

    def began(self, path: str) -> None:
        """A review is being answered."""

    def ended(self, path: str) -> None:
        """It is."""

    def rejected(self, code: int) -> None:
        """A request got no review back, but this HTTP status."""


class AdmissionEndpoint:
    """What answers reviews.

    Args:
        admission: decides.
        lifecycle: tells whether reviews are answered now.
        default_timeout: seconds, where the request names no ``?timeout=``.
        meter: counts.
        callers: who may send reviews.
        trace: continues the trace of who sends a review; None where nothing is traced.
    """

    def __init__(
        self,
        admission: Deciding,
        lifecycle: Lifecycle,
        *,
        default_timeout: float,
        meter: Meter | None = None,
        callers: Callers = EVERYBODY,
        trace: Continue | None = None,
    ) -> None:
        self._routes: dict[bytes, Decide] = {
            b"/validate": admission.validate,
            b"/mutate": admission.mutate,
        }
        self._lifecycle = lifecycle
        self._default_timeout = default_timeout
        self._meter = meter
        self._callers = callers
        self._trace = trace
        self._log = RationedLog(logger)

    def answers(self, path: bytes) -> bool:
        """Whether reviews are sent to that path."""
        return path in self._routes

    def patience(self, query: bytes) -> float:
        """Seconds that the API server will wait; its own ``?timeout=`` if it is sane."""
        seconds = _asked(query)
        return min(self._default_timeout if seconds is None else seconds, MAX_TIMEOUT)

    def answer(
        self, path: bytes, request: Request, deadline: Deadline, certificate: AskCertificate
    ) -> Answer:
        """Answer a review.

        Args:
            path: one that `answers`.
            request: its headers and body.
            deadline: when the API server stops waiting.
            certificate: tells what the client showed in its handshake.
        """
        meter, name = self._meter, path.decode("ascii")
        if meter:
            meter.began(name)
        try:
            if refusal := self._callers.refusal(certificate):
                raise HttpError(403, refusal)  # noqa: TRY301 - as every other refusal here
            return Answer(200, self._review(self._routes[path], request, deadline))
        except HttpError as error:
            self.refused(error)
            return failure(error.code, error.message)
        finally:
            if meter:
                meter.ended(name)

    def refused(self, error: HttpError) -> None:
        """Note a request that gets no review back."""
        if self._meter:
            self._meter.rejected(error.code)
        if error.code != 503:  # noqa: PLR2004 - warming up is no news
            self._log.tell("review rejected", {"code": error.code, "error": error.message})

    def _review(self, decide: Decide, request: Request, deadline: Deadline) -> bytes:
        if not self._lifecycle.state.answers:
            raise HttpError(503, f"portcullis is {self._lifecycle.state.value}; try again")
        headers = request.headers
        if b"content-length" not in headers and b"transfer-encoding" not in headers:
            raise HttpError(411, "a review needs a Content-Length")
        try:
            attributes = decode_review(request.body)
        except MalformedReviewError as error:
            raise HttpError(400, str(error)) from error
        if self._trace is None:
            return encode_review(attributes.uid, decide(attributes, deadline))
        with self._trace(headers):
            return encode_review(attributes.uid, decide(attributes, deadline))


@lru_cache(maxsize=64)
def _asked(query: bytes) -> float | None:
    """Seconds that a query string asks for; the API server sends few different ones."""
    texts = parse_qs(query.decode("latin-1")).get("timeout")
    return parse_timeout(texts[0]) if texts else None
