"""A worker's way to the first review, and what may take it out of the endpoints later."""

from datetime import UTC, datetime, timedelta

import pytest

from certs.authority import issue_serving_certificate, new_authority
from webhook.errors import UnavailableError
from webhook.model.trust import Anchor
from webhook.replica import (
    DOUBT_SECONDS,
    LOOK_SECONDS,
    RETRY_SECONDS,
    SETTLE_SECONDS,
    SYNC_SECONDS,
    TRUST_SECONDS,
    Parts,
    Replica,
)
from webhook.server.lifecycle import State

NAME = "portcullis.portcullis-system.svc"
NOW = datetime.now(UTC)
OURS, OTHER = (new_authority(name, NOW) for name in ("ours", "other"))
FIRST, SECOND = (issue_serving_certificate(OURS, [NAME], [], NOW) for _ in range(2))
STRANGE = issue_serving_certificate(OTHER, [NAME], [], NOW)


class World:
    """A replica whose certificate, caBundles and clock are set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pair = FIRST
        self.lacks = ""
        self.is_due = False
        self.refreshed = 0
        self.bundles = [OURS.certificate_pem]
        self.asked = 0
        self.loading = ""
        self.connected = [None]
        self.replica = Replica(self._connect, clock=lambda: self.now)

    def _connect(self) -> Parts:
        if error := self.connected.pop(0):
            raise error
        return Parts(self, object, self.anchors, lambda: self.loading)

    def anchors(self) -> list[Anchor]:
        self.asked += 1
        if isinstance(self.bundles, Exception):
            raise self.bundles
        return [Anchor(f"entry-{n}", NAME, pem) for n, pem in enumerate(self.bundles)]

    def current(self):
        return self.pair

    def due(self) -> bool:
        return self.is_due or self.pair is None

    def refresh(self):
        self.refreshed += 1
        return self.pair

    def pass_by(self, seconds: float) -> list[bool]:
        """Let the replica's thread live for so long; whether it takes requests at each look."""
        seen, end = [], self.now + seconds
        while self.now < end:
            self.now += LOOK_SECONDS if self.replica.step() else RETRY_SECONDS
            seen.append(self.replica.lifecycle.takes_requests)
        return seen


@pytest.fixture
def world() -> World:
    """All is well."""
    return World()


@pytest.fixture
def ready(world: World) -> World:
    """All is well, and the replica serves."""
    assert world.replica.step()
    return world


def state(world: World) -> tuple[bool, State, str]:
    return world.replica.step(), world.replica.lifecycle.state, world.replica.lifecycle.why


def test_it_waits_for_each_part_in_turn(world) -> None:
    """The API server, the certificate, the caBundle, the watches; /readyz tells which."""
    world.connected = [UnavailableError("the API server is away"), None]
    world.pair, world.lacks = None, "the certificate authority"
    world.bundles, world.loading = [OURS.certificate_pem, b""], "listing the NetworkPolicies"
    seen = [state(world), state(world)]
    world.pair, world.lacks = FIRST, ""
    seen.append(state(world))
    world.bundles[1] = OURS.certificate_pem
    world.now += RETRY_SECONDS
    seen.append(state(world))
    world.loading = ""
    seen.append(state(world))

    assert seen == [
        (False, State.WARMING, "the API server is away"),
        (False, State.WARMING, "waiting for the certificate authority"),
        (
            False,
            State.WARMING,
            "the caBundle of entry-1 does not verify our certificate: it is empty",
        ),
        (False, State.WARMING, "listing the NetworkPolicies"),
        (True, State.SERVING, ""),
    ]
    assert world.replica.current() is FIRST


def test_a_list_that_does_not_come_is_not_waited_for_for_ever(world) -> None:
    """Advice alone is made from it."""
    world.loading = "listing the NetworkPolicies"
    early = world.pass_by(SYNC_SECONDS - 1)
    late = world.pass_by(2)

    assert not any(early)
    assert late[-1]


def test_without_configurations_there_is_nobody_to_be_trusted_by(world) -> None:
    """They are made before us, or taken away by hand; neither is a reason to wait."""
    world.bundles = []

    assert world.replica.step()


def test_a_bug_is_logged_and_tried_again(world, caplog) -> None:
    """What nobody foresaw keeps the replica waiting; its detail is in the log alone."""
    world.connected = [ZeroDivisionError("secret detail"), None]

    assert not world.replica.step()
    assert world.replica.lifecycle.reason == "internal error, see the log"
    assert "secret detail" in caplog.text
    assert world.replica.step()


def test_nobody_is_asked_while_nothing_happens(ready) -> None:
    """The wall clock is looked at every few seconds, the Secret and the caBundles rarely."""
    ready.refreshed = ready.asked = 0
    ready.pass_by(3600)

    assert 50 < ready.refreshed <= 60
    assert 10 < ready.asked <= 3600 / TRUST_SECONDS


