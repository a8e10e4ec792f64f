"""The two paths that the API server calls, without a network between."""

import json

import pytest

from tests import reviews
from webhook.model.review import ALLOWED
from webhook.server.app import create_app
from webhook.server.endpoint import AdmissionEndpoint
from webhook.server.lifecycle import Lifecycle, State
from webhook.settings import ServerSettings

POLICY = reviews.network_policy("web")
BODY = reviews.body("UPDATE", POLICY, POLICY)


class Allowing:
    """Allows everything, and remembers the time it was given."""

    def __init__(self) -> None:
        self.remaining: list[float] = []

    def validate(self, attributes, deadline):
        self.remaining.append(deadline.remaining())
        return ALLOWED

    mutate = validate


def application(admission, lifecycle, meter=None):
    endpoint = AdmissionEndpoint(admission, lifecycle, default_timeout=10.0, meter=meter)
    return create_app(endpoint, lifecycle, ServerSettings())


@pytest.fixture
def admission() -> Allowing:
    """What decides."""
    return Allowing()


@pytest.fixture
def lifecycle() -> Lifecycle:
    """A replica that serves."""
    return Lifecycle(State.SERVING, "")


@pytest.fixture
def client(admission, lifecycle):
    """The application, called as WSGI."""
    return application(admission, lifecycle).test_client()


@pytest.mark.parametrize("path", ["/validate", "/mutate"])
def test_a_review_is_answered(client, path) -> None:
    """The uid is echoed in a JSON AdmissionReview."""
    response = client.post(path, data=BODY)

    assert response.status_code == 200
    assert response.content_type == "application/json"
    assert response.get_json()["response"] == {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "allowed": True,
    }


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        pytest.param("?timeout=3s", 3.0, id="as-told"),
        pytest.param("?timeout=1h", 30.0, id="capped"),
        pytest.param("?timeout=soon", 10.0, id="nonsense-is-the-default"),
        pytest.param("", 10.0, id="none-is-the-default"),
    ],
)
def test_the_api_servers_timeout_is_the_deadline(client, admission, query, seconds) -> None:
    """A decision gets the time that the API server will wait."""
    client.post(f"/validate{query}", data=BODY)

    assert admission.remaining == [pytest.approx(seconds, abs=0.5)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b" ", "truncated", id="blank"),
        pytest.param(b"{", "truncated", id="cut-off"),
        pytest.param(json.dumps({"kind": "Pod"}).encode(), "apiVersion", id="no-review"),
    ],
)
def test_what_is_no_review_is_a_400(client, data, message) -> None:
    """The body is a Status whose message names the place; the API server prints it."""
    response = client.post("/validate", data=data)

    assert response.status_code == 400
    assert response.get_json()["kind"] == "Status"
    assert message in response.get_json()["message"]


def test_a_body_over_the_limit_is_a_413(client) -> None:
    """Twice the largest object passes; more is not even read."""
    limit = ServerSettings().max_body_bytes
    response = client.post("/validate", data=b" " * (limit + 1))

    assert response.status_code == 413


def test_no_length_at_all_is_a_411(client) -> None:
    """A POST without a body length is no review."""
    assert client.post("/validate").status_code == 411


@pytest.mark.parametrize("state", [State.WARMING, State.GONE])
def test_elsewhere_while_not_serving(client, lifecycle, state) -> None:
    """503 with Retry-After makes the API server ask another replica, within its timeout."""
    lifecycle.state = state
    response = client.post("/validate", data=BODY)

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"


def test_leaving_still_answers(client, lifecycle) -> None:
    """Told to stop, a replica goes on until nobody sends it anything."""
    lifecycle.leave()

    assert client.post("/validate", data=BODY).status_code == 200
    assert client.get("/readyz").status_code == 503


@pytest.mark.parametrize(
    ("state", "code"),
    [(State.WARMING, 503), (State.SERVING, 200), (State.LEAVING, 503), (State.GONE, 503)],
)
def test_readiness_follows_the_state(client, lifecycle, state, code) -> None:
    """Only a replica that serves, and goes on serving, is ready."""
    lifecycle.state = state

    assert client.get("/readyz").status_code == code


@pytest.mark.parametrize("state", list(State))
def test_liveness_does_not(client, lifecycle, state) -> None:
    """A replica that waits for the API server must not be restarted for it."""
    lifecycle.state = state

    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        pytest.param("GET", "/validate", 405, id="get"),
        pytest.param("DELETE", "/mutate", 405, id="delete"),
        pytest.param("POST", "/elsewhere", 404, id="unknown"),
        pytest.param("GET", "/metrics", 404, id="metrics-are-on-their-own-port"),
    ],
)
def test_strangers_get_a_status(client, method, path, code) -> None:
    """A wrong method or path is a 4xx with a Status, never a page and never a 500."""
    response = client.open(path, method=method)

    assert response.status_code == code
    assert response.get_json()["code"] == code


def test_the_states_only_go_on() -> None:
    """What is leaving does not come back, whatever the warm-up finds out later."""
    lifecycle = Lifecycle()
    lifecycle.waiting("for the certificate authority")
    seen = [(lifecycle.state, lifecycle.reason)]
    for step in (lifecycle.ready, lifecycle.leave, lifecycle.ready, lifecycle.go, lifecycle.leave):
        step()
        seen.append(lifecycle.state)

    assert seen == [
        (State.WARMING, "for the certificate authority"),
        State.SERVING,
        State.LEAVING,
        State.LEAVING,
        State.GONE,
        State.GONE,
    ]


class Meter:
    """Counts by hand."""

    def __init__(self) -> None:
        self.in_flight: list[int] = [0]
        self.codes: list[int] = []

    def began(self, path: str) -> None:
        self.in_flight.append(self.in_flight[-1] + 1)

    def ended(self, path: str) -> None:
        self.in_flight.append(self.in_flight[-1] - 1)

    def rejected(self, code: int) -> None:
        self.codes.append(code)


class Failing:
    """Breaks, as no decision does."""

    def validate(self, attributes, deadline):
        raise ZeroDivisionError

    mutate = validate


def test_requests_in_flight_and_rejected_ones_are_counted(admission, lifecycle) -> None:
    """What began ends, whatever came of it; a probe is no review."""
    meter = Meter()
    client = application(admission, lifecycle, meter).test_client()
    client.get("/readyz")
    client.post("/validate", data=BODY)
    client.post("/validate", data=b"{")
    client.post("/validate")
    lifecycle.state = State.WARMING
    client.post("/validate", data=BODY)
    broken = application(Failing(), Lifecycle(State.SERVING, ""), meter)
    broken.test_client().post("/validate", data=BODY)

    assert meter.in_flight == [0, 1] + [0, 1] * 4 + [0]
    assert meter.codes == [400, 411, 503]
