"""Default deny for new namespaces: marks, policies, and who may touch the marks."""

import json
import time

import pytest

from tests.controlplane.installation import NAMESPACE, Installation
from tests.controlplane.plane import ControlPlane
from tests.e2e import world

pytestmark = pytest.mark.controlplane

RESERVED = (
    "metadata.labels[portcullis.dev/seal]: Forbidden: is written by Portcullis alone: "
    'must stay "sealed", got {got}; to leave a namespace out of default deny, list it under '
    "defaultDeny.exemptNamespaces"
)
INJECTED = ("-l", "app.kubernetes.io/managed-by=portcullis")
"""Selects what we injected; the chart has a NetworkPolicy of its own for our Pods."""


@pytest.fixture(scope="module")
def plane(portcullis: Installation) -> ControlPlane:
    """With one sealed namespace."""
    world.seal(portcullis.plane, "marked")
    return portcullis.plane


def settled(plane: ControlPlane) -> None:
    """Wait until the controller has handled all that came before."""
    name = f"probe-{time.monotonic_ns()}"
    world.seal(plane, name)


def test_a_namespace_gets_its_policies_and_marks(plane: ControlPlane) -> None:
    """Marked pending in its CREATE, sealed once exactly the profile's policies stand."""
    made = json.loads(plane.kubectl("create", "namespace", "fresh", "-o", "json").stdout)
    world.eventually(lambda: world.marks(plane, "fresh") == world.SEALED)
    found = world.policies(plane, "fresh")
    sealed = plane.get("namespace", "fresh")

    assert world.PENDING.items() <= made["metadata"]["labels"].items()
    assert {name: item["spec"] for name, item in found.items()} == world.INJECTED
    for item in found.values():
        assert item["metadata"]["labels"] == {**world.MANAGED, world.PROFILE: "deny-all"}
        assert sealed is not None
        assert world.version(item) < world.version(sealed)


@pytest.mark.parametrize(
    "forged",
    [
        {"seal": "exempt"},
        {"seal": "sealed", "profile": "deny-all"},
        {"seal": ""},
        {"profile": "no-such-profile"},
    ],
)
@pytest.mark.parametrize("verb", ["create", "apply"])
def test_marks_of_the_author_are_replaced(
    plane: ControlPlane, verb: str, forged: dict[str, str]
) -> None:
    """Who writes the marks at creation gets ours instead, and his policies."""
    name = f"forged-{time.monotonic_ns()}"
    plane.kubectl(verb, "-f", "-", stdin=world.new_namespace(name, **forged))
    world.eventually(lambda: world.marks(plane, name) == world.SEALED)

    assert world.specs(plane, name) == world.INJECTED


@pytest.mark.parametrize(
    ("command", "got"),
    [
        pytest.param(["label", "ns", "marked", f"{world.SEAL}=exempt", "--overwrite"],
                     '"exempt"', id="label"),
        pytest.param(["label", "ns", "marked", f"{world.SEAL}-"], "unset", id="unlabel"),
        pytest.param(["patch", "ns", "marked", "--type=merge",
                      f'-p={{"metadata": {{"labels": {{"{world.SEAL}": "pending"}}}}}}'],
                     '"pending"', id="patch"),
        pytest.param(["patch", "ns", "marked", "--subresource=status", "--type=merge",
                      f'-p={{"metadata": {{"labels": {{"{world.SEAL}": "exempt"}}}}}}'],
                     '"exempt"', id="status"),
    ],
)  # fmt: skip
def test_marks_cannot_be_changed(plane: ControlPlane, command: list[str], got: str) -> None:
    """By no command and through no subresource; the refusal tells the way to be left out."""
    told = world.refused(plane.kubectl(*command, check=False))

    assert told.startswith(
        'Error from server (Forbidden): admission webhook "marks.portcullis.dev" denied the '
        f"request: {RESERVED.format(got=got)}"
    )
    assert world.marks(plane, "marked") == world.SEALED


@pytest.mark.parametrize("flags", [[], ["--server-side", "--force-conflicts"]])
def test_marks_cannot_be_applied_later(plane: ControlPlane, flags: list[str]) -> None:
    """A manifest with a mark is refused, one that does not speak of marks leaves them."""
    forged = world.new_namespace("marked", seal="exempt")
    told = world.refused(plane.kubectl("apply", *flags, "-f", "-", stdin=forged, check=False))
    plane.kubectl("apply", *flags, "-f", "-", stdin=world.new_namespace("marked"))

    assert "Error from server (Forbidden): " in told
    assert RESERVED.format(got='"exempt"') in told
    assert world.marks(plane, "marked") == world.SEALED


