"""Mistakes that the API server accepts, and namespaces that a setting protects: through kubectl."""

from subprocess import CompletedProcess

import pytest

from tests.controlplane.installation import Installation
from tests.controlplane.plane import ControlPlane
from tests.e2e import world

pytestmark = pytest.mark.controlplane

AND_OR = {
    "podSelector": {"matchLabels": {"app": "db"}},
    "policyTypes": ["Ingress"],
    "ingress": [
        {
            "from": [
                {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}},
                {"podSelector": {"matchLabels": {"app": "web"}}},
            ]
        }
    ],
}
BY_NAME = {
    **AND_OR,
    "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"name": "default"}}}]}],
}
OR = (
    "spec.ingress[0].from[0]: {}two items mean OR: every pod of those namespaces, or own pods; for "
    "AND drop the second dash"
)
NAME = (
    "spec.ingress[0].from[0].namespaceSelector: {}no Namespace has the label name=default: select "
    "kubernetes.io/metadata.name: default"
)
CLOSED = {"podSelector": {}, "policyTypes": ["Ingress"]}


@pytest.fixture(scope="module")
def plane(portcullis: Installation) -> ControlPlane:
    """Exempt namespaces: `ci-plain`, `ci-strict` with a rule that denies, `ci-protected`."""
    plane = portcullis.plane
    for name, labels in {
        "ci-plain": {},
        "ci-strict": {"strict": "yes"},
        "ci-protected": {"protect": "yes"},
    }.items():
        manifest = {"apiVersion": "v1", "kind": "Namespace"}
        world.create(plane, {**manifest, "metadata": world.meta(name, labels=labels)})
        world.create(plane, world.account(name), world.pod(name))
    return plane


def write(
    plane: ControlPlane, verb: str, where: str, spec: world.Manifest, **metadata: object
) -> CompletedProcess[str]:
    """Write the policy `team` anew."""
    if verb != "replace":
        plane.kubectl("delete", "networkpolicy", "team", "-n", where, "--ignore-not-found")
    flags = ["--server-side"] if verb == "server-side apply" else []
    manifest = {**world.policy(where, "team", **metadata), "spec": spec}
    verb = verb.removeprefix("server-side ")
    return plane.kubectl(verb, *flags, "-f", "-", stdin=manifest, check=False)


@pytest.mark.parametrize("verb", ["create", "apply", "server-side apply"])
@pytest.mark.parametrize(
    ("spec", "told"),
    [
        pytest.param(AND_OR, f"{OR.format('')} [and-or]", id="by-the-policy"),
        pytest.param(
            BY_NAME, f"{NAME.format('')} [ns-selector-matches-none/name-label]", id="by-the-cluster"
        ),
    ],
)
def test_warned_of_by_default(
    plane: ControlPlane, verb: str, spec: world.Manifest, told: str
) -> None:
    """In any namespace; the policy is stored."""
    done = write(plane, verb, "ci-plain", spec)

    assert f"Warning: {told}\n" in done.stderr
    assert world.specs(plane, "ci-plain")["team"] == spec


OMITTED = {"podSelector": {}, "egress": [{"to": [{"podSelector": {}}]}]}


@pytest.mark.parametrize(
    ("verb", "told"), [("apply", True), ("create", False), ("server-side apply", False)]
)
def test_what_was_written_is_known_of_apply_alone(
    plane: ControlPlane, verb: str, told: bool
) -> None:
    """PolicyTypes that the API server filled in look as if they were meant, but for `apply`."""
    done = write(plane, verb, "ci-plain", OMITTED)

    assert done.returncode == 0, done.stderr
    assert ("[types-omitted-egress]" in done.stderr) is told
    types = world.specs(plane, "ci-plain")["team"]["policyTypes"]
    assert types == ["Ingress", "Egress"]


