"""What `LiveCluster` makes of answers that a real API server seldom gives."""

import pytest

from tests.fakes.apiserver import Answer, ApiServer, status
from webhook.cluster.client import Api
from webhook.cluster.live import LiveCluster
from webhook.deadline import Deadline
from webhook.errors import ClusterError, UnavailableError
from webhook.interfaces import Event
from webhook.model.review import UserInfo
from webhook.settings import Identity

NODES = "/api/v1/nodes"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class NoEvents:
    """Events that are not looked at."""

    def record(self, event: Event) -> None:
        """Ignore."""


@pytest.fixture
def cluster(api: Api) -> LiveCluster:
    return LiveCluster(api, NoEvents(), Identity())


def soon() -> Deadline:
    return Deadline.after(5)


def page(*names: str, token: str = "") -> Answer:
    items = [{"metadata": {"name": name}, "status": {"images": [{}] * 50}} for name in names]
    return Answer(200, {"metadata": {"continue": token, "resourceVersion": "1"}, "items": items})


def test_pages_are_fetched_when_asked_for(server: ApiServer, cluster: LiveCluster) -> None:
    """A caller that stops early costs no further page; one that goes on follows the token."""
    server.on("GET", NODES, page("a", "b", token="t/1="), page("c"))
    nodes = cluster.nodes(soon())
    first = next(nodes).metadata.name
    asked = len(server.seen)
    rest = [node.metadata.name for node in nodes]

    assert (first, asked, rest) == ("a", 1, ["b", "c"])
    assert [s.query for s in server.seen] == [
        {"limit": "500"},
        {"limit": "500", "continue": "t/1="},
    ]


def test_a_list_that_ends_halfway_is_an_error(server: ApiServer, cluster: LiveCluster) -> None:
    """A token that ran out, or an answer that is cut, never looks like the end of the list."""
    server.on("GET", NODES, page("a", token="t"), Answer(410, status("expired", 410)))
    with pytest.raises(UnavailableError, match="expired"):
        list(cluster.nodes(soon()))

    server.on("GET", NODES, Answer(200, b'{"items":[{"metadata":'))
    with pytest.raises(UnavailableError, match="cannot be read"):
        list(cluster.nodes(soon()))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param({"allowed": True}, True, id="yes"),
        pytest.param({"allowed": False}, False, id="no opinion is a no"),
        pytest.param({"allowed": False, "denied": True}, False, id="no"),
        pytest.param({"allowed": True, "denied": True}, False, id="a contradiction is a no"),
        pytest.param({"allowed": True, "evaluationError": "x"}, True, id="yes, with an error"),
        pytest.param({"evaluationError": "role not found"}, False, id="no, with an error"),
        pytest.param({}, False, id="nothing"),
    ],
)
def test_only_a_plain_yes_overrides(
    server: ApiServer, cluster: LiveCluster, answer: dict[str, object], expected: bool
) -> None:
    """The status decides; an error beside it does not weaken a yes."""
    server.on("POST", REVIEWS, Answer(201, {"status": answer}))

    assert cluster.may_override(UserInfo("jane"), "c", soon()) is expected


def test_an_authorizer_that_is_away_is_no_answer(server: ApiServer, cluster: LiveCluster) -> None:
    """A failing review raises: it is for the caller to say what follows."""
    server.on("POST", REVIEWS, Answer(500, status("webhook authorizer is away")))
    with pytest.raises(ClusterError, match="authorizer is away"):
        cluster.may_override(UserInfo("jane"), "c", soon())


def test_the_time_of_the_installation_is_asked_once(
    server: ApiServer, cluster: LiveCluster
) -> None:
    """It cannot change; an absent ConfigMap is not remembered."""
    path = "/api/v1/namespaces/portcullis-system/configmaps/portcullis"
    stamp = {"metadata": {"creationTimestamp": "2026-01-02T03:04:05Z"}}
    server.on("GET", path, Answer(404, status("none", 404)), Answer(200, stamp))
    with pytest.raises(ClusterError):
        cluster.installed_at(soon())
    times = {cluster.installed_at(soon()) for _ in range(3)}

    assert [moment.isoformat() for moment in times] == ["2026-01-02T03:04:05+00:00"]
    assert len(server.seen) == 2
