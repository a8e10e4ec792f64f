"""Requests, retries, deadlines and errors against a server that fails on demand."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from kubernetes.client.configuration import Configuration
from kubernetes.config.incluster_config import InClusterConfigLoader

from tests.fakes.apiserver import Answer, ApiServer, Close, Hang, status
from webhook import errors
from webhook.cluster.client import Api, resource_path
from webhook.cluster.status import GoneError
from webhook.deadline import Deadline

PATH = "/api/v1/namespaces/shop"


def soon(seconds: float = 5.0) -> Deadline:
    return Deadline.after(seconds)


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        pytest.param(400, "BadRequest", errors.RefusedError, id="bad request"),
        pytest.param(401, "Unauthorized", errors.RefusedError, id="unauthorized"),
        pytest.param(403, "Forbidden", errors.RefusedError, id="forbidden"),
        pytest.param(404, "NotFound", errors.NotFoundError, id="not found"),
        pytest.param(409, "Conflict", errors.ConflictError, id="conflict"),
        pytest.param(409, "AlreadyExists", errors.AlreadyExistsError, id="already exists"),
        pytest.param(410, "Expired", GoneError, id="gone"),
        pytest.param(422, "Invalid", errors.RefusedError, id="invalid"),
        pytest.param(429, "TooManyRequests", errors.UnavailableError, id="too many requests"),
        pytest.param(500, "InternalError", errors.UnavailableError, id="internal error"),
        pytest.param(503, "ServiceUnavailable", errors.UnavailableError, id="unavailable"),
        pytest.param(504, "Timeout", errors.UnavailableError, id="timeout"),
        pytest.param(302, "", errors.UnavailableError, id="a redirect is not followed"),
    ],
)
def test_each_status_has_its_error(
    server: ApiServer, api: Api, code: int, reason: str, expected: type[Exception]
) -> None:
    """Status and reason choose the error, the API server's message is the error's."""
    server.on("GET", PATH, Answer(code, status("it is so", code, reason)))
    with pytest.raises(errors.ClusterError, match=r"^it is so$") as raised:
        api.get(PATH, soon())

    assert type(raised.value) is expected
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"<html>\n</html>", "HTTP status 502 and no message", id="no JSON"),
        pytest.param(b"", "HTTP status 502 and no message", id="nothing"),
        pytest.param({"kind": "Pod", "message": "x"}, "no message", id="no Status"),
        pytest.param(status("", reason="Odd"), r"502 \(Odd\) and no message", id="no message"),
        pytest.param(status("two\nlines\x1b[0m"), "^two lines .0m$", id="control characters"),
        pytest.param(
            status("no", causes=[{"field": "spec.x", "message": "Required value"}]),
            "^no; spec.x: Required value$",
            id="a cause that the message leaves out",
        ),
        pytest.param(
            status("x is invalid: no", causes=[{"field": "x", "message": "no"}]),
            "^x is invalid: no$",
            id="a cause that the message tells",
        ),
    ],
)
def test_messages_are_fit_for_people(
    server: ApiServer, api: Api, body: object, expected: str
) -> None:
    """One line, whatever came."""
    server.on("GET", PATH, Answer(502, body))
    with pytest.raises(errors.UnavailableError, match=expected):
        api.get(PATH, soon())


@pytest.mark.parametrize("code", [429, 503])
def test_come_again_is_heeded(server: ApiServer, code: int) -> None:
    """A Retry-After that fits into the deadline is waited for."""
    pauses: list[float] = []
    configuration = Configuration(host=server.url)
    api = Api(configuration, connections=1, version="test", sleep=pauses.append)
    busy = Answer(code, status("busy", code), {"Retry-After": "1"})
    server.on("GET", PATH, busy, busy, Answer(200, b"done"))

    assert api.get(PATH, soon()) == b"done"
    assert pauses == [1.0, 1.0]


@pytest.mark.parametrize(
    "retry_after",
    [
        pytest.param("30", id="later than the deadline"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", id="a date"),
        pytest.param("-1", id="negative"),
        pytest.param("²", id="a digit that is no number"),
    ],
)
def test_come_again_is_not_waited_for_in_vain(
    server: ApiServer, api: Api, retry_after: str
) -> None:
    """What cannot be done in time, or not be read, is an answer at once."""
    busy = Answer(429, status("busy", 429), {"Retry-After": retry_after})
    server.on("GET", PATH, busy)
    with pytest.raises(errors.UnavailableError, match="busy"):
        api.get(PATH, soon())

    assert len(server.seen) == 1


def test_silence_ends_with_the_deadline(server: ApiServer, api: Api) -> None:
    """A server that does not answer costs the time that was left, no more, and is asked once."""
    server.on("GET", PATH, Hang())
    began = time.monotonic()
    with pytest.raises(errors.DeadlineError, match="gave no answer in the time that was left"):
        api.get(PATH, soon(1.0))

    assert 0.9 < time.monotonic() - began < 5.0  # the server is silent for thirty
    assert len(server.seen) == 1


def test_without_time_nothing_is_sent(server: ApiServer, api: Api) -> None:
    """A deadline that is over is an error before any request."""
    with pytest.raises(errors.DeadlineError):
        api.get(PATH, soon(0))

    assert server.seen == []


def test_a_connection_that_closed_is_made_anew(server: ApiServer, api: Api) -> None:
    """The API server closes idle connections: the first break is not told."""
    server.on("PATCH", PATH, Close(), Answer(200, b"done"))

    assert api.apply(PATH, {}, soon(), manager="m") == b"done"


def test_a_connection_that_keeps_closing_is_an_error(server: ApiServer, api: Api) -> None:
    """The second break is."""
    server.on("GET", PATH, Close())
    with pytest.raises(errors.UnavailableError, match="broke"):
        api.get(PATH, soon())

    assert len(server.seen) == 2


def test_nobody_listens() -> None:
    """A refused connection names the address and the system's word."""
    with ApiServer() as server:
        api = server.api()
    with pytest.raises(errors.UnavailableError, match="cannot be reached: Connection refused"):
        api.get(PATH, soon())


