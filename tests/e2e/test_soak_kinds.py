"""The soak tells errors apart by what the API server says of them."""

import pytest

from tests.e2e.open_load import Policy, Written
from tests.e2e.soak import Phase, by_phase, kind_of

POST = (
    'Internal error occurred: failed calling webhook "networkpolicies-sealed.portcullis.dev": '
    "failed to call webhook: "
    'Post "https://portcullis.portcullis-system.svc:443/validate?timeout=5s": '
)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(POST + "EOF", "a connection was cut", id="eof"),
        pytest.param(
            POST + "read tcp 10.88.0.1:1->10.88.0.11:8443: read: connection reset by peer",
            "a connection was cut",
            id="reset",
        ),
        pytest.param(
            POST + "dial tcp 10.88.0.11:8443: connect: connection refused",
            "connection refused",
            id="refused",
        ),
        pytest.param(
            POST
            + "tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "not trusted",
            id="x509",
        ),
        pytest.param(POST + "context deadline exceeded", "timed out", id="deadline"),
        pytest.param(
            'no endpoints: failed calling webhook "x": no endpoints available for service "p"',
            "no endpoint",
            id="no-endpoint",
        ),
        pytest.param(
            'admission webhook "networkpolicies-sealed.portcullis.dev" denied the request: spec: …',
            "refused by us",
            id="denied",
        ),
        pytest.param(
            'admission webhook "networkpolicies-sealed.portcullis.dev" denied the request: '
            "portcullis could not judge this change: no answer; try again",
            "not judged, for we cannot ask",
            id="not-judged",
        ),
        pytest.param(
            "client: ClientConnectorError: Cannot connect", "the API server is away", id="client"
        ),
        pytest.param(
            "the object has been modified", "other: the object has been modified", id="other"
        ),
    ],
)
def test_kinds(error: str, kind: str) -> None:
    """An error that nobody foresaw is told in its own words."""
    assert kind_of(error) == kind


def test_what_is_under_way_when_a_deed_begins_is_that_deeds() -> None:
    """A write counts for the phase in which it was answered; the last one has all that follow."""
    phases = [Phase("nothing", True, 0.0, 10.0), Phase("SIGKILL", False, 10.0, 20.0)]
    before, amid, after = (Written(due, 0.01, 0.2) for due in (9.0, 9.9, 19.9))

    accounts = by_phase(phases, [before, amid, after])
    assert [[before], [amid, after]] == [each.writes for each in accounts]


def test_a_lost_answer_is_settled_by_the_next() -> None:
    """A write that was carried out though its answer was lost is no error when it is sent again."""
    policy = Policy("shop", "p")
    policy.settle(Written(0.0, status=0, error="client: ServerDisconnectedError"))
    again = Written(0.0, status=409, error="already exists")
    policy.settle(again)

    assert again.error == ""
    assert policy.verb == "PUT"


def test_a_conflict_that_nothing_explains_is_an_error() -> None:
    """Without a lost answer before it, a 409 is told."""
    policy = Policy("shop", "p")
    conflict = Written(0.0, status=409, error="already exists")
    policy.settle(conflict)

    assert conflict.error
    assert policy.verb == "POST"