def test_a_leaf_that_is_due_is_not_waited_for(ready) -> None:
    """What the clock asks for is done at the next look, also after a suspension."""
    ready.refreshed, ready.is_due = 0, True
    ready.replica.step()

    assert ready.refreshed == 1


@pytest.mark.parametrize(
    "wiped",
    [
        pytest.param([b""], id="wiped"),
        pytest.param([b"garbage"], id="garbage"),
        pytest.param([OURS.certificate_pem, b""], id="one-entry"),
        pytest.param([OTHER.certificate_pem], id="foreign"),
    ],
)
def test_a_caBundle_that_is_wiped_for_a_moment_costs_no_readiness(ready, wiped) -> None:  # noqa: N802
    """All replicas see the same: if they all left the endpoints, a second would become many."""
    before, ready.bundles = ready.bundles, wiped
    ready.pass_by(TRUST_SECONDS + 1)
    during = ready.pass_by(DOUBT_SECONDS - 10)
    ready.bundles = before
    after = ready.pass_by(TRUST_SECONDS)

    assert all(during)
    assert all(after)


def test_a_doubt_that_lasts_takes_the_replica_out_and_its_end_brings_it_back(ready) -> None:
    """The Pod shows that it is not well; reviews that come all the same are answered."""
    ready.bundles = [b""]
    ready.pass_by(TRUST_SECONDS + DOUBT_SECONDS + 10)
    lifecycle = ready.replica.lifecycle
    out = lifecycle.takes_requests, lifecycle.state.answers, lifecycle.why
    ready.bundles = [OURS.certificate_pem]
    back = ready.pass_by(LOOK_SECONDS + 1)

    assert out == (
        False,
        True,
        "the caBundle of entry-0 does not verify our certificate: it is empty",
    )
    assert back[-1]


def test_a_certificate_that_ends_takes_the_replica_out(ready) -> None:
    """Others may have one."""
    ready.pair, ready.lacks, ready.is_due = None, "the certificate authority", True
    ready.pass_by(DOUBT_SECONDS + 10)

    assert not ready.replica.lifecycle.takes_requests
    assert ready.replica.lifecycle.why == "waiting for the certificate authority"


def test_it_stays_ready_when_the_api_server_goes(ready) -> None:
    """A leaf that cannot be renewed for now is served on; readiness does not flap."""

    def away():
        raise UnavailableError("the API server is away")

    ready.refresh = away
    ready.bundles = UnavailableError("the API server is away")

    assert all(ready.pass_by(3 * TRUST_SECONDS))
    assert ready.replica.current() is FIRST


def test_a_new_certificate_is_taken_once_it_is_trusted_for_a_while(ready) -> None:
    """Each API server learns of a caBundle by a watch of its own."""
    ready.asked, ready.pair, ready.is_due = 0, SECOND, True
    ready.pass_by(SETTLE_SECONDS - LOOK_SECONDS)
    early = ready.replica.current()
    ready.pass_by(2 * LOOK_SECONDS)

    assert early is FIRST
    assert ready.replica.current() is SECOND
    assert ready.asked == 2


def test_a_new_certificate_takes_the_place_of_a_useless_one_at_once(ready) -> None:
    """There is nothing to be gained by waiting, as after a month of suspension."""
    ready.bundles, ready.pair = [OTHER.certificate_pem], STRANGE
    ready.pass_by(1)

    assert ready.replica.current() is STRANGE


def test_a_new_certificate_waits_for_the_caBundle(ready) -> None:  # noqa: N802
    """Files change before the caBundle does: what the API server accepts is served until then."""
    ready.pair, ready.is_due = STRANGE, True
    held = ready.pass_by(DOUBT_SECONDS + 60)
    served = ready.replica.current()
    ready.bundles = [OURS.certificate_pem + OTHER.certificate_pem]
    settling = ready.pass_by(SETTLE_SECONDS - LOOK_SECONDS)
    still = ready.replica.current()
    ready.pass_by(2 * LOOK_SECONDS)

    assert all([*held, *settling])
    assert (served, still) == (FIRST, FIRST)
    assert ready.replica.current() is STRANGE


def test_a_new_certificate_is_taken_if_neither_is_trusted(ready) -> None:
    """The newer one is what the caBundle will come to trust."""
    ready.bundles, ready.pair = [b""], SECOND
    ready.pass_by(1)

    assert ready.replica.current() is SECOND


def test_an_unusable_certificate_does_not_replace_a_good_one(ready) -> None:
    """Say, one whose key is another's; the replica goes on, and says so."""
    broken = issue_serving_certificate(OURS, [NAME], [], NOW, timedelta(days=1))
    ready.pair = type(broken)(
        **{f: getattr(broken, f) for f in broken.__slots__} | {"key_pem": FIRST.key_pem}
    )

    assert all(ready.pass_by(DOUBT_SECONDS + 10))
    assert ready.replica.current() is FIRST