def test_a_mark_cannot_be_changed_through_finalize(plane: ControlPlane) -> None:
    """The strategy of namespaces/finalize keeps the labels of the request, so it is judged."""
    live = plane.get("namespace", "marked")
    assert live is not None
    labels = {**live["metadata"]["labels"], world.SEAL: "exempt"}
    forged = {**live, "metadata": {**live["metadata"], "labels": labels}}
    command = ("replace", "--raw", "/api/v1/namespaces/marked/finalize", "-f", "-")
    told = world.refused(plane.kubectl(*command, stdin=forged, check=False))

    assert RESERVED.format(got='"exempt"') in told


def test_unmarked_namespaces_cannot_be_marked_by_users(plane: ControlPlane) -> None:
    """A namespace from before us keeps its author from calling it sealed."""
    command = ("label", "namespace", "older", f"{world.SEAL}=sealed")
    told = world.refused(plane.kubectl(*command, check=False))

    assert 'must stay unset, got "sealed"' in told


def test_exempt_namespaces_get_no_policies(plane: ControlPlane) -> None:
    """Those that the settings name are marked exempt, and their pods are never sent to us."""
    plane.kubectl("create", "namespace", "ci-42")
    settled(plane)
    before = world.reviews_sent(plane, "pods-pending") + world.reviews_sent(plane, "pods-unmarked")
    world.create(plane, world.account("ci-42"), world.pod("ci-42"))
    after = world.reviews_sent(plane, "pods-pending") + world.reviews_sent(plane, "pods-unmarked")

    assert world.marks(plane, "ci-42") == {world.SEAL: "exempt"}
    assert world.policies(plane, "ci-42") == {}
    assert after == before


def test_system_namespaces_are_left_alone(plane: ControlPlane) -> None:
    """Also one that is created after us; none may be born with a mark."""
    forged = world.new_namespace("tigera-operator", seal="sealed")
    told = world.refused(plane.kubectl("create", "-f", "-", stdin=forged, check=False))
    plane.kubectl("create", "namespace", "tigera-operator")
    settled(plane)

    assert 'must stay unset, got "sealed"' in told
    for name in ("kube-system", "tigera-operator", NAMESPACE):
        injected = plane.kubectl("get", "networkpolicies", "-n", name, "-o", "name", *INJECTED)
        assert world.marks(plane, name) == {}
        assert injected.stdout == ""


def test_older_namespaces_are_left_alone(plane: ControlPlane) -> None:
    """A pod in a namespace from before us passes, and brings it no policies and no mark."""
    world.create(plane, world.account("older"), world.pod("older"))
    settled(plane)

    assert world.marks(plane, "older") == {}
    assert world.policies(plane, "older") == {}


def test_a_namespace_created_in_dry_run_leaves_nothing(plane: ControlPlane) -> None:
    """The answer shows the marks that it would get; no namespace is made."""
    command = ("create", "namespace", "unreal", "--dry-run=server", "-o", "json")
    shown = json.loads(plane.kubectl(*command).stdout)
    settled(plane)

    assert world.PENDING.items() <= shown["metadata"]["labels"].items()
    assert plane.get("namespace", "unreal") is None


def test_pods_of_sealed_namespaces_are_never_sent(plane: ControlPlane) -> None:
    """In the steady state default deny costs no call."""
    before = world.reviews_sent(plane, "pods-pending") + world.reviews_sent(plane, "pods-unmarked")
    world.create(plane, world.account("marked"), world.pod("marked"))
    after = world.reviews_sent(plane, "pods-pending") + world.reviews_sent(plane, "pods-unmarked")

    assert after == before


def test_labels_that_sealed_namespaces_trust_are_told(plane: ControlPlane) -> None:
    """A label that lets pods into another team's namespace is set, and its author hears of it."""
    world.seal(plane, "vault")
    world.seal(plane, "visitor")
    peer = {"namespaceSelector": {"matchLabels": {"visits": "vault"}}}
    spec = {"podSelector": {}, "ingress": [{"from": [peer], "ports": [{"port": 8080}]}]}
    world.create(plane, {**world.policy("vault", "visitors"), "spec": spec})

    def told() -> bool:
        done = plane.kubectl("label", "--dry-run=server", "ns", "visitor", "visits=vault")
        return "pods here may enter vault: its policy visitors trusts visits=vault" in done.stderr

    world.eventually(told)
    before = world.reviews_sent(plane, "namespace-labels")
    plane.kubectl("annotate", "ns", "visitor", "visits=vault")

    assert world.reviews_sent(plane, "namespace-labels") == before
