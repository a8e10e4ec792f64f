"""Rotation as a whole: first issue, repair, races, and a year with a jumping clock."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from world import DAY, START, World

from certs.authority import new_authority
from certs.bundle import covers, normalise, parse_bundle
from certs.reason import Reason
from certs.renewal import Step, renewal_time
from certs.rotation import Rotation, Timing
from certs.state import CLOCK_SKEW, MAX_PREVIOUS, AuthorityState, StoredSecret, encode, issued
from certs.store import ConflictError, FileStore

ALL_AT_ONCE = [Step.ISSUE, Step.PUBLISH, Step.PROMOTE]
POLL = Timing().poll


def steps(outcome):
    return [action.step for action in outcome.actions]


def test_first_issue():
    """The first step issues, publishes and promotes; a second finds nothing to do."""
    world = World()
    first, second = world.rotation.step(), world.rotation.step()

    assert ALL_AT_ONCE == steps(first)
    assert ([], START + POLL) == (steps(second), second.next_wakeup)
    assert all(covers(bundle, world.state.current) for bundle in world.configurations.bundles)
    assert len(world.configurations.writes) == 1


def test_no_configuration_yet():
    """An authority is issued before any webhook is registered, and published when one comes."""
    world = World(entries=0)
    world.rotation.step()
    world.configurations.bundles = [b""]
    outcome = world.rotation.step()

    assert [Step.PUBLISH] == steps(outcome)
    assert covers(world.configurations.bundles[0], world.state.current)


def test_rotation_with_overlap():
    """The next authority is announced, waits, signs; the former leaves with its last leaf."""
    world = World()
    world.settle()
    old = world.state.current
    world.clock.now = START + 245 * DAY
    begun = world.rotation.step()
    announced = world.state
    world.clock.now = begun.next_wakeup
    promoted = world.rotation.step()
    new = world.state.current
    world.clock.advance(7 * DAY + CLOCK_SKEW - timedelta(seconds=1))
    kept = world.rotation.step()
    world.clock.advance(timedelta(seconds=1))
    dropped = world.rotation.step()

    assert [Step.ISSUE, Step.PUBLISH] == steps(begun)
    assert Reason.RENEWAL_DUE == begun.actions[0].decision.reason
    assert (old, new) == (announced.current, announced.upcoming)
    assert START + 245 * DAY + timedelta(seconds=10) == begun.next_wakeup
    assert [Step.PROMOTE] == steps(promoted)
    assert [] == steps(kept)
    assert [Step.RETIRE, Step.PUBLISH] == steps(dropped)
    assert (new.certificate,) == parse_bundle(world.configurations.bundles[0])


def test_wiped_bundle_is_restored():
    """A caBundle that a Helm upgrade emptied is written again in the next step, and once."""
    world = World()
    world.settle()
    before = list(world.configurations.bundles)
    world.configurations.bundles[1] = b""
    outcome = world.rotation.step()

    assert [Step.PUBLISH] == steps(outcome)
    assert before == world.configurations.bundles


def test_wipe_during_rotation_starts_the_wait_anew():
    """A next authority that was missing from a bundle for a moment is not promoted on time."""
    world = rotating()
    world.clock.advance(timedelta(seconds=9))
    world.configurations.bundles[0] = b""
    repaired = world.rotation.step()
    world.clock.advance(timedelta(seconds=9))
    waiting = world.rotation.step()

    assert [Step.PUBLISH] == steps(repaired)
    assert [] == steps(waiting)


def rotating():
    """An installation whose next authority was announced just now."""
    world = World()
    world.settle()
    world.clock.now = START + 245 * DAY
    world.rotation.step()
    return world


def test_clock_set_back_while_waiting():
    """A clock that is set back neither shortens the wait nor makes it endless."""
    world = rotating()
    world.clock.advance(-DAY)
    waiting = world.rotation.step()
    world.clock.now = waiting.next_wakeup
    promoted = world.rotation.step()

    assert START + 244 * DAY + timedelta(seconds=10) == waiting.next_wakeup
    assert [Step.PROMOTE] == steps(promoted)


def test_another_next_authority_waits_anew():
    """The wait belongs to one authority: another one that took its place has its own."""
    world = rotating()
    world.clock.advance(timedelta(seconds=9))
    other = replace(world.state, upcoming=new_authority("other", world.clock.now))
    world.store.secret = StoredSecret(encode(other), version="by hand")
    world.configurations.publish(normalise(other.certificates, world.clock.now))
    world.rotation.step()
    world.clock.advance(timedelta(seconds=9))

    assert [] == steps(world.rotation.step())


def test_it_wakes_when_the_clock_makes_something_due():
    """Not by looking often: renewal, promotion and retirement are known beforehand."""
    world = World()
    world.settle()
    due = renewal_time(world.state.current.not_before, world.state.current.not_after)
    world.clock.now = due - timedelta(seconds=7)
    before_renewal = world.rotation.step()
    world.clock.now = due
    begun = world.rotation.step()
    world.clock.now = begun.next_wakeup
    world.rotation.step()
    retirement = world.state.previous_until
    world.clock.now = retirement - timedelta(seconds=3)
    before_retirement = world.rotation.step()
    world.clock.now = retirement

    assert ([], due) == (steps(before_renewal), before_renewal.next_wakeup)
    assert [Step.ISSUE, Step.PUBLISH] == steps(begun)
    assert ([], retirement) == (steps(before_retirement), before_retirement.next_wakeup)
    assert [Step.RETIRE, Step.PUBLISH] == steps(world.rotation.step())


def test_useless_next_authority_is_no_reason_to_hurry():
    """A next authority that is too old to be promoted does not wake the leader in a loop."""
    world = World()
    old = new_authority("old", START - 300 * DAY)
    state = AuthorityState(new_authority("current", START), old)
    world.store.create(encode(state))
    world.rotation.step()
    world.clock.advance(POLL)
    outcome = world.rotation.step()

    assert ([], world.clock.now + POLL) == (steps(outcome), outcome.next_wakeup)


def test_damaged_previous_is_adopted():
    """When only the former authorities are lost, the live bundles keep them until their date."""
    world = rotating()
    old = world.replicas[0].refresh()
    world.clock.advance(timedelta(seconds=10))
    world.rotation.step()
    spoil(world, previous_crt=b"?")
    world.rotation.step()
    kept = world.configurations.trust(old)
    world.clock.advance(8 * DAY)
    world.rotation.step()

    assert kept
    assert not world.configurations.trust(old)


def spoil(world, **data):
    secret = world.store.secret
    changed = {key.replace("_", "."): value for key, value in data.items()}
    world.store.secret = replace(secret, data={**secret.data, **changed}, version="by hand")


def delete(world):
    world.store.secret = None


def empty(world):
    world.store.secret = replace(world.store.secret, data={}, version="by hand")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        pytest.param(delete, Reason.MISSING, id="deleted"),
        pytest.param(empty, Reason.MISSING, id="emptied"),
        pytest.param(lambda w: spoil(w, ca_key=b"?"), Reason.CORRUPTED, id="corrupted-key"),
        pytest.param(lambda w: spoil(w, ca_crt=b"?"), Reason.CORRUPTED, id="corrupted-crt"),
        pytest.param(
            lambda w: spoil(w, ca_key=w.replicas[0].current().key_pem),
            Reason.KEY_MISMATCH,
            id="other-key",
        ),
        pytest.param(
            lambda w: spoil(
                w, ca_crt=w.replicas[0].current().chain_pem, ca_key=w.replicas[0].current().key_pem
            ),
            Reason.NOT_A_CA,
            id="leaf-as-ca",
        ),
    ],
)
def test_repair_without_a_gap(damage, reason):
    """A lost authority is replaced, and the leaves that it signed are trusted all the while."""
    world = World()
    world.settle()
    old = world.replicas[0].current()
    damage(world)
    begun = world.rotation.step()
    during = world.configurations.trust(old), world.replicas[0].refresh() is old
    world.settle()
    new = world.replicas[0].current()

    assert (Step.ISSUE, reason) == (begun.actions[0].step, begun.actions[0].decision.reason)
    assert (True, True) == during
    assert old.authority_pem != new.authority_pem
    assert world.configurations.trust(old)
    assert world.configurations.trust(new)


def test_foreign_secret_is_left_alone():
    """A Secret without our mark is neither written nor published, and the reason is told."""
    world = World()
    world.settle()
    foreign = replace(world.store.secret, data={"tls.crt": b"theirs"}, owned=False)
    world.store.secret = foreign
    before = list(world.configurations.bundles)
    outcome = world.rotation.step()

    assert Reason.FOREIGN == outcome.refused.reason
    assert [] == steps(outcome)
    assert foreign is world.store.secret
    assert before == world.configurations.bundles


@pytest.mark.parametrize("days", [-400, -30, 30, 250, 370, 4000])
def test_clock_jump(days):
    """However far the clock jumps, the next steps leave valid leaves that are trusted."""
    world = World()
    world.settle()
    world.clock.advance(days * DAY)
    world.settle()

    assert len(world.leaves()) == 2
    assert all(world.configurations.trust(leaf) for leaf in world.leaves())


def test_expired_authority_recovers_in_one_step():
    """With no leaf alive there is nothing to wait for: one step and the webhook serves again."""
    world = World()
    world.settle()
    world.clock.advance(370 * DAY)

    assert ALL_AT_ONCE == steps(world.rotation.step())
    assert world.alive(world.replicas[0].refresh())


def test_lagging_reader_does_not_make_us_spin(monkeypatch):
    """If our write does not show yet, or is undone at once, we write once and come back."""
    world = World()
    monkeypatch.setattr(world.configurations, "published", lambda: [b""])
    outcome = world.rotation.step()

    assert [Step.ISSUE, Step.PUBLISH] == steps(outcome)
    assert START + timedelta(seconds=1) == outcome.next_wakeup
    assert len(world.configurations.writes) == 1


def test_endless_conflicts_end(monkeypatch):
    """A store that refuses every write costs a bounded number of attempts, and no exception."""
    world = World()

    def conflict(*_):
        raise ConflictError

    monkeypatch.setattr(world.store, "create", conflict)
    outcome = world.rotation.step()

    assert ((), START + timedelta(seconds=1)) == (outcome.actions, outcome.next_wakeup)


def test_file_store(tmp_path):
    """The same steps work over a file, and a new process goes on from it."""
    world = World()
    store = FileStore(tmp_path / "ca.json")
    first = Rotation(store, world.configurations, world.clock).step()
    second = Rotation(store, world.configurations, world.clock).step()

    assert (ALL_AT_ONCE, []) == (steps(first), steps(second))


def ask(world, serial=None):
    """Somebody asks for another authority in the place of the current one."""
    serial = serial or f"{world.state.current.serial:x}"
    world.store.secret = replace(world.store.secret, replace=serial, version="asked")


def test_an_asked_rotation_takes_the_ordinary_way():
    """Issued, announced, waited for, promoted; the former one stays for its leaves."""
    world = World()
    world.settle()
    leaf = world.replicas[0].current()
    old = world.state.current
    ask(world)
    begun = world.rotation.step()
    during = world.replicas[0].refresh() is leaf
    world.clock.now = begun.next_wakeup
    promoted = world.rotation.step()

    assert (Step.ISSUE, Reason.ASKED) == (begun.actions[0].step, begun.actions[0].decision.reason)
    assert [Step.ISSUE, Step.PUBLISH] == steps(begun)
    assert during
    assert [Step.PROMOTE] == steps(promoted)
    assert old.certificate in world.state.previous
    assert world.configurations.trust(leaf)


def test_asking_is_a_level():
    """The annotation that stays, or is set again, asks for nothing once another one signs."""
    world = World()
    world.settle()
    serial = f"{world.state.current.serial:x}"
    ask(world, serial)
    world.settle()
    new = world.state.current
    for _ in range(3):
        ask(world, serial)
        world.settle()

    assert f"{new.serial:x}" != serial
    assert new == world.state.current
    assert world.state.upcoming is None


@pytest.mark.parametrize("again", [ask, delete], ids=["asked", "deleted"])
def test_replaced_again_and_again_nothing_grows(again):
    """A tool that deletes the Secret in a loop: the caBundle is bounded, and no leaf is lost."""
    world, trusted = World(), []
    world.settle()
    for _ in range(2 * MAX_PREVIOUS):
        again(world)
        world.settle()
        trusted.append(all(world.configurations.trust(leaf) for leaf in world.leaves()))

    assert all(trusted)
    assert len(world.state.previous) == MAX_PREVIOUS
    assert len(parse_bundle(world.configurations.bundles[0])) == MAX_PREVIOUS + 1


@pytest.mark.parametrize("serial", ["", "0", "ff", "garbage", "\N{SNOWMAN}" * 1000])
def test_asking_for_what_is_not_there_does_nothing(serial):
    """A serial that no current authority has."""
    world = World()
    world.settle()
    current = world.state.current
    world.store.secret = replace(world.store.secret, replace=serial)
    world.settle()

    assert current == world.state.current


def test_a_compromised_authority_is_dropped_by_hand():
    """Whoever takes it out of the Secret after a rotation takes it out of the caBundles."""
    world = World()
    world.settle()
    old = world.state.current
    ask(world)
    world.settle()
    data = {k: v for k, v in world.store.secret.data.items() if not k.startswith("previous")}
    world.store.secret = replace(world.store.secret, data=data, version="by hand")
    world.settle()

    assert not any(covers(bundle, old) for bundle in world.configurations.bundles)
    assert all(world.configurations.trust(leaf) for leaf in world.leaves())


class KilledError(Exception):
    """The leader's process is gone."""


