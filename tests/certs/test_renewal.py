"""The decision chains: each reason once, and their order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.authority import issue_serving_certificate, new_authority
from certs.bundle import normalise
from certs.reason import Reason
from certs.renewal import (
    AuthorityInput,
    LeafInput,
    Step,
    decide_authority,
    decide_leaf,
    may_sign,
    promotion_time,
    refuse,
    renewal_time,
)
from certs.state import AuthorityState, Fault

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
A, B = new_authority("a", NOW), new_authority("b", NOW)
DUE = renewal_time(A.not_before, A.not_after)
OLD = new_authority("old", NOW - 300 * DAY)
GOOD = AuthorityInput(NOW, True, True, AuthorityState(A), (A.certificate_pem,))
BOTH = normalise([A.certificate, B.certificate], NOW)
ROTATING = replace(GOOD, state=AuthorityState(A, B), published=(BOTH,), announced=NOW)
FORMER = AuthorityState(A, None, (B.certificate,), NOW + 7 * DAY)


def faulty(reason):
    return AuthorityState(faults=(Fault("ca.crt", reason, "why"),))


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        pytest.param(GOOD, None, id="all-is-well"),
        pytest.param(
            AuthorityInput(NOW, False, False, AuthorityState()),
            (Step.ISSUE, Reason.MISSING),
            id="no-secret",
        ),
        pytest.param(
            replace(GOOD, state=AuthorityState()), (Step.ISSUE, Reason.MISSING), id="emptied"
        ),
        pytest.param(
            replace(GOOD, state=faulty(Reason.CORRUPTED)),
            (Step.ISSUE, Reason.CORRUPTED),
            id="corrupted",
        ),
        pytest.param(
            replace(GOOD, state=faulty(Reason.KEY_MISMATCH)),
            (Step.ISSUE, Reason.KEY_MISMATCH),
            id="key-mismatch",
        ),
        pytest.param(
            replace(GOOD, state=faulty(Reason.NOT_A_CA)),
            (Step.ISSUE, Reason.NOT_A_CA),
            id="not-a-ca",
        ),
        pytest.param(replace(GOOD, now=DUE - SECOND), None, id="just-before-two-thirds"),
        pytest.param(replace(GOOD, now=DUE), (Step.ISSUE, Reason.RENEWAL_DUE), id="two-thirds"),
        pytest.param(
            replace(GOOD, now=A.not_after), (Step.ISSUE, Reason.EXPIRED), id="expired-at-its-end"
        ),
        pytest.param(
            replace(GOOD, now=NOW - DAY), (Step.ISSUE, Reason.NOT_YET_VALID), id="clock-set-back"
        ),
        pytest.param(
            replace(ROTATING, state=AuthorityState(OLD, B), published=(b"",)),
            (Step.PUBLISH, Reason.BUNDLE_INCOMPLETE),
            id="a-good-next-needs-no-other",
        ),
        pytest.param(
            replace(GOOD, state=AuthorityState(OLD, OLD)),
            (Step.ISSUE, Reason.RENEWAL_DUE),
            id="an-old-next-is-replaced",
        ),
        pytest.param(
            replace(GOOD, published=(A.certificate_pem, b"")),
            (Step.PUBLISH, Reason.BUNDLE_INCOMPLETE),
            id="one-bundle-wiped",
        ),
        pytest.param(
            replace(GOOD, published=(b"Cg==",)),
            (Step.PUBLISH, Reason.BUNDLE_CORRUPTED),
            id="bundle-garbage",
        ),
        pytest.param(
            replace(GOOD, published=(BOTH,)),
            (Step.PUBLISH, Reason.BUNDLE_EXCESSIVE),
            id="stranger-in-bundle",
        ),
        pytest.param(
            replace(ROTATING, published=(A.certificate_pem,), announced=None),
            (Step.PUBLISH, Reason.BUNDLE_INCOMPLETE),
            id="next-not-published",
        ),
        pytest.param(
            replace(ROTATING, published=(normalise([B.certificate, A.certificate], NOW),)),
            None,
            id="order-in-a-bundle-is-free",
        ),
        pytest.param(replace(ROTATING, announced=None), None, id="not-yet-seen-everywhere"),
        pytest.param(replace(ROTATING, now=NOW + 9 * SECOND), None, id="still-spreading"),
        pytest.param(
            replace(ROTATING, now=NOW + 10 * SECOND), (Step.PROMOTE, Reason.ANNOUNCED), id="spread"
        ),
        pytest.param(
            replace(ROTATING, state=AuthorityState(None, A), published=(A.certificate_pem,)),
            (Step.PROMOTE, Reason.ANNOUNCED),
            id="the-first-need-not-wait",
        ),
        pytest.param(
            replace(ROTATING, state=AuthorityState(None, A, (B.certificate,))),
            None,
            id="a-successor-of-a-lost-one-waits",
        ),
        pytest.param(replace(GOOD, state=FORMER, published=(BOTH,)), None, id="former-kept"),
        pytest.param(
            replace(GOOD, state=FORMER, published=(BOTH,), now=NOW + 7 * DAY),
            (Step.RETIRE, Reason.RETIRED),
            id="former-over",
        ),
    ],
)
def test_authority_chain(world, expected):
    """Each state of the world asks for one step, for one reason."""
    due = decide_authority(world)

    assert expected == (due and (due[0], due[1].reason))


@pytest.mark.parametrize(
    ("exists", "owned", "refused"),
    [
        pytest.param(False, False, False, id="nothing-there"),
        pytest.param(True, True, False, id="ours"),
        pytest.param(True, False, True, id="foreign"),
    ],
)
def test_refusal(exists, owned, refused):
    """A Secret that exists without our mark is refused, with the way out."""
    decision = refuse(replace(GOOD, exists=exists, owned=owned))

    assert refused == (decision is not None)
    assert not decision or "delete it, or name another Secret" in decision.message


LEAF = issue_serving_certificate(A, ["a.svc"], [], NOW)
LEAF_DUE = renewal_time(LEAF.not_before, LEAF.not_after)
SERVING = LeafInput(NOW, LEAF, A, ("a.svc",))
LAST = issue_serving_certificate(A, ["a.svc"], [], A.not_after - 3 * DAY)


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        pytest.param(SERVING, None, id="all-is-well"),
        pytest.param(replace(SERVING, leaf=None), Reason.MISSING, id="none-yet"),
        pytest.param(replace(SERVING, now=LEAF.not_after), Reason.EXPIRED, id="expired"),
        pytest.param(
            replace(SERVING, now=LEAF.not_before - SECOND), Reason.NOT_YET_VALID, id="set-back"
        ),
        pytest.param(replace(SERVING, dns_names=("b.svc",)), Reason.NAMES_CHANGED, id="other-name"),
        pytest.param(replace(SERVING, authority=B), Reason.AUTHORITY_CHANGED, id="promoted"),
        pytest.param(replace(SERVING, now=LEAF_DUE - SECOND), None, id="before-two-thirds"),
        pytest.param(replace(SERVING, now=LEAF_DUE), Reason.RENEWAL_DUE, id="two-thirds"),
        pytest.param(
            replace(SERVING, leaf=LAST, now=A.not_after - SECOND), None, id="bounded-by-its-ca"
        ),
    ],
)
def test_leaf_chain(world, reason):
    """Each state of the leaf gives one reason, or none."""
    decision = decide_leaf(world)

    assert reason == (decision and decision.reason)


@given(st.timedeltas(-400 * DAY, 800 * DAY))
def test_an_authority_is_issued_exactly_outside_its_first_two_thirds(age):
    """A lone authority is replaced before its life, after two thirds of it, and never between."""
    now = NOW + age
    due = decide_authority(replace(GOOD, now=now))

    assert (due is not None and due[0] is Step.ISSUE) == (not A.not_before <= now < DUE)
    assert may_sign(A, now) == (A.not_before <= now < A.not_after)


@given(wait=st.timedeltas(timedelta(0), timedelta(days=1)))
def test_promotion_waits_for_propagation(wait):
    """While leaves of the current authority live, the next never signs before its time."""
    world = replace(ROTATING, now=NOW + wait)
    due = decide_authority(world)

    assert promotion_time(world) == NOW + world.propagation
    assert (due is not None) == (wait >= world.propagation)
