"""The Secret's content and its transitions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.authority import new_authority
from certs.bundle import normalise
from certs.reason import Reason
from certs.state import (
    CLOCK_SKEW,
    AuthorityState,
    adopted,
    decode,
    encode,
    issued,
    promoted,
    retired,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
A, B, C = (new_authority(name, NOW) for name in "abc")
SHORT = new_authority("short", NOW, DAY)
FULL = AuthorityState(A, B, (C.certificate, SHORT.certificate), NOW + DAY)
DATA = encode(FULL)

states = st.builds(
    AuthorityState,
    current=st.sampled_from([None, A, B]),
    upcoming=st.sampled_from([None, C]),
    previous=st.lists(st.sampled_from([SHORT.certificate, C.certificate]), unique=True).map(tuple),
    previous_until=st.none() | st.datetimes(timezones=st.just(UTC)),
)


@given(states)
def test_round_trip(state):
    """Every state is read back as it was written."""
    assert state == decode(encode(state))


def test_secret_keys():
    """The keys are stable: a newer or older release reads what this one wrote."""
    assert {
        "ca.crt",
        "ca.key",
        "next.crt",
        "next.key",
        "previous.crt",
        "previous.until",
    } == DATA.keys()
    assert DATA["previous.until"] == b"2026-01-02T00:00:00+00:00"


@pytest.mark.parametrize(
    ("damage", "lost", "fault"),
    [
        pytest.param({"ca.crt": b""}, "current", ("ca.crt", Reason.CORRUPTED), id="no-crt"),
        pytest.param({"ca.key": b"?"}, "current", ("ca.crt", Reason.CORRUPTED), id="key-garbage"),
        pytest.param(
            {"ca.key": B.private_key_pem}, "current", ("ca.crt", Reason.KEY_MISMATCH), id="mismatch"
        ),
        pytest.param({"next.key": b""}, "upcoming", ("next.crt", Reason.CORRUPTED), id="next-key"),
        pytest.param(
            {"previous.crt": b"?"}, "previous", ("previous.crt", Reason.CORRUPTED), id="previous"
        ),
        pytest.param(
            {"previous.until": b"soon"},
            "previous_until",
            ("previous.until", Reason.CORRUPTED),
            id="until-garbage",
        ),
        pytest.param(
            {"previous.until": b"2026-01-02T00:00:00"},
            "previous_until",
            ("previous.until", Reason.CORRUPTED),
            id="until-without-zone",
        ),
    ],
)
def test_damage_is_contained(damage, lost, fault):
    """A damaged key costs its own part alone, and is told with its reason."""
    state = decode({**DATA, **damage})
    empty = () if lost == "previous" else None

    assert [fault] == [(f.key, f.reason) for f in state.faults]
    assert state == replace(FULL, **{lost: empty}, faults=state.faults)


@given(st.dictionaries(st.sampled_from(sorted(DATA)), st.binary(max_size=80)))
def test_decode_survives_anything(data):
    """Any content is read: what cannot be parsed is a fault, never an exception."""
    state = decode({**DATA, **data})

    assert encode(state).keys() <= DATA.keys()


def test_promotion_keeps_the_former():
    """A promoted authority signs, the former is trusted for a leaf's life and the clocks' skew."""
    state = promoted(issued(AuthorityState(A), B), NOW, 7 * DAY)

    assert AuthorityState(B, None, (A.certificate,), NOW + 7 * DAY + CLOCK_SKEW) == state


def test_first_promotion_leaves_nothing_to_retire():
    """The first authority follows nobody, so there is no date to wait for."""
    assert AuthorityState(A) == promoted(issued(AuthorityState(), A), NOW, 7 * DAY)


@pytest.mark.parametrize(
    ("now", "until", "kept"),
    [
        pytest.param(NOW, NOW + 7 * DAY, [C, SHORT], id="all-alive"),
        pytest.param(NOW + 2 * DAY, NOW + 7 * DAY, [C], id="one-expired"),
        pytest.param(NOW + 7 * DAY, NOW + 7 * DAY, [], id="time-is-up"),
        pytest.param(NOW + 300 * DAY, None, [C], id="no-date-kept-until-expiry"),
    ],
)
def test_retired(now, until, kept):
    """Former authorities go when their date or their own end has come, not before."""
    state = retired(replace(FULL, previous_until=until), now)

    assert tuple(a.certificate for a in kept) == state.previous
    assert (until if kept else None) == state.previous_until


def test_nothing_retires_without_a_current_authority():
    """Recovered authorities stay until a successor has been promoted."""
    state = AuthorityState(None, B, (A.certificate,), NOW)

    assert state == retired(state, NOW + DAY)


def test_lost_authorities_are_adopted():
    """When the Secret is lost, what the live bundles trust is kept, without expired and doubles."""
    bundles = [normalise([A.certificate, SHORT.certificate], NOW), A.certificate_pem, b"garbage"]
    state = adopted(AuthorityState(upcoming=B), [*bundles, B.certificate_pem], NOW + 2 * DAY)

    assert AuthorityState(upcoming=B, previous=(A.certificate,)) == state


def test_nothing_is_adopted_in_health():
    """While the Secret is whole, a stranger in a live bundle gains no trust."""
    assert AuthorityState(A) == adopted(AuthorityState(A), [B.certificate_pem], NOW)
