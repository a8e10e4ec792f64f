"""The policies that Portcullis injected are changed by Portcullis alone."""

import json

import pytest

from tests.controlplane.installation import Installation
from tests.controlplane.plane import ControlPlane
from tests.e2e import world

pytestmark = pytest.mark.controlplane

HERE = ("-n", "team")
DENIED = 'admission webhook "networkpolicies.portcullis.dev" denied the request: '
OVERRIDE = (
    '\nto override, annotate the object with portcullis.dev/override: "<reason>"; this needs the '
    'verb "override" on guards.portcullis.dev/networkpolicy-injected-protected'
)
EDIT = (
    "spec: Forbidden: the policies that Portcullis keeps in a namespace are changed by it alone; "
    "add a NetworkPolicy that allows what you need instead"
)
DELETE = (
    'metadata.name: Forbidden: "portcullis-{name}" is one of the policies that Portcullis keeps in '
    'namespace "team"; '
)
OPENS = "without it every pod there is open; add a NetworkPolicy that allows what you need instead"
STRIP = "metadata.labels[{label}]: Forbidden: marks what Portcullis injected; it must stay"
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "no-such-uid"}
MANAGED_BY = "app.kubernetes.io/managed-by"


@pytest.fixture(scope="module")
def plane(portcullis: Installation) -> ControlPlane:
    """With a sealed namespace `team`."""
    world.seal(portcullis.plane, "team")
    return portcullis.plane


def command_of(verb: str, *more: str) -> list[str]:
    return [verb, "networkpolicy", *more, *HERE]


def merge(name: str, patch: world.Manifest) -> list[str]:
    return command_of("patch", name, "--type=merge", "-p", json.dumps(patch))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        pytest.param(
            merge("portcullis-deny-all", {"spec": {"ingress": [{}]}}), EDIT, id="spec-opened"
        ),
        pytest.param(
            merge("portcullis-deny-all", {"spec": {"podSelector": {"matchLabels": {"a": "b"}}}}),
            EDIT,
            id="selector-narrowed",
        ),
        pytest.param(
            command_of("delete", "portcullis-deny-all"),
            DELETE.format(name="deny-all") + OPENS,
            id="delete",
        ),
        pytest.param(
            command_of("label", "portcullis-deny-all", f"{MANAGED_BY}-"),
            STRIP.format(label=MANAGED_BY),
            id="label-stripped",
        ),
        pytest.param(
            command_of("label", "portcullis-deny-all", f"{MANAGED_BY}=Helm", "--overwrite"),
            STRIP.format(label=MANAGED_BY),
            id="label-taken",
        ),
        pytest.param(
            merge("portcullis-allow-dns", {"metadata": {"ownerReferences": [OWNER]}}),
            "metadata.ownerReferences: Forbidden: a policy that Portcullis keeps has no owner: "
            "the garbage collector would delete it together with that",
            id="owner",
        ),
        pytest.param(
            command_of("label", "portcullis-allow-dns", f"{world.PROFILE}-"),
            STRIP.format(label=world.PROFILE),
            id="profile-stripped",
        ),
    ],
)
def test_changes_are_refused(plane: ControlPlane, command: list[str], message: str) -> None:
    """Edits, deletion and stripped labels are Forbidden, with what to do instead."""
    told = world.refused(plane.kubectl(*command, check=False))

    assert told == f"Error from server (Forbidden): {DENIED}{message}{OVERRIDE}"
    assert world.specs(plane, "team") == world.INJECTED


def test_replacing_the_whole_policy_is_refused(plane: ControlPlane) -> None:
    """`kubectl replace` and `apply`, as `edit` would."""
    opened = world.policies(plane, "team")["portcullis-deny-all"]
    opened = {**opened, "spec": {**opened["spec"], "policyTypes": ["Ingress"]}}
    for verb in ("replace", "apply"):
        told = world.refused(plane.kubectl(verb, "-f", "-", stdin=opened, check=False))

        assert "Error from server (Forbidden): " in told
        assert told.endswith(f"{DENIED}{EDIT}{OVERRIDE}")


@pytest.mark.parametrize(
    "command",
    [
        command_of("delete", "--all"),
        ["delete", "--raw", "/apis/networking.k8s.io/v1/namespaces/team/networkpolicies"],
    ],
    ids=["all", "collection"],
)
def test_deleting_all_leaves_ours(plane: ControlPlane, command: list[str]) -> None:
    """As kubectl does it, one by one, and as deletecollection, whose reviews bear no name."""
    world.create(plane, world.policy("team", "aaa"))
    told = world.refused(plane.kubectl(*command, check=False))
    plane.kubectl(*command_of("delete", "aaa", "--ignore-not-found"))

    assert "Error from server (Forbidden): " in told
    assert DELETE.format(name="deny-all") in told or DELETE.format(name="allow-dns") in told
    assert world.specs(plane, "team") == world.INJECTED