def test_an_update_is_told_what_it_brings(plane: ControlPlane) -> None:
    """What was so before is not told again, and what leaves the spec is not looked at."""
    write(plane, "create", "ci-plain", AND_OR)
    where = ("networkpolicy", "team", "-n", "ci-plain")
    wider = plane.kubectl("patch", *where, "-p", '{"spec": {"podSelector": {"matchLabels": null}}}')
    labelled = plane.kubectl("label", *where, "team=a")
    worse = write(plane, "replace", "ci-plain", BY_NAME)

    assert "[and-or]" not in wider.stderr
    assert labelled.stderr == ""
    assert f"Warning: {NAME.format('')}" in worse.stderr


@pytest.mark.parametrize("verb", ["create", "apply", "server-side apply"])
@pytest.mark.parametrize(
    ("spec", "told", "check"),
    [
        pytest.param(AND_OR, OR, "and-or", id="by-the-policy"),
        pytest.param(BY_NAME, NAME, "ns-selector-matches-none", id="by-the-cluster"),
    ],
)
def test_a_setting_refuses(
    plane: ControlPlane, verb: str, spec: world.Manifest, told: str, check: str
) -> None:
    """In the namespaces that it selects: with the field, the check, and the way round."""
    done = write(plane, verb, "ci-strict", spec)

    assert world.refused(done).endswith(
        'admission webhook "networkpolicies-elsewhere.portcullis.dev" denied the request: '
        f"{told.format('Forbidden: ')}\n"
        'to override, annotate the object with portcullis.dev/override: "<reason>"; this needs '
        f'the verb "override" on guards.portcullis.dev/{check}'
    )
    assert world.policies(plane, "ci-strict") == {}


def test_who_may_overrides_a_check(plane: ControlPlane) -> None:
    """The admin of the cluster may, by the annotation."""
    reason = {world.OVERRIDE: "both are meant"}
    done = write(plane, "create", "ci-strict", AND_OR, annotations=reason)
    plane.kubectl("delete", "networkpolicy", "team", "-n", "ci-strict")

    assert done.returncode == 0, done.stderr
    assert "Warning: overridden and-or at spec.ingress[0].from[0]: both are meant" in done.stderr


def test_a_change_in_an_open_namespace_is_told(plane: ControlPlane) -> None:
    """What it closes when it is made, and opens when it goes."""
    made = write(plane, "create", "ci-plain", CLOSED)
    gone = plane.kubectl("delete", "networkpolicy", "team", "-n", "ci-plain")

    assert "Warning: closes: everything to ci-plain/first from " in made.stderr
    assert "Warning: opens: everything to ci-plain/first from " in gone.stderr


def test_a_setting_protects(plane: ControlPlane) -> None:
    """The last isolating policy stays, and nothing reopens, in a namespace that nobody sealed."""
    write(plane, "create", "ci-protected", CLOSED)
    gone = plane.kubectl("delete", "networkpolicy", "team", "-n", "ci-protected", check=False)
    opened = {**world.policy("ci-protected", "open"), "spec": {**CLOSED, "ingress": [{}]}}
    reopened = plane.kubectl("create", "-f", "-", stdin=opened, check=False)
    webhook = '"networkpolicies-protected.portcullis.dev" denied the request: '

    assert f"{webhook}metadata.name: Forbidden: every pod of" in world.refused(gone)
    assert f"{webhook}spec.ingress: Forbidden: every pod of" in world.refused(reopened)
    assert set(world.policies(plane, "ci-protected")) == {"team"}


def test_a_protected_namespace_can_go(plane: ControlPlane) -> None:
    """Its end is never held up."""
    manifest = {"apiVersion": "v1", "kind": "Namespace"}
    labels = {"protect": "yes"}
    world.create(plane, {**manifest, "metadata": world.meta("ci-ending", labels=labels)})
    world.create(plane, world.policy("ci-ending", "team"))
    plane.kubectl("delete", "namespace", "ci-ending", "--wait=false")

    world.eventually(lambda: plane.get("namespace", "ci-ending") is None, 60)
