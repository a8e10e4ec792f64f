"""No replica answers: what fails closed, what goes on. docs/failure-modes.md holds the same table.

The order matters: what is tested while all are away, then the way out by hand, then the return.
"""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane.installation import Installation
from tests.controlplane.plane import ControlPlane
from tests.e2e import world

pytestmark = pytest.mark.controlplane

FLANNEL = ("kube-flannel-cfg", "-n", "kube-flannel")
MERGE = ("--type=merge", "-p")
CONFIGURATIONS = ("validatingwebhookconfiguration", "mutatingwebhookconfiguration")
UNREACHABLE = (
    r'Error from server \(InternalError\): (error when creating "STDIN": )?'
    r'Internal error occurred: failed calling webhook "{entry}\.portcullis\.dev": '
    r"failed to call webhook: "
    r'Post "https://portcullis\.portcullis-system\.svc:443/validate\?timeout=\d+s": '
    r'(no endpoints available for service "portcullis"|dial tcp .*: connect: connection refused)'
)


@pytest.fixture(scope="module")
def away(flannel: Installation) -> Iterator[Installation]:
    """All Pods lost; there are namespaces in each state."""
    plane = flannel.plane
    for name in ("steady", "ending"):
        world.seal(plane, name)
        world.create(plane, world.account(name))
    world.create(plane, world.policy("steady", "own"))
    for replica in flannel.replicas:
        replica.controller.stop()
    plane.kubectl("create", "namespace", "waiting")
    world.create(plane, world.account("waiting"), world.account("older", "late"))
    assert world.marks(plane, "waiting") == world.PENDING
    flannel.lose()
    yield flannel
    if not flannel.replicas:
        flannel.recover()


@pytest.fixture(scope="module")
def plane(away: Installation) -> ControlPlane:
    """The cluster that we left."""
    return away.plane


@pytest.mark.parametrize(
    ("entry", "command"),
    [
        pytest.param(
            "flannel",
            ["patch", "configmap", *FLANNEL, *MERGE, '{"data": {"note": "away"}}'],
            id="flannel-data",
        ),
        pytest.param(
            "networkpolicies",
            ["annotate", "networkpolicy", "portcullis-deny-all", "-n", "steady", "a=b"],
            id="injected-policy-annotated",
        ),
        pytest.param(
            "networkpolicies-sealed",
            ["patch", "networkpolicy", "own", "-n", "steady", *MERGE, '{"spec": {"egress": [{}]}}'],
            id="own-policy-of-sealed-changed",
        ),
        pytest.param(
            "networkpolicies-sealed",
            ["create", world.policy("steady", "own-too")],
            id="own-policy-of-sealed-created",
        ),
        pytest.param(
            "networkpolicies-sealed",
            ["delete", "networkpolicy", "own", "-n", "steady"],
            id="own-policy-of-sealed-deleted",
        ),
        pytest.param("marks", ["label", "namespace", "steady", f"{world.SEAL}-"], id="marks"),
        pytest.param(
            "marks", ["create", world.new_namespace("forged", seal="sealed")], id="forged-mark"
        ),
        pytest.param("pods-pending", ["create", world.pod("waiting")], id="pod-of-pending"),
    ],
)
def test_what_we_guard_fails_closed(plane: ControlPlane, entry: str, command: list[Any]) -> None:
    """Kubectl shows InternalError with the name of the entry, at once."""
    began = time.monotonic()
    done = run(plane, command)
    seconds = time.monotonic() - began

    assert re.fullmatch(UNREACHABLE.format(entry=entry), world.refused(done))
    assert seconds < 4.5  # the timeout of these webhooks is 5


@pytest.mark.parametrize(
    ("policy", "command"),
    [
        pytest.param("flannel", ["delete", "configmap", *FLANNEL], id="flannel-deleted"),
        pytest.param("flannel", ["delete", "namespace", "kube-flannel"], id="flannel-namespace"),
        pytest.param(
            "networkpolicies",
            ["delete", "networkpolicy", "portcullis-deny-all", "-n", "steady"],
            id="injected-policy-deleted",
        ),
        pytest.param(
            "networkpolicies",
            ["label", "networkpolicy", "portcullis-deny-all", "-n", "steady", f"{world.PROFILE}-"],
            id="injected-policy-unlabelled",
        ),
    ],
)
def test_what_the_backstop_keeps_is_refused_in_our_words(
    plane: ControlPlane, policy: str, command: list[str]
) -> None:
    """Before the webhook would be called: the user reads why, not that nobody was reached."""
    told = world.refused(run(plane, command))

    assert f"ValidatingAdmissionPolicy 'portcullis-{policy}'" in told
    assert "no replica of Portcullis is ready to say more; to override, annotate" in told
    assert "failed calling webhook" not in told


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["label", "configmap", *FLANNEL, "a=c", "--overwrite"], id="flannel-label"),
        pytest.param(["create", world.config_map("steady", "other", "{}")], id="config-map"),
        pytest.param(["label", "namespace", "steady", "team=a"], id="namespace-label"),
        pytest.param(["create", world.policy("older", "own")], id="own-policy-created"),
        pytest.param(
            ["patch", "networkpolicy", "own", "-n", "older", *MERGE, '{"spec": {"egress": [{}]}}'],
            id="own-policy-changed",
        ),
        pytest.param(["delete", "networkpolicy", "own", "-n", "older"], id="own-policy-deleted"),
        pytest.param(["create", world.pod("steady")], id="pod-of-sealed"),
        pytest.param(["create", world.pod("kube-system", "dns", "default")], id="pod-of-system"),
        pytest.param(["create", world.pod("older", "late", "late")], id="pod-of-older"),
        pytest.param(["create", world.new_namespace("born")], id="namespace-born"),
        pytest.param(["create", world.account("born")], id="account-of-born"),
        pytest.param(["create", world.pod("born")], id="pod-of-born"),
        pytest.param(["create", world.node("new-node")], id="node"),
        pytest.param(
            ["create", "--dry-run=server", world.daemon_set("kube-flannel", "kube-flannel-ds")],
            id="flannel-daemon-set",
        ),
    ],
)
def test_the_rest_goes_on(plane: ControlPlane, command: list[Any]) -> None:
    """Nothing else in the cluster depends on us, new namespaces and system pods least of all."""
    done = run(plane, command)

    assert done.returncode == 0, done.stderr


