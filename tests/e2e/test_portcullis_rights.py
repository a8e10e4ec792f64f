"""No right of the chart is superfluous: each is used, by the API server's audit log.

tests/chart/test_chart_rbac.py holds the table; this tells that nothing in it could be left out.
"""

import time
from collections.abc import Iterator

import pytest

from tests.controlplane.installation import NAMESPACE, RELEASE, Installation
from tests.controlplane.plane import ControlPlane
from tests.e2e import soak, world

pytestmark = pytest.mark.controlplane

USER = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
Right = tuple[str, str, str, str]
"""API group, resource, verb, and the name where the rule has names."""

ELSEWHERE = {
    # Used where Calico runs: tests/e2e/test_calico_guard.py.
    ("crd.projectcalico.org", "ipamblocks", "list", ""),
    ("projectcalico.org", "ipamblocks", "list", ""),
}


def granted(plane: ControlPlane) -> set[Right]:
    """Every right of our ServiceAccount."""
    roles = plane.get("clusterrole", RELEASE), plane.get("role", RELEASE, NAMESPACE)
    return {
        (group, resource, verb, name)
        for role in roles
        if role is not None
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }


def ours(plane: ControlPlane) -> Iterator[tuple[world.Manifest, set[Right]]]:
    """Each request of ours, and the rights that it may have used, named or not.

    A patch that creates asks for both (server-side apply).
    """
    for event in plane.audit_events():
        about = event.get("objectRef")
        if event["user"]["username"] != USER or about is None:
            continue
        created = event["verb"] == "patch" and event.get("responseStatus", {}).get("code") == 201
        verbs = [event["verb"], *(["create"] if created else [])]
        names = {"", about.get("name", "")}
        what = about.get("apiGroup", ""), about["resource"]
        yield event, {(*what, verb, name) for verb in verbs for name in names}


@pytest.fixture(scope="module")
def plane(flannel: Installation) -> ControlPlane:
    """After a namespace's life, a change of flannel's configuration, and a wiped caBundle."""
    plane = flannel.plane
    world.seal(plane, "rights")
    plane.kubectl("delete", "networkpolicy", "portcullis-deny-all", "-n", "rights", check=False)
    world.create(plane, world.account("rights"), world.pod("rights"), world.policy("rights", "own"))
    label = ("label", "namespace", "rights", "--overwrite")
    plane.kubectl(*label, f"{world.PROFILE}=deny-ingress")
    world.eventually(lambda: "portcullis-allow-dns" not in world.policies(plane, "rights"))
    toggled = world.config_map("kube-flannel", "kube-flannel-cfg", world.DIRECT)
    asked = {**toggled["metadata"], "annotations": {world.OVERRIDE: "tried"}}
    plane.kubectl("replace", "-f", "-", stdin={**toggled, "metadata": asked})
    take = ("delete", "configmap", "kube-flannel-cfg", "-n", "kube-flannel")
    plane.kubectl(*take)
    back = world.config_map("kube-flannel", "kube-flannel-cfg", world.VXLAN)
    plane.kubectl("create", "-f", "-", stdin={**back, "metadata": asked})
    soak.delete_secret(flannel)
    time.sleep(2)  # Events are written by the way
    return plane


def test_every_right_is_used(plane: ControlPlane) -> None:
    """Verb by verb; what nobody uses is not to be granted."""
    used = set().union(*(rights for _, rights in ours(plane)))

    assert sorted(granted(plane) - used - ELSEWHERE) == []


def test_nothing_is_tried_that_is_not_granted(plane: ControlPlane) -> None:
    """A request that RBAC refuses would be a feature that does not work as installed."""
    tried = [
        (event["verb"], event["requestURI"])
        for event, rights in ours(plane)
        if event.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid"
        # What is granted now was asked for too early, before RBAC had seen the chart.
        and not rights & granted(plane)
    ]

    assert tried == []
