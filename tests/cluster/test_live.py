"""What `LiveCluster` makes of answers that a real API server seldom gives."""

import json

import pytest

from tests.fakes.apiserver import Answer, ApiServer, status
from webhook.cluster.client import Api
from webhook.cluster.live import BLOCKS, LiveCluster
from webhook.deadline import Deadline
from webhook.errors import ClusterError, ConflictError, UnavailableError
from webhook.interfaces import Event
from webhook.model.namespace import Marks, Seal
from webhook.model.profiles import Profile
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


DAEMON_SETS = "/apis/apps/v1/daemonsets"
CRD_BLOCKS, V3_BLOCKS = BLOCKS
NO_CRD = Answer(404, status("the server could not find the requested resource", 404))


def blocks(*cidrs: str, token: str = "") -> Answer:
    items = [{"spec": {"cidr": cidr, "allocations": [None] * 64}} for cidr in cidrs]
    return Answer(200, {"metadata": {"continue": token}, "items": items})


def test_daemon_sets_are_cut_down(server: ApiServer, cluster: LiveCluster) -> None:
    """Containers, arguments and environment; null lists and unknown fields are no matter."""
    env = [{"name": "A", "value": "b"}, {"name": "C", "valueFrom": {"fieldRef": {}}}]
    containers = [{"name": "c", "image": "i", "args": ["--x"], "env": env, "ports": [{}]}]
    items = [
        {"metadata": {"name": "a", "namespace": "n"}, "spec": {"template": {"spec": spec}}}
        for spec in ({"containers": containers}, {"containers": None})
    ]
    server.on("GET", DAEMON_SETS, Answer(200, {"metadata": {}, "items": items}))
    first, second = cluster.daemon_sets(soon())
    (container,) = first.containers()

    assert (first.full_name, container.arguments) == ("n/a", ("--x",))
    assert list(second.containers()) == []
    assert container.environment["A"] == "b"


@pytest.mark.parametrize(
    ("crd", "v3", "expected"),
    [
        pytest.param([NO_CRD], [NO_CRD], [], id="no-calico"),
        pytest.param([blocks("a", token="t"), blocks("b")], [NO_CRD], ["a", "b"], id="up-to-3.31"),
        pytest.param([NO_CRD], [blocks("c")], ["c"], id="native-v3"),
        pytest.param([blocks()], [blocks("c")], ["c"], id="after-a-migration"),
    ],
)
def test_blocks_of_either_group(server, cluster, crd, v3, expected) -> None:
    """A CRD that is not installed is no error: there are no blocks then."""
    server.on("GET", CRD_BLOCKS, *crd)
    server.on("GET", V3_BLOCKS, *v3)

    assert list(cluster.ipam_blocks(soon())) == expected


@pytest.mark.parametrize("code", [403, 503])
def test_blocks_that_cannot_be_read_are_an_error(server, cluster, code) -> None:
    """Not to be allowed to look is not to see nothing."""
    server.on("GET", CRD_BLOCKS, Answer(code, status("no", code)))
    with pytest.raises(ClusterError):
        list(cluster.ipam_blocks(soon()))


SHOP = "/api/v1/namespaces/shop"
STALE = {"portcullis.dev/reason": "no quota", "portcullis.dev/report": "cuts off", "team": "web"}


def shop(version: str, **annotations: str) -> Answer:
    """A Namespace without managedFields, as it is answered."""
    metadata = {"name": "shop", "uid": "u", "resourceVersion": version, "annotations": annotations}
    return Answer(200, {"metadata": metadata})


def test_what_an_apply_leaves_of_ours_is_taken_off(server: ApiServer, cluster: LiveCluster) -> None:
    """Where managedFields were cleared, nobody owns our annotations; a reason stood for ever."""
    marks = Marks(Seal.SEALED, Profile.DENY_ALL, Profile.DENY_ALL)
    server.on("GET", SHOP, shop("1", **STALE))
    server.on("PATCH", SHOP, shop("2", **STALE, **marks.annotations), shop("3"))
    cluster.mark(cluster.namespace("shop", soon()), marks, soon())
    _, _, removal = server.seen

    assert removal.headers["content-type"] == "application/json-patch+json"
    assert json.loads(removal.body) == [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "2"},
        {"op": "remove", "path": "/metadata/annotations/portcullis.dev~1reason"},
        {"op": "remove", "path": "/metadata/annotations/portcullis.dev~1report"},
    ]


def test_an_apply_that_leaves_nothing_is_all(server: ApiServer, cluster: LiveCluster) -> None:
    """As it mostly is: what others wrote, and what is to stand, is no business of the removal."""
    marks = Marks(Seal.PENDING, Profile.DENY_ALL, Profile.DENY_ALL, reason="no quota")
    server.on("GET", SHOP, shop("1"))
    server.on("PATCH", SHOP, shop("2", team="web", **marks.annotations))
    cluster.mark(cluster.namespace("shop", soon()), marks, soon())

    assert [seen.method for seen in server.seen] == ["GET", "PATCH"]


def test_a_removal_is_bound_to_what_the_apply_answered(
    server: ApiServer, cluster: LiveCluster
) -> None:
    """Somebody who came between is read first, as with the marks themselves."""
    conflict = Answer(409, status("the object has been modified", 409, "Conflict"))
    server.on("GET", SHOP, shop("1", **STALE))
    server.on("PATCH", SHOP, shop("2", **STALE), conflict)
    namespace = cluster.namespace("shop", soon())
    with pytest.raises(ConflictError):
        cluster.mark(namespace, Marks(Seal.EXEMPT), soon())


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


MEMORY = "/api/v1/namespaces/portcullis-system/configmaps/portcullis-netconf"


def test_a_memory_is_read_and_written_key_by_key(server: ApiServer, cluster: LiveCluster) -> None:
    """Each key has a field manager of its own: one apply must not take the other keys away."""
    server.on("GET", MEMORY, Answer(200, {"metadata": {}, "data": {"a.b": "{}"}}))
    server.on("PATCH", MEMORY, Answer(200, {}))
    recalled = [cluster.recall(key, soon()) for key in ("a.b", "c.d")]
    for key in ("a.b", "c.d"):
        cluster.remember(key, "{}", soon())
    managers = {seen.query["fieldManager"] for seen in server.requests("PATCH", MEMORY)}

    assert recalled == ["{}", None]
    assert len(managers) == 2
    assert all(len(manager) <= 128 for manager in managers)


def test_no_memory_is_none(server: ApiServer, cluster: LiveCluster) -> None:
    """The ConfigMap is made at the first removal."""
    server.on("GET", MEMORY, Answer(404, status("not found", 404, "NotFound")))

    assert cluster.recall("a.b", soon()) is None
