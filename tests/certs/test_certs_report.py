"""What people are told: every authority with its standing, and never a key."""

import pytest
from world import DAY, START, World

from certs.report import (
    Progress,
    Standing,
    authorities,
    bundle_fault,
    expected,
    progress,
    serial_of,
)
from certs.state import AuthorityState


def rotating():
    """An installation amid a rotation, its former authority, and the one before."""
    world = World()
    world.settle()
    first = world.state.current
    world.clock.now = START + 245 * DAY
    world.settle()
    world.clock.now += 244 * DAY
    world.rotation.step()
    return world, first


def test_standings_in_their_order():
    """The signing one first; what only a caBundle knows comes last."""
    world, first = rotating()
    state = world.state
    foreign = [first.certificate_pem]
    found = authorities(state, [*world.configurations.bundles, *foreign])

    assert [
        (Standing.CURRENT, serial_of(state.current.certificate)),
        (Standing.UPCOMING, serial_of(state.upcoming.certificate)),
        (Standing.TRUSTED, serial_of(first.certificate)),
    ] == [(it.standing, it.serial) for it in found]
    assert [True, False, False] == [it.renewal_due is not None for it in found]
    assert "PRIVATE" not in repr(found)


def test_without_the_secret_the_bundles_tell():
    """Who may not read the Secret sees what the API server trusts, and whether all agree."""
    world = World()
    world.settle()
    current = world.state.current.certificate
    bundles = [*world.configurations.bundles, b""]
    wanted = expected(AuthorityState(), bundles, world.clock.now)

    assert [Standing.TRUSTED] == [it.standing for it in authorities(AuthorityState(), bundles)]
    assert {current} == wanted
    assert [True, True, False] == [bundle_fault(it, wanted) is None for it in bundles]


def test_progress_of_a_replacement():
    """Asked, issued, in every caBundle, signing; and done stays done."""
    world = World()
    world.settle()
    serial = serial_of(world.state.current.certificate)
    seen = [progress(serial, world.state, world.configurations.bundles)]
    world.clock.now = START + 245 * DAY
    publish = world.configurations.publish
    world.configurations.publish = lambda _: None
    world.rotation.step()
    seen.append(progress(serial, world.state, world.configurations.bundles))
    world.configurations.publish = publish
    for _ in range(2):
        outcome = world.rotation.step()
        seen.append(progress(serial, world.state, world.configurations.bundles))
        world.clock.now = outcome.next_wakeup
    world.rotation.step()
    seen.append(progress(serial, world.state, world.configurations.bundles))

    assert [Progress.ASKED, Progress.ISSUED, Progress.ANNOUNCED] == list(dict.fromkeys(seen))[:3]
    assert seen[-1] is Progress.DONE


@pytest.mark.parametrize("state", [AuthorityState()], ids=["nothing"])
def test_nothing_is_known(state):
    """An empty cluster is told as such."""
    assert () == authorities(state, [])
    assert frozenset() == expected(state, [], START)
