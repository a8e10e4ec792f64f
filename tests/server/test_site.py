"""What the worker serves: reviews by the endpoint, everything else by WSGI."""

import resource
from types import SimpleNamespace

import pytest

from tests import reviews
from webhook.deadline import Deadline
from webhook.model.review import ALLOWED
from webhook.rationed import TRACEBACKS
from webhook.server.app import create_app
from webhook.server.callers import Callers
from webhook.server.endpoint import AdmissionEndpoint
from webhook.server.http1 import HttpError, Request
from webhook.server.lifecycle import Lifecycle, State
from webhook.server.site import WebhookSite, call
from webhook.server.worker import allow_descriptors
from webhook.settings import ServerSettings

BODY = reviews.body("CREATE", reviews.network_policy("web"))
LENGTH = {b"content-length": b"1"}


def site(decide=lambda *_: ALLOWED, meter=None, callers=Callers(())) -> WebhookSite:  # noqa: B008 - a value
    admission, lifecycle = SimpleNamespace(validate=decide, mutate=decide), Lifecycle()
    lifecycle.state = State.SERVING
    endpoint = AdmissionEndpoint(
        admission, lifecycle, default_timeout=10.0, meter=meter, callers=callers
    )
    app = create_app(endpoint, lifecycle, ServerSettings())
    return WebhookSite(endpoint, app, lifecycle, SimpleNamespace(context=None))


def served(request: Request, certificate=None, **options):
    return site(**options).serve(request, Deadline.after(10), lambda: certificate)


@pytest.mark.parametrize(
    ("method", "target", "code"),
    [
        pytest.param("POST", b"/validate", 200, id="review"),
        pytest.param("POST", b"/mutate?timeout=3s", 200, id="with-timeout"),
        pytest.param("GET", b"/validate", 405, id="other-method"),
        pytest.param("GET", b"/readyz", 200, id="probe"),
        pytest.param("HEAD", b"/readyz?verbose", 200, id="head"),
        pytest.param("GET", b"/nowhere", 404, id="unknown"),
        pytest.param("GET", b"/%00%ff", 404, id="undecodable"),
        pytest.param("POST", b"/validate/", 404, id="not-quite"),
        pytest.param("POST", b"/%76alidate", 200, id="spelt-otherwise"),
        pytest.param("TRACE", b"/validate", 405, id="trace"),
    ],
)
def test_paths(method, target, code) -> None:
    """The same whichever way a request takes."""
    assert served(Request(method, target, LENGTH, BODY)).code == code


@pytest.mark.parametrize(
    ("method", "target", "seconds"),
    [
        pytest.param("POST", b"/validate?timeout=3s", 3.0, id="asked"),
        pytest.param("POST", b"/validate?timeout=3s&timeout=1s", 3.0, id="asked-twice"),
        pytest.param("POST", b"/mutate", 10.0, id="default"),
        pytest.param("POST", b"/validate?timeout=\xff", 10.0, id="nonsense"),
        pytest.param("POST", b"/validate?timeout=99h", 30.0, id="capped"),
        pytest.param("GET", b"/readyz", None, id="no-review"),
    ],
)
def test_how_long_a_client_waits(method, target, seconds) -> None:
    """Reviews have their timeout, whoever asks for something else none."""
    assert site().patience(Request(method, target, {}, b"")) == seconds


def test_what_breaks_inside_is_a_503(caplog) -> None:
    """No decision raises; should one, the API server asks another replica, and the log says why."""

    def broken(*_):
        raise ZeroDivisionError

    answer = served(Request("POST", b"/validate", LENGTH, BODY), decide=broken)

    assert answer.code == 503
    assert ("Retry-After", "1") in answer.headers
    assert "request failed" in caplog.text


def test_a_bug_does_not_fill_the_log(caplog) -> None:
    """However often it is met, its traceback is written a few times a minute."""

    def broken(*_):
        raise ZeroDivisionError

    place = site(decide=broken)
    for _ in range(3 * TRACEBACKS):
        place.serve(Request("POST", b"/validate", LENGTH, BODY), Deadline.after(10), lambda: None)

    assert TRACEBACKS == len([it for it in caplog.records if it.exc_info])


@pytest.mark.parametrize("target", [b"/validate", b"/%76alidate"], ids=["endpoint", "wsgi"])
def test_no_way_leads_past_the_names_of_callers(target) -> None:
    """With mTLS a review without a certificate is refused, also where Flask routes it."""
    answer = served(Request("POST", target, LENGTH, BODY), callers=Callers(["kube-apiserver"]))

    assert answer.code == 403


def test_what_is_not_served_is_counted_too() -> None:
    """Requests that HTTP itself refuses, and those that the queue has no room for."""
    codes: list[int] = []
    meter = SimpleNamespace(rejected=codes.append)
    for code in (431, 503):
        site(meter=meter).refused(HttpError(code, "no"))

    assert codes == [431, 503]


def test_an_application_sees_what_was_sent() -> None:
    """PEP 3333; a header with an underscore could pass for another and is left out."""
    seen = {}

    def app(environ, start_response):
        seen.update(environ, body=environ["wsgi.input"].read())
        start_response("201 Created", [("Content-Length", "2"), ("X", "y")])
        return [b"o", b"k"]

    headers = {b"host": b"a", b"content-type": b"text/plain", b"x-a": b"\xff", b"x_b": b"c"}
    answer = call(app, Request("PUT", b"/a%20b?c=%20", headers, b"abc"))

    assert (answer.code, answer.body, answer.headers) == (201, b"ok", (("X", "y"),))
    assert (seen["PATH_INFO"], seen["QUERY_STRING"], seen["body"]) == ("/a b", "c=%20", b"abc")
    assert (seen["CONTENT_TYPE"], seen["CONTENT_LENGTH"]) == ("text/plain", "3")
    assert {key for key in seen if key.startswith("HTTP_")} == {"HTTP_HOST", "HTTP_X_A"}


def test_files_for_all_connections_may_be_open() -> None:
    """The soft limit is raised as far as it is needed, and the hard one allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        allow_descriptors(300)
        raised = resource.getrlimit(resource.RLIMIT_NOFILE)
        allow_descriptors(100)
        kept = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert raised == kept == (300, hard)
