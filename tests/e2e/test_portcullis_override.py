"""Break-glass: the annotation asks, plain RBAC decides, and it shows in four places."""

import json
from pathlib import Path

import pytest

from tests.controlplane.installation import Installation
from tests.controlplane.plane import ControlPlane
from tests.e2e import world

pytestmark = pytest.mark.controlplane

TOGGLE, INJECTED = "netconf-directrouting-live", "networkpolicy-injected-protected"
RBAC = "rbac.authorization.k8s.io"
EDITOR = {
    "rules": [
        {"apiGroups": ["", "networking.k8s.io"], "resources": ["*"], "verbs": ["*"]},
    ]
}


def bind(plane: ControlPlane, group: str, role: world.Manifest) -> None:
    """Give a group a ClusterRole of its name."""
    head = {"apiVersion": f"{RBAC}/v1", "metadata": {"name": group}}
    subjects = [{"apiGroup": RBAC, "kind": "Group", "name": group}]
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": group}
    binding = {**head, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": subjects}
    world.create(plane, {**head, "kind": "ClusterRole", **role}, binding)


def may_override(*checks: str) -> world.Manifest:
    """The rule that a platform team would write."""
    rule = {"apiGroups": ["portcullis.dev"], "resources": ["guards"], "verbs": ["override"]}
    return {"rules": [{**rule, "resourceNames": list(checks)}]}


@pytest.fixture(scope="module")
def plane(flannel: Installation) -> ControlPlane:
    """With a sealed namespace, a third ConfigMap of flannel's, and three kinds of people."""
    plane = flannel.plane
    world.seal(plane, "glass")
    world.create(plane, world.config_map("kube-system", "kube-flannel-cfg", world.VXLAN))
    bind(plane, "developers", EDITOR)
    bind(plane, "network-on-call", may_override(TOGGLE, INJECTED))
    bind(plane, "other-on-call", may_override("namespace-marks-reserved"))
    return plane


@pytest.fixture(scope="module")
def on_call(plane: ControlPlane) -> Path:
    """May override both checks of these tests."""
    return plane.kubeconfig("oscar", ["developers", "network-on-call"])


@pytest.fixture(params=["none", "another check"])
def stranger(plane: ControlPlane, request: pytest.FixtureRequest) -> Path:
    """May edit, and override nothing that is asked for here."""
    groups = ["developers", *(["other-on-call"] if request.param != "none" else [])]
    return plane.kubeconfig("steve", groups)


def toggled(reason: str | None) -> world.Manifest:
    annotations = {world.OVERRIDE: reason} if reason is not None else {}
    manifest = world.config_map("kube-system", "kube-flannel-cfg", world.DIRECT)
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}


def events(plane: ControlPlane, where: str, name: str) -> list[world.Manifest]:
    """Events of ours about an object."""
    return [
        event
        for event in world.listed(plane, "events", where)
        if event["reason"] == "GuardOverridden" and event["involvedObject"]["name"] == name
    ]


def audited(plane: ControlPlane, user: str, key: str) -> list[str]:
    """Values of an audit annotation in what a user did."""
    return [
        event["annotations"][key]
        for event in plane.audit_events()
        if event["user"]["username"] == user and key in event.get("annotations", {})
    ]


def is_audited(plane: ControlPlane, user: str, key: str, value: str) -> bool:
    """Whether that is the last one, soon: the audit log is written after the answer."""
    world.eventually(lambda: audited(plane, user, key)[-1:] == [value])
    return True


def test_the_annotation_alone_is_not_enough(plane: ControlPlane, stranger: Path) -> None:
    """Without the permission, or with that of another check, the refusal names what is missing."""
    done = plane.kubectl(
        "replace", "-f", "-", stdin=toggled("CHG-1"), kubeconfig=stranger, check=False
    )
    told = world.refused(done)

    assert told.startswith("Error from server (Forbidden): ")
    assert told.endswith(
        "the annotation portcullis.dev/override is set, but you lack the permission it needs: "
        f'verb "override" on guards.portcullis.dev/{TOGGLE}'
    )
    assert is_audited(plane, "steve", "flannel.portcullis.dev/refused-by", TOGGLE)


def test_the_permission_alone_is_not_enough(plane: ControlPlane, on_call: Path) -> None:
    """Who may override must say so, with a reason; an empty one is none."""
    for reason in (None, "", "  "):
        done = plane.kubectl(
            "replace", "-f", "-", stdin=toggled(reason), kubeconfig=on_call, check=False
        )

        assert "to override, annotate the object" in world.refused(done)