def test_apply_is_forced_under_its_manager(server: ApiServer, api: Api) -> None:
    """Media type, manager, force and user agent are as they should be."""
    server.on("PATCH", PATH, Answer())
    api.apply(PATH, {"a": 1}, soon(), manager="portcullis")
    (seen,) = server.seen

    assert seen.query == {"fieldManager": "portcullis", "force": "true"}
    assert seen.headers["content-type"] == "application/apply-patch+yaml"
    assert seen.headers["user-agent"] == "portcullis/test"
    assert seen.body == b'{"a":1}'


def test_path_segments_are_quoted() -> None:
    """A name cannot leave its place in the path."""
    assert resource_path("api", "a/../b c?d") == "/api/a%2F..%2Fb%20c%3Fd"


def test_a_rotated_token_is_read_again(server: ApiServer, tmp_path: Path) -> None:
    """The token file is read anew while the process runs; a file that went is an error."""
    token, ca = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("first")
    ca.write_text("unused")
    environ = {"KUBERNETES_SERVICE_HOST": "h", "KUBERNETES_SERVICE_PORT": "1"}
    loader = InClusterConfigLoader(str(token), str(ca), environ=environ)
    loader._token_refresh_period = timedelta(0)
    configuration = Configuration()
    loader.load_and_set(configuration)
    loader.host = configuration.host = server.url
    api = Api(configuration, connections=1, version="test")
    server.on("GET", PATH, Answer())
    api.get(PATH, soon())
    token.write_text("second")
    api.get(PATH, soon())
    token.unlink()

    assert [s.headers["authorization"] for s in server.seen] == ["bearer first", "bearer second"]
    with pytest.raises(errors.UnavailableError, match="credentials cannot be read"):
        api.get(PATH, soon())


def test_no_configuration_refuses_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a Pod nor a kubeconfig: the message says where was looked."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(errors.SettingsError, match="by the Pod's ServiceAccount"):
        Api.connect(None, connections=1, version="test")
    with pytest.raises(errors.SettingsError, match="missing"):
        Api.connect(str(tmp_path / "missing"), connections=1, version="test")
