"""From what an API server answered, or did not, to `webhook.errors`. PURE.

Source: ``metav1.Status`` and its reasons (k8s.io/apimachinery/pkg/apis/meta/v1/types.go), the
constructors in k8s.io/apimachinery/pkg/api/errors, and urllib3's exceptions.
"""

import ssl
from http import HTTPStatus

import msgspec
from urllib3 import exceptions as urllib3

from webhook.errors import (
    AlreadyExistsError,
    ClusterError,
    ConflictError,
    DeadlineError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from webhook.model.text import one_line

_REFUSALS = frozenset(range(400, 500)) - {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
}

MAX_MESSAGE = 600
"""Longest message that is passed on, in characters: it ends in a user's terminal."""


class GoneError(UnavailableError):
    """The resourceVersion or continue token is too old (410): list anew."""


class _Cause(msgspec.Struct, frozen=True):
    reason: str = ""
    message: str = ""
    field: str = ""


class _Details(msgspec.Struct, frozen=True):
    causes: list[_Cause] | None = None


class Status(msgspec.Struct, frozen=True):
    """``metav1.Status``: how an API server says no."""

    kind: str = ""
    message: str = ""
    reason: str = ""
    code: int = 0
    details: _Details | None = None


_decoder = msgspec.json.Decoder(Status)


def error_of(code: int, body: bytes) -> ClusterError:
    """The error that an HTTP status of 300 or more stands for.

    A body that is no Status comes from something in between (a proxy, a load balancer).
    """
    status = _status(body)
    message = _message(code, status)
    if code == HTTPStatus.CONFLICT:
        exists = status.reason == "AlreadyExists"
        return AlreadyExistsError(message) if exists else ConflictError(message)
    if code == HTTPStatus.NOT_FOUND:
        return NotFoundError(message)
    if code == HTTPStatus.GONE:
        return GoneError(message)
    return RefusedError(message) if code in _REFUSALS else UnavailableError(message)


def error_of_transport(error: urllib3.HTTPError, host: str) -> ClusterError:
    """The error that a failed exchange stands for.

    Args:
        error: what urllib3 raised.
        host: URL of the API server.
    """
    if isinstance(error, urllib3.NewConnectionError):
        return UnavailableError(f"the API server at {host} cannot be reached: {_root(error)}")
    if isinstance(error, urllib3.TimeoutError):
        return DeadlineError(f"the API server at {host} gave no answer in the time that was left")
    if isinstance(error, urllib3.SSLError):
        return UnavailableError(f"no TLS connection to the API server at {host}: {_root(error)}")
    return UnavailableError(f"the connection to the API server at {host} broke: {_root(error)}")


def _status(body: bytes) -> Status:
    try:
        status = _decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return Status()
    return status if status.kind == "Status" else Status()


def _message(code: int, status: Status) -> str:
    """The Status's message, and those of its causes that it leaves out."""
    if not status.message:
        reason = f" ({status.reason})" if status.reason else ""
        return f"the API server answered with HTTP status {code}{reason} and no message"
    causes = (status.details and status.details.causes) or ()
    parts = (f"{c.field}: {c.message}" if c.field else c.message for c in causes)
    said = [status.message]
    said.extend(part for part in parts if part and part.split(": ", 1)[-1] not in status.message)
    return one_line("; ".join(said), MAX_MESSAGE)


def _root(error: urllib3.HTTPError) -> str:
    """What is at the bottom of urllib3's nesting, in the system's own words."""
    cause: BaseException = error
    while nested := _nested(cause):
        cause = nested
    if isinstance(cause, ssl.SSLCertVerificationError):
        return one_line(cause.verify_message)
    if isinstance(cause, OSError) and cause.strerror:
        return one_line(cause.strerror)
    return one_line(str(cause) or type(cause).__name__)


def _nested(error: BaseException) -> BaseException | None:
    """What an exception wraps: in its arguments, as urllib3 does, or as its cause."""
    inner = (arg for arg in error.args if isinstance(arg, BaseException))
    return next(inner, None) or error.__cause__
