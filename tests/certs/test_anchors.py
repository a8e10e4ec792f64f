"""caBundles of certificates that somebody else signs: named, overlapping, let go."""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from world import DAY, START, Clock, Configurations

from certs.anchors import OVERLAP, Announcer, named_anchors
from certs.authority import new_authority
from certs.bundle import BundleError, normalise, parse_bundle
from certs.files import FilesError
from certs.reason import Reason
from certs.renewal import Step

OLD, NEW, THIRD = (new_authority(name, START).certificate for name in ("old", "new", "third"))
AGED = new_authority("aged", START - 400 * DAY).certificate


class World:
    """CAs that are named, two webhook entries, a leader."""

    def __init__(self, *named):
        self.named = list(named)
        self.clock = Clock()
        self.configurations = Configurations()
        self.lead()

    def lead(self):
        """A new leader, with no memory."""
        self.announcer = Announcer(lambda: self.named, self.configurations, self.clock)

    def trusted(self):
        """What each entry trusts."""
        return [set(parse_bundle(bundle)) for bundle in self.configurations.bundles]


def test_what_is_named_is_published_once():
    """In every entry; the next look writes nothing."""
    world = World(OLD)
    first, second = world.announcer.step(), world.announcer.step()

    assert [Step.PUBLISH] == [action.step for action in first.actions]
    assert ((), OLD.not_valid_after_utc) == (second.actions, second.expires)
    assert [{OLD}] * 2 == world.trusted()
    assert len(world.configurations.writes) == 1


def test_a_change_overlaps():
    """The kubelets of other nodes are behind: the former CA stays for a while."""
    world = World(OLD)
    world.announcer.step()
    world.named = [NEW]
    world.announcer.step()
    during = world.trusted()
    world.clock.advance(OVERLAP - timedelta(seconds=1))
    world.announcer.step()
    still = world.trusted()
    world.clock.advance(timedelta(seconds=1))
    world.announcer.step()

    assert [{OLD, NEW}] * 2 == during == still
    assert [{NEW}] * 2 == world.trusted()


def test_a_new_leader_knows_the_former_by_the_live_bundles():
    """Its wait begins anew: rather longer than shorter."""
    world = World(OLD)
    world.announcer.step()
    world.named = [NEW]
    world.announcer.step()
    world.clock.advance(OVERLAP / 2)
    world.lead()
    world.announcer.step()
    world.clock.advance(OVERLAP - timedelta(seconds=1))
    world.announcer.step()

    assert [{OLD, NEW}] * 2 == world.trusted()


def test_a_failed_write_does_not_lengthen_the_overlap(monkeypatch):
    """What should have gone goes with the next write."""
    world = World(OLD)
    world.announcer.step()
    world.named = [NEW]
    world.announcer.step()
    world.clock.advance(OVERLAP)
    with monkeypatch.context() as patch:
        patch.setattr(world.configurations, "publish", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            world.announcer.step()
    world.announcer.step()

    assert [{NEW}] * 2 == world.trusted()


@pytest.mark.parametrize("wiped", [b"", b"garbage"])
def test_a_wiped_bundle_is_restored(wiped):
    """With what was leaving, in one step."""
    world = World(OLD)
    world.announcer.step()
    world.named = [NEW]
    world.announcer.step()
    world.configurations.bundles[1] = wiped
    world.announcer.step()

    assert [{OLD, NEW}] * 2 == world.trusted()


def nothing():
    raise FilesError("ca.crt: No such file or directory")


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        pytest.param(nothing, Reason.CORRUPTED, id="no-file"),
        pytest.param(list, Reason.MISSING, id="none"),
        pytest.param(lambda: [AGED], Reason.MISSING, id="expired"),
    ],
)
def test_without_a_ca_nothing_is_taken_away(named, reason):
    """What the API server trusts now is better than nothing."""
    world = World()
    world.configurations.bundles = [normalise([OLD], START)] * 2
    outcome = Announcer(named, world.configurations, world.clock).step()

    assert reason == outcome.refused.reason
    assert [{OLD}] * 2 == world.trusted()


def test_the_value_goes_before_the_file(tmp_path):
    """A caBundle that is given in the settings needs no ca.crt."""
    pem = normalise([OLD], START)
    (tmp_path / "ca.crt").write_bytes(normalise([NEW, THIRD], START))

    assert (OLD,) == named_anchors(pem.decode(), tmp_path)
    assert (NEW, THIRD) == named_anchors("", tmp_path)
    with pytest.raises(BundleError, match="line 1"):
        named_anchors("garbage", tmp_path)
    with pytest.raises(FilesError, match="No such file"):
        named_anchors("", tmp_path / "absent")


class Changes(RuleBasedStateMachine):
    """CAs come and go, time jumps, leaders change, entries are wiped."""

    @initialize()
    def install(self):
        """Begin with one CA."""
        self.world = World(OLD)
        self.world.announcer.step()

    @rule(named=st.lists(st.sampled_from([OLD, NEW, THIRD]), min_size=1, unique=True))
    def name(self, named):
        """The Secret changes, and the leader sees it."""
        before = self.world.trusted()
        self.world.named = named
        self.world.announcer.step()
        for trusted in self.world.trusted():
            assert trusted >= before[0] & before[1], "a CA went without an overlap"

    @rule(step=st.timedeltas(timedelta(seconds=1), OVERLAP / 3))
    def wait(self, step):
        """Time goes by."""
        self.world.clock.advance(step)

    @rule(days=st.integers(-40, 40))
    def jump(self, days):
        """The clock is set."""
        self.world.clock.advance(days * DAY)
        self.world.lead()

    @rule(entry=st.integers(0, 1), content=st.sampled_from([b"", b"garbage"]))
    def wipe(self, entry, content):
        """One entry loses its bundle; the leader watches."""
        self.world.configurations.bundles[entry] = content
        self.world.announcer.step()

    @rule()
    def change_leader(self):
        """Another replica leads."""
        self.world.lead()

    @invariant()
    def what_is_named_is_trusted(self):
        """In every entry, at every moment after a look."""
        if (START - DAY / 288) <= self.world.clock.now < OLD.not_valid_after_utc:
            self.world.announcer.step()
            for trusted in self.world.trusted():
                assert trusted >= set(self.world.named)

    def teardown(self):
        """Left alone, every entry comes to trust exactly what is named."""
        self.world.clock.now = max(self.world.clock.now, START)
        if self.world.clock.now >= OLD.not_valid_after_utc - 2 * OVERLAP:
            return
        for _ in range(3):
            self.world.announcer.step()
            self.world.clock.advance(OVERLAP)
        self.world.announcer.step()
        assert [set(self.world.named)] * 2 == self.world.trusted()


Changes.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestChanges = Changes.TestCase