def run(plane: ControlPlane, command: list[Any]) -> Any:
    """A command of kubectl, or one that ends with a manifest."""
    if isinstance(command[-1], dict):
        return plane.kubectl(*command[:-1], "-f", "-", stdin=command[-1], check=False)
    return plane.kubectl(*command, check=False)


def test_a_namespace_born_without_us_has_no_mark(plane: ControlPlane) -> None:
    """Marking is Ignore, so it is born unmarked, and unprotected until we return."""
    assert world.marks(plane, "born") == {}
    assert world.policies(plane, "born") == {}


def test_a_namespace_can_be_deleted_without_us(
    plane: ControlPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    """The namespace controller's deletions are never sent to us."""
    plane.kubectl("delete", "namespace", "ending", "--wait=false")
    seconds = world.eventually(lambda: plane.get("namespace", "ending") is None, 60)
    with capsys.disabled():
        print(f"\na sealed namespace was deleted in {seconds:.1f} s while all replicas were away")


def test_the_way_out_by_hand(away: Installation, plane: ControlPlane) -> None:
    """Without the configurations all is as if we had never been; an upgrade brings them back."""
    change = ["patch", "configmap", *FLANNEL, *MERGE, '{"data": {"note": "by hand"}}']
    for kind in CONFIGURATIONS:
        plane.kubectl("delete", kind, "portcullis")
    world.eventually(lambda: run(plane, change).returncode == 0)
    away.upgrade(world.VALUES)
    for kind in CONFIGURATIONS:
        found = plane.get(kind, "portcullis")
        assert found is not None
        assert found["webhooks"]


@pytest.fixture(scope="module")
def back(away: Installation) -> Installation:
    """Two new Pods, and caBundles in all entries."""
    away.recover()
    toggle = world.config_map("kube-flannel", "kube-flannel-cfg", world.DIRECT)
    replace = ("replace", "-f", "-")
    world.eventually(
        lambda: "Forbidden" in away.plane.kubectl(*replace, stdin=toggle, check=False).stderr
    )
    return away


def test_what_was_born_without_us_is_sealed_when_we_return(back: Installation) -> None:
    """The controller lists all namespaces when it begins to lead."""
    names = ("born", "waiting")
    world.eventually(lambda: all(world.marks(back.plane, it) == world.SEALED for it in names))

    for name in names:
        assert world.specs(back.plane, name) == world.INJECTED
    assert world.marks(back.plane, "older") == {}


def test_a_replica_that_hangs_costs_the_timeout(
    back: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Connections are taken and not answered: Fail refuses after 5 s, Ignore passes after 5 s."""
    seconds: dict[str, float] = {}
    told: dict[str, str] = {}

    def call(name: str, command: list[Any]) -> None:
        began = time.monotonic()
        told[name] = run(back.plane, command).stderr
        seconds[name] = time.monotonic() - began

    change = ["patch", "configmap", *FLANNEL, *MERGE, '{"data": {"note": "hung"}}']
    calls = {"fail": change, "ignore": ["create", world.new_namespace("slow")]}
    groups = [replica.webhook.daemon.popen.pid for replica in back.replicas]
    for group in groups:
        os.killpg(group, signal.SIGSTOP)
    try:
        threads = [threading.Thread(target=call, args=item) for item in calls.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for group in groups:
            os.killpg(group, signal.SIGCONT)
    with capsys.disabled():
        print(f"\nreplicas hang: {seconds}\n{told['fail']}")

    assert "InternalError" in told["fail"]
    assert "context deadline exceeded" in told["fail"]
    assert told["ignore"] == ""
    assert 4.5 < seconds["fail"] < 9.5  # one timeout, not two
    assert 4.5 < seconds["ignore"] < 9.5
    world.eventually(lambda: world.marks(back.plane, "slow") == world.SEALED)
