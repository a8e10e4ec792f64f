"""Profiles of the platform team's own: read with clear errors, never made worse by an edit."""

from collections.abc import Mapping

import pytest

from tests.fakes.cluster import FakeCluster
from webhook.controller.profiles import ProfileKeeper
from webhook.deadline import Deadline
from webhook.errors import RefusedError, UnavailableError
from webhook.manifest_profiles import ProfileError, read_profile
from webhook.model.objects import ObjectMeta
from webhook.model.profiles import Manifest
from webhook.own_profiles import KEY, OwnProfiles, decode, encode

HEAD = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
GOOD = HEAD + "metadata: {name: web}\nspec: {podSelector: {}, policyTypes: [Ingress]}\n"
OTHER = GOOD.replace("Ingress", "Egress")


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        pytest.param("web.yaml", GOOD, "web.yaml: a key must be own-<name>.yaml", id="prefix"),
        pytest.param("own-web", GOOD, "own-web: a key must be", id="no suffix"),
        pytest.param("own-Web.yaml", GOOD, "in lower case", id="upper case"),
        pytest.param("own-a.yaml", "", "own-a.yaml: must hold 1 to 20 policies", id="empty"),
        pytest.param("own-a.yaml", "a: [", "own-a.yaml:", id="no yaml"),
        pytest.param(
            "own-a.yaml", GOOD.replace("podSelector", "podselector"), "4:", id="unknown field"
        ),
        pytest.param(
            "own-a.yaml",
            GOOD.replace("name: web", "name: web, namespace: x"),
            "own-a.yaml:3:34: metadata.namespace: unknown field",
            id="namespace",
        ),
        pytest.param(
            "own-a.yaml", HEAD.replace("Network", "Pod"), "kind: Invalid value", id="other kind"
        ),
        pytest.param(
            "own-a.yaml", HEAD + "metadata: {name: web}\n", "spec: Required value", id="no spec"
        ),
        pytest.param(
            "own-a.yaml", f"{GOOD}---\n{GOOD}", 'Duplicate value: "portcullis-web"', id="twice"
        ),
        pytest.param("own-a.yaml", "- a", "must be an object", id="a list"),
    ],
)
def test_errors_name_the_place(key: str, text: str, message: str) -> None:
    """Key, line, column and field."""
    with pytest.raises(ProfileError) as caught:
        read_profile(key, text)

    assert message in str(caught.value)


def test_policies_become_ours() -> None:
    """Our name prefix, once, and our labels."""
    (one,) = read_profile("own-web.yaml", GOOD)
    (two,) = read_profile("own-web.yaml", GOOD.replace("name: web", "name: portcullis-web"))

    assert one == two
    assert one["metadata"] == {
        "name": "portcullis-web",
        "labels": {
            "app.kubernetes.io/managed-by": "portcullis",
            "portcullis.dev/profile": "own-web",
        },
    }


class FakeSource:
    """A ConfigMap, and an API server that refuses what it is told to."""

    def __init__(self, **texts: str) -> None:
        self.texts = texts
        self.refused = False

    def read(self, deadline: Deadline) -> Mapping[str, str]:
        return {f"{key.replace('_', '-')}.yaml": text for key, text in self.texts.items()}

    def tried(self, policy: Manifest, deadline: Deadline) -> Manifest:
        if self.refused:
            raise RefusedError("denied by policy")
        return policy


class World:
    """A keeper and what it touches."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.source = FakeSource(own_web=GOOD)
        self.own = OwnProfiles(self.cluster, clock=lambda: 0.0)
        self.changed: list[str] = []
        self.keeper = ProfileKeeper(
            self.source, self.own, self.cluster, lambda name, _: self.changed.append(name)
        )
        self.keeper.observe("ADDED", ObjectMeta(name="portcullis-profiles", namespace="p"))


@pytest.fixture
def world() -> World:
    world = World()
    world.keeper.load()
    return world


def test_a_valid_profile_is_taken_over_once(world: World) -> None:
    """Kept in the memory, told once."""
    world.keeper.load()

    assert world.changed == ["own-web"]
    assert set(world.own) == {"own-web"}
    assert decode(world.cluster.memory[KEY]) == dict(world.own)
    assert world.cluster.calls["remember"] == 1


@pytest.mark.parametrize("how", ["unreadable", "refused by the API server"])
def test_an_invalid_profile_replaces_nothing(world: World, how: str) -> None:
    """Not even over a restart; it is told on the ConfigMap; other profiles are taken over."""
    before = world.own["own-web"]
    world.source.texts = {"own_web": "kind: x" if how == "unreadable" else OTHER}
    world.source.refused = how != "unreadable"
    world.keeper.load()
    restarted = OwnProfiles(world.cluster)
    (event,) = world.cluster.events

    assert restarted["own-web"] == before
    assert event.reason == "ProfileInvalid"
    assert event.message.endswith("what was valid before stays")
    assert world.changed == ["own-web"]


def test_a_profile_that_is_gone_is_forgotten(world: World) -> None:
    """Its namespaces show that as drift; their policies stand."""
    world.source.texts = {}
    world.keeper.load()

    assert dict(world.own) == {}
    assert "own-web" not in OwnProfiles(world.cluster)


def test_an_api_server_that_is_away_changes_nothing(world: World) -> None:
    """And is asked again."""
    world.source.texts = {"own_web": OTHER}
    world.cluster.fail("remember", UnavailableError("away"), times=1)
    with pytest.raises(UnavailableError):
        world.keeper.load()
    assert world.changed == ["own-web"]
    world.keeper.load()

    assert world.changed == ["own-web", "own-web"]


def test_other_names_cost_no_request() -> None:
    """Where nobody wrote profiles, nobody asks."""
    cluster = FakeCluster()

    assert "deny-all" not in OwnProfiles(cluster)
    assert not cluster.calls


def test_text_that_is_not_ours_is_an_error() -> None:
    """The memory is a ConfigMap that an admin may edit."""
    assert decode(None) == {}
    assert encode({}) == "{}"
    with pytest.raises(UnavailableError, match="cannot be read"):
        decode("[]")