class Mortal:
    """A store or publisher whose caller dies at the n-th call, before or after it took effect."""

    def __init__(self, target, calls, *, after):
        self._target, self._left, self._after = target, calls, after

    def __getattr__(self, name):
        call = getattr(self._target, name)

        def die(*arguments):
            self._left[0] -= 1
            if self._left[0] == 0:
                if self._after:
                    call(*arguments)
                raise KilledError(name)
            return call(*arguments)

        return die


class Interfering:
    """A store or publisher before some of whose calls a rival takes a whole step."""

    def __init__(self, target, rival, calls):
        self._target, self._rival, self._calls = target, rival, calls

    def __getattr__(self, name):
        call = getattr(self._target, name)

        def interfere(*arguments):
            if name in self._calls:
                self._rival()
            return call(*arguments)

        return interfere


EVERY_CALL = ("published", "load", "create", "replace", "publish")


@pytest.mark.parametrize("calls", [*([call] for call in EVERY_CALL), EVERY_CALL], ids="-".join)
@pytest.mark.parametrize("age", [0, 245, 370], ids=["first", "renewal", "expired"])
def test_two_leaders_converge(age, calls):
    """Two leaders that interleave anywhere take no authority from a bundle, and end in one."""
    world = World()
    if age:
        world.settle()
        world.clock.advance(age * DAY)
    publish = world.configurations.publish

    def checked(bundle):
        upcoming = world.state.upcoming
        assert upcoming is None or covers(bundle, upcoming)
        publish(bundle)

    world.configurations.publish = checked
    rival = world.rotation.step
    slow = Rotation(
        Interfering(world.store, rival, calls),
        Interfering(world.configurations, rival, calls),
        world.clock,
    )
    for _ in range(3):
        slow.step()
        world.clock.advance(timedelta(seconds=10))
    world.settle()
    state = world.state

    assert state.upcoming is None
    assert {leaf.authority_pem for leaf in world.leaves()} == {state.current.certificate_pem}
    assert all(world.configurations.trust(leaf) for leaf in world.leaves())
    assert len(state.previous) == (1 if age == 245 else 0)


