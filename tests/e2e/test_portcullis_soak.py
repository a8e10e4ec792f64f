"""A constant load while everything about us changes: what clients see of it.

Writes of NetworkPolicies in sealed namespaces, each reviewed under failurePolicy Fail, in an open
loop. Here 25 a second for about a minute, with what operators do; `make soak` sends 100 a second
for five minutes, and adds what nobody plans.
"""

import os
import re

import pytest

from tests.controlplane.fixtures import isolated
from tests.controlplane.installation import Installation
from tests.e2e import soak, world

pytestmark = pytest.mark.controlplane

LONG = "PORTCULLIS_SOAK" in os.environ
RATE = float(os.environ.get("PORTCULLIS_SOAK", "25"))
"""Writes a second."""
VALUES = {
    **world.VALUES,
    "replicaCount": 3,
    # Leaves are renewed 20 s after they were signed, and another CA is seen within 2 s.
    "certificates": {"leafDuration": 180, "refreshPeriod": 2},
}


@pytest.fixture(scope="module")
def installation(request):
    """Three replicas on a control plane of their own, which the long form restarts."""
    with (
        isolated(request) as plane,
        Installation(plane, replicas=3, values=VALUES) as three,
    ):
        yield three


def planned(load: soak.Soak) -> None:
    """What operators do, and what runs out by itself."""
    three = load.installation
    with load.phase("nothing", planned=True, rest=20 if LONG else 3):
        pass
    if before := load.accounts()[0].kinds:
        pytest.fail(f"this machine does not carry {RATE:.0f} writes a second: {before}")
    with load.phase("rolling restart of three replicas", planned=True):
        soak.roll(three)
    with load.phase("CA rotation, and all leaves anew", planned=True):
        known = [soak.leaves(it) for it in three.replicas]
        soak.rotate_authority(three)
        soak.await_new_leaves(three, known)
    if LONG:
        with load.phase("leaf rotation", planned=True):
            soak.await_new_leaves(three, [soak.leaves(it) for it in three.replicas])
    with load.phase("Secret of the CA deleted, and all leaves anew", planned=True):
        known = [soak.leaves(it) for it in three.replicas]
        soak.delete_secret(three)
        soak.await_new_leaves(three, known)


def unplanned(load: soak.Soak) -> None:
    """What nobody plans: a death every 10 s, a careless tool, an API server that is replaced."""
    three = load.installation
    for number, kill in enumerate(4 * (soak.kill_worker, soak.kill_container, soak.kill_pod)):
        with load.phase(kill.__doc__.partition(",")[0].partition(".")[0], planned=False, rest=8):
            kill(three, three.replicas[number % len(three.replicas)])
    with load.phase("every caBundle wiped", planned=False, rest=5):
        soak.wipe_bundles(three)
    with load.phase("API server stopped and started", planned=False, rest=10):
        three.plane.restart_api_server()
    with load.phase("nothing, afterwards", planned=True, rest=20):
        pass


INEVITABLE = {
    # The process that had the requests in hand is gone, and until its address has left the
    # endpoints, new connections to it are refused.
    "SIGKILL": {"a connection was cut", "connection refused"},
    # The API server trusts nobody until a controller has put the bundles back.
    "caBundle": {"not trusted"},
    # Nobody answers at all, or what had begun was cut; what it still lets in while it goes, it does
    # not tell us any more what we need to judge it; what waits for it holds up the load.
    "API server": {"the API server is away", "not judged, for we cannot ask", "not sent"},
}
"""Errors that nothing of ours can spare a client, by a word of the phase's name."""


def test_what_is_planned_costs_no_request(installation, capsys):
    """Rolling restart, CA rotation, leaf rotation, Secret deleted: 0 errors."""
    with soak.Soak(installation, RATE) as load:
        planned(load)
        if LONG:
            unplanned(load)
    with capsys.disabled():
        print(load.table())

    for account in load.accounts():
        phase, kinds = account.phase, set(account.kinds)
        allowed = {kind for word, its in INEVITABLE.items() if word in phase.name for kind in its}
        assert kinds <= (set() if phase.planned else allowed), phase.name
        # It is over when the deed is: the last second has none.
        assert [it for it in account.errors if it.answered > phase.ended - 1] == []
        assert 0.8 * RATE * (phase.ended - phase.began) < len(account.writes)
    logs = installation.logs()
    assert {"AuthorityChanged", "RenewalDue"} <= set(re.findall(r"\w+", logs))
    assert "Connection pool is full" not in logs