def test_a_dry_run_of_an_override_leaves_no_event(plane: ControlPlane, on_call: Path) -> None:
    """It warns as the real one would, and nothing is written."""
    command = ("replace", "--dry-run=server", "-f", "-")
    done = plane.kubectl(*command, stdin=toggled("CHG-2"), kubeconfig=on_call)
    found = plane.get("configmap", "kube-flannel-cfg", "kube-system")

    assert f"Warning: overridden {TOGGLE}" in done.stderr
    assert found is not None
    assert found["data"]["net-conf.json"] == world.VXLAN
    assert events(plane, "kube-system", "kube-flannel-cfg") == []


def test_an_override_shows(flannel: Installation, plane: ControlPlane, on_call: Path) -> None:
    """In a warning, in the audit log, in an Event on the object, and in our metric."""
    before = world.metric(flannel, "portcullis_check_findings_total", check=TOGGLE)
    done = plane.kubectl("replace", "-f", "-", stdin=toggled("CHG-3"), kubeconfig=on_call)
    world.eventually(lambda: events(plane, "kube-system", "kube-flannel-cfg"))
    (event,) = events(plane, "kube-system", "kube-flannel-cfg")
    labels = {"check": TOGGLE, "outcome": "overridden"}

    field = "data[net-conf.json].Backend.DirectRouting"
    assert f"Warning: overridden {TOGGLE} at {field}: CHG-3" in done.stderr
    assert is_audited(plane, "oscar", "flannel.portcullis.dev/override", f"{TOGGLE}: CHG-3")
    assert event["type"] == "Warning"
    assert event["message"] == f"oscar: {TOGGLE}: CHG-3"
    found = plane.get("configmap", "kube-flannel-cfg", "kube-system")
    assert found is not None
    assert event["involvedObject"]["uid"] == found["metadata"]["uid"]
    assert world.metric(flannel, "portcullis_check_findings_total", **labels) >= 1
    assert world.metric(flannel, "portcullis_check_findings_total", check=TOGGLE) == before + 1


def test_a_deletion_reads_the_annotation_of_what_is_deleted(
    flannel: Installation, plane: ControlPlane, on_call: Path
) -> None:
    """First the annotation, then the deletion; the leader restores what the profile asks for."""
    target = ("networkpolicy", "portcullis-allow-dns", "-n", "glass")
    refused = plane.kubectl("delete", *target, kubeconfig=on_call, check=False)
    plane.kubectl("annotate", *target, f"{world.OVERRIDE}=CHG-4", kubeconfig=on_call)
    done = plane.kubectl("delete", *target, kubeconfig=on_call)
    world.eventually(lambda: events(plane, "glass", "portcullis-allow-dns"))
    labels = {"check": INJECTED, "outcome": "overridden"}

    assert "to override, annotate the object" in world.refused(refused)
    assert f"Warning: overridden {INJECTED} at metadata.name: CHG-4" in done.stderr
    key = "networkpolicies.portcullis.dev/override"
    assert is_audited(plane, "oscar", key, f"{INJECTED}: CHG-4")
    assert world.metric(flannel, "portcullis_check_findings_total", **labels) == 1
    assert "Warning: Portcullis restores this policy" in done.stderr
    world.eventually(lambda: world.specs(plane, "glass") == world.INJECTED)


def test_the_annotation_of_somebody_else_serves_nobody(plane: ControlPlane, on_call: Path) -> None:
    """One who may not override cannot use what one who may has written on the object."""
    target = ("networkpolicy", "portcullis-deny-all", "-n", "glass")
    plane.kubectl("annotate", *target, f"{world.OVERRIDE}=CHG-5", kubeconfig=on_call)
    steve = plane.kubeconfig("steve", ["developers"])
    told = world.refused(plane.kubectl("delete", *target, kubeconfig=steve, check=False))

    assert "you lack the permission it needs" in told


def test_who_may_override_can_be_asked_beforehand(plane: ControlPlane, on_call: Path) -> None:
    """By a SelfSubjectAccessReview; `kubectl auth can-i` drops the group, which no API serves."""
    for check, allowed in ((TOGGLE, True), ("netconf-removed-live", False)):
        guard = {"group": "portcullis.dev", "resource": "guards", "verb": "override", "name": check}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": guard},
        }
        # kubectl's own validation wants to read CRDs.
        command = ("create", "--validate=false", "-f", "-", "-o", "json")
        done = plane.kubectl(*command, stdin=review, kubeconfig=on_call)

        assert json.loads(done.stdout)["status"]["allowed"] is allowed