@pytest.mark.parametrize("call", ["published", "load"])
def test_slow_leader_takes_nothing_away(call):
    """A next authority that appears between a leader's two reads stays in the bundles."""
    world = World()
    world.settle()

    def rotate():
        if world.state.upcoming is None:
            asked = issued(world.state, new_authority("asked", world.clock.now))
            world.store.replace(encode(asked), world.store.secret.version)
            world.rotation.step()

    slow = Rotation(
        Interfering(world.store, rotate, [call]),
        Interfering(world.configurations, rotate, [call]),
        world.clock,
    )
    slow.step()
    upcoming = world.state.upcoming

    assert all(covers(bundle, upcoming) for bundle in world.configurations.writes[1:])


class Year(RuleBasedStateMachine):
    """An installation over a year and more: time jumps, people err, leaders change."""

    @initialize()
    def install(self):
        """Begin with nothing."""
        self.world = World()

    @rule(step=st.timedeltas(timedelta(seconds=1), timedelta(hours=5)))
    def wait(self, step):
        """Some time goes by."""
        self.world.clock.advance(step)

    @rule(days=st.integers(1, 120))
    def jump(self, days):
        """The machines were suspended, or their clocks were wrong."""
        self.world.clock.advance(days * DAY)

    @rule()
    def lead(self):
        """The leader looks once."""
        self.world.rotation.step()

    @rule()
    def lead_to_the_end(self):
        """The leader looks, and again when it asked to be woken."""
        outcome = self.world.rotation.step()
        self.world.clock.now = outcome.next_wakeup
        self.world.rotation.step()

    @rule()
    def change_leader(self):
        """Another replica becomes leader, with no memory."""
        world = self.world
        world.rotation = Rotation(world.store, world.configurations, world.clock)

    @rule(call=st.integers(1, 14), after=st.booleans())
    def lead_and_die(self, call, after):
        """The leader is killed at some call, and another one follows."""
        world, left = self.world, [call]
        store = Mortal(world.store, left, after=after)
        doomed = Rotation(store, Mortal(world.configurations, left, after=after), world.clock)
        with suppress(KilledError):
            doomed.step()

    @rule(entries=st.integers(0, 2))
    def publish_partly(self, entries):
        """The leader dies between the two configurations: some entries are written."""
        world = self.world
        whole = world.configurations.publish

        def partly(bundle):
            world.configurations.bundles[:entries] = [bundle] * entries
            raise KilledError

        world.configurations.publish = partly
        with suppress(KilledError):
            Rotation(world.store, world.configurations, world.clock).step()
        world.configurations.publish = whole

    @rule(calls=st.sets(st.sampled_from(EVERY_CALL), min_size=1))
    def lead_twice(self, calls):
        """Two leaders at once: between any two calls of one, the other takes a whole step."""
        world = self.world
        rival = Rotation(world.store, world.configurations, world.clock)
        store = Interfering(world.store, rival.step, calls)
        Rotation(store, Interfering(world.configurations, rival.step, calls), world.clock).step()

    @rule()
    def ask_for_another(self):
        """An administrator wants another authority."""
        if self.world.store.secret and self.world.state.current:
            ask(self.world)

    @rule(replica=st.integers(0, 1))
    def refresh(self, replica):
        """A replica looks for a reason to sign."""
        self.world.replicas[replica].refresh()

    @rule(bundle=st.sampled_from([b"", b"garbage"]))
    def wipe_bundles(self, bundle):
        """A Helm upgrade; the leader watches, and repairs from the Secret if it has one."""
        if self.world.store.secret is None:
            return
        self.world.rotation.step()  # What is lost with the Secret is known by the bundles alone.
        self.world.configurations.bundles = [bundle] * 2
        self.world.rotation.step()

    @rule(damage=st.sampled_from([delete, empty, lambda w: spoil(w, ca_key=b"?")]))
    def damage_secret(self, damage):
        """A careless administrator."""
        if self.world.store.secret is not None:
            damage(self.world)

    @invariant()
    def live_leaves_are_trusted(self):
        """Whatever a client is shown, every caBundle trusts: also in the midst of a rotation."""
        for leaf in self.world.leaves():
            assert self.world.configurations.trust(leaf)

    @invariant()
    def leaves_live_within_their_authority(self):
        """No leaf outlives its CA."""
        for leaf in self.world.leaves():
            anchor = parse_anchor(leaf.authority_pem)
            assert anchor.not_valid_before_utc <= leaf.not_before
            assert leaf.not_after <= anchor.not_valid_after_utc

    @invariant()
    def who_signs_was_announced(self):
        """The authority that signs, or may sign at any replica's next look, is in every bundle."""
        world = self.world
        if world.store.secret and (current := world.state.current):
            expired = world.clock.now >= current.not_after
            assert expired or all(covers(b, current) for b in world.configurations.bundles)

    def teardown(self):
        """From wherever it got to, a minute of quiet brings everything in order."""
        self.world.settle()
        assert len(self.world.leaves()) == 2
        assert self.world.state.upcoming is None
        assert self.world.state.faults == ()
        self.live_leaves_are_trusted()


def parse_anchor(pem):
    (certificate,) = parse_bundle(pem)
    return certificate


Year.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestYear = Year.TestCase