@pytest.mark.parametrize(
    ("manifest", "field"),
    [
        pytest.param(
            world.policy("team", "mine", labels=world.MANAGED),
            f'metadata.labels[{MANAGED_BY}]: Forbidden: "portcullis" marks what Portcullis injects',
            id="label",
        ),
        pytest.param(
            world.policy("team", "portcullis-mine"),
            'metadata.name: Forbidden: names that start with "portcullis-" are reserved',
            id="name",
        ),
    ],
)
def test_ours_cannot_be_forged(plane: ControlPlane, manifest: world.Manifest, field: str) -> None:
    """Neither our label nor our names may be taken."""
    told = world.refused(plane.kubectl("create", "-f", "-", stdin=manifest, check=False))

    assert told.startswith("Error from server (Forbidden): ")
    assert f"{DENIED}{field}" in told


def test_an_own_policy_cannot_become_ours(plane: ControlPlane) -> None:
    """Our label cannot be added later either."""
    world.create(plane, world.policy("team", "later"))
    label = f"{MANAGED_BY}=portcullis"
    told = world.refused(plane.kubectl(*command_of("label", "later", label), check=False))
    plane.kubectl(*command_of("delete", "later"))

    assert f'{DENIED}metadata.labels[{MANAGED_BY}]: Forbidden: "portcullis" marks' in told


def test_policies_of_the_team_are_free(plane: ControlPlane) -> None:
    """Created, changed and deleted at will, as long as they open no more than they name."""
    narrow = {"from": [{"podSelector": {}}], "ports": [{"port": 8080}]}
    world.create(plane, world.policy("team", "own"))
    plane.kubectl(*merge("own", {"spec": {"ingress": [narrow]}}))
    plane.kubectl(*command_of("label", "own", "a=b"))
    plane.kubectl(*command_of("delete", "own"))

    assert world.specs(plane, "team") == world.INJECTED


def test_policies_of_open_namespaces_are_sent_once(plane: ControlPlane) -> None:
    """Where nothing is denied by default changes are told of; what leaves the spec is not sent."""
    plane.kubectl("create", "namespace", "ci-open")
    entries = ("sealed", "protected", "elsewhere")
    before = [world.reviews_sent(plane, f"networkpolicies-{entry}") for entry in entries]
    world.create(plane, world.policy("ci-open", "own"))
    where = ("networkpolicy", "own", "-n", "ci-open")
    plane.kubectl("label", *where, "team=a")
    plane.kubectl("patch", *where, "--type=merge", "-p", '{"spec": {"ingress": [{}]}}')
    plane.kubectl("delete", *where)
    after = [world.reviews_sent(plane, f"networkpolicies-{entry}") for entry in entries]

    assert [now - then for now, then in zip(after, before, strict=True)] == [0, 0, 3]


def test_annotations_of_ours_are_free(plane: ControlPlane) -> None:
    """What does not change the effect, such as a note of a tool, passes."""
    plane.kubectl(*command_of("annotate", "portcullis-deny-all", "note=seen"))

    annotations = world.policies(plane, "team")["portcullis-deny-all"]["metadata"]["annotations"]
    assert annotations == {"note": "seen"}


def test_a_policy_without_our_field_manager_gets_it_back(plane: ControlPlane) -> None:
    """Taking it off passes, as no effect changes; but nobody could delete the policy later."""
    raw = "/apis/networking.k8s.io/v1/namespaces/team/networkpolicies/portcullis-allow-dns"

    def managers() -> set[str]:
        entries = json.loads(plane.kubectl("get", "--raw", raw).stdout)["metadata"]
        return {entry["manager"] for entry in entries.get("managedFields", ())}

    assert "portcullis" in managers()
    plane.kubectl(*merge("portcullis-allow-dns", {"metadata": {"managedFields": [{}]}}))
    world.eventually(lambda: "portcullis" in managers())


def test_a_namespace_goes_with_its_policies(plane: ControlPlane) -> None:
    """Deletion of a sealed namespace, pods and all, is done within seconds."""
    world.seal(plane, "leaving")
    world.create(plane, world.account("leaving"), world.pod("leaving"))
    plane.kubectl("delete", "namespace", "leaving", "--wait=false")
    plane.kubectl("delete", "pod", "first", "-n", "leaving", "--force", "--ignore-not-found")

    world.eventually(lambda: plane.get("namespace", "leaving") is None, 60)


def test_in_a_terminating_namespace_anybody_may_clean_up(plane: ControlPlane) -> None:
    """Something holds the namespace, and its admin deletes what is in it by hand."""
    world.seal(plane, "held")
    world.create(plane, world.config_map("held", "holds", None, finalizers=["example.com/hold"]))
    plane.kubectl("delete", "namespace", "held", "--wait=false")
    plane.kubectl("delete", "networkpolicy", "--all", "-n", "held")
    command = ("patch", "configmap", "holds", "-n", "held", "--type=json")
    plane.kubectl(*command, '-p=[{"op": "remove", "path": "/metadata/finalizers"}]')

    world.eventually(lambda: plane.get("namespace", "held") is None, 60)
