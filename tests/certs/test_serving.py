"""A replica's leaf: when it is signed, when it is kept."""

from dataclasses import replace
from datetime import timedelta

import pytest
from world import DAY, NAMES, World

from certs.reason import Reason
from certs.serving import ServingIdentity


@pytest.fixture
def world():
    world = World()
    world.rotation.step()
    return world


def test_nothing_to_sign_with():
    """Before the first authority there is no leaf, and that is no error."""
    replica = World().replicas[0]

    assert replica.refresh() is None
    assert replica.current() is None


def test_first_leaf(world):
    """The first look gives a leaf of the asked names; the next look keeps it."""
    replica = world.replicas[0]
    leaf = replica.refresh()

    assert NAMES == leaf.dns_names
    assert leaf is replica.refresh() is replica.current()


def test_replicas_have_their_own_leaves(world):
    """No key is shared by replicas."""
    first, second = (replica.refresh() for replica in world.replicas)

    assert first.key_pem != second.key_pem
    assert first.authority_pem == second.authority_pem


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        pytest.param(4, None, id="kept"),
        pytest.param(5, Reason.RENEWAL_DUE, id="two-thirds"),
        pytest.param(30, Reason.EXPIRED, id="after-a-month-of-sleep"),
    ],
)
def test_renewal_by_wall_clock(world, days, reason):
    """What counts is the time of day at the look, however the time went by."""
    reasons = []
    replica = ServingIdentity(
        world.store, NAMES, world.clock, on_issue=lambda decision: reasons.append(decision.reason)
    )
    replica.refresh()
    world.clock.advance(days * DAY)
    leaf = replica.refresh()

    assert world.alive(leaf)
    assert [Reason.MISSING, reason] == [*reasons, *([None] if reason is None else [])]


def spoil(secret):
    return replace(secret, data={**secret.data, "ca.key": b"garbage"})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _: None, id="deleted"),
        pytest.param(lambda secret: replace(secret, data={}), id="emptied"),
        pytest.param(spoil, id="corrupted"),
        pytest.param(lambda secret: replace(secret, owned=False), id="foreign"),
    ],
)
def test_leaf_survives_the_secret(world, change):
    """Whatever becomes of the Secret, the leaf serves on until its own end."""
    replica = world.replicas[0]
    leaf = replica.refresh()
    world.store.secret = change(world.store.secret)

    assert leaf is replica.refresh()
    world.clock.advance(7 * DAY)
    assert replica.refresh() is None


def test_store_away(world, monkeypatch):
    """An error of the store reaches the caller and does not cost the leaf."""
    replica = world.replicas[0]
    leaf = replica.refresh()

    def away():
        raise ConnectionError

    monkeypatch.setattr(world.store, "load", away)
    with pytest.raises(ConnectionError):
        replica.refresh()

    assert leaf is replica.current()


def test_slow_store_cannot_stretch_a_leaf(world, monkeypatch):
    """A leaf's end counts from before the read: a slow store must not outlive its authority's."""
    load, began = world.store.load, world.clock.now

    def slow():
        world.clock.advance(timedelta(hours=3))
        return load()

    monkeypatch.setattr(world.store, "load", slow)

    assert began + 7 * DAY == world.replicas[0].refresh().not_after
