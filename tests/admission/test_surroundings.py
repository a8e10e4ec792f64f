"""The worlds around a change: made once for a review, whoever asks."""

import pytest

from tests.fakes.cluster import FakeCluster
from webhook.admission.surroundings import Standing
from webhook.deadline import Deadline
from webhook.netpol.labels import EVERYTHING
from webhook.netpol.model import Direction, Pod, Policy, Rule
from webhook.netpol.world import World

DENY = Policy("team", "deny")
OPEN = Policy("team", "open", EVERYTHING, frozenset({Direction.INGRESS}), (Rule(),))


@pytest.fixture
def picture():
    """A cluster of one pod, which ``deny`` isolates."""
    return World.of([Pod("team", "one")], [DENY])


@pytest.fixture
def standing():
    """What stands around a change of ``open``."""
    return Standing(FakeCluster(), "team", OPEN)


def test_checks_and_advice_get_the_same_worlds(picture, standing):
    """What is compiled for the one is there for the other."""
    first = standing.versions(picture, (DENY,), None, OPEN)
    second = standing.versions(picture, (DENY,), None, OPEN)

    assert [a is b for a, b in zip(first, second, strict=True)] == [True, True]


def test_another_picture_makes_other_worlds(picture, standing):
    """Between the two questions the cluster may have been read anew."""
    former = standing.versions(picture, (DENY,), None, OPEN)
    latter = standing.versions(World.of([], [DENY]), (DENY,), None, OPEN)

    assert [len(list(each.pods)) for each in (*former, *latter)] == [1, 1, 0, 0]


def test_another_change_makes_other_worlds(picture, standing):
    """A deletion is not what it was before."""
    standing.versions(picture, (DENY,), None, OPEN)
    before, after = standing.versions(picture, (DENY,), OPEN, None)

    assert (before.policies_of("team"), after.policies_of("team")) == ((DENY, OPEN), (DENY,))


def test_where_nothing_else_changed_the_picture_is_the_world_before(picture):
    """The usual case costs nothing: policies that equal those of the picture are its own."""
    standing = Standing(FakeCluster(), "team", DENY)
    read_anew = Policy("team", "deny")

    assert standing.versions(picture, (), read_anew, OPEN)[0] is picture


def test_policies_are_read_once(standing):
    """Whoever asks first reads them for the review."""
    deadline = Deadline.after(5)

    assert standing.policies(deadline) is standing.policies(deadline)
