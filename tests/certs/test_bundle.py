"""Bundles: strict reading, normal form, and what they cover."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.authority import new_authority
from certs.bundle import MAX_BUNDLE_BYTES, BundleError, covers, normalise, parse_bundle, salvage

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AUTHORITIES = [new_authority(f"ca-{days}", NOW, timedelta(days=days)) for days in (1, 2, 3)]
A, B, C = (authority.certificate_pem for authority in AUTHORITIES)
LINE = A.count(b"\n") + 1  # of what follows A; its length hangs on the signature
CERTIFICATES = [authority.certificate for authority in AUTHORITIES]


@pytest.mark.parametrize(
    ("pem", "found"),
    [
        pytest.param(b"", [], id="empty"),
        pytest.param(A, [0], id="one"),
        pytest.param(A + B, [0, 1], id="two"),
        pytest.param(b"# old\n" + A + b"\n\n# new\n" + B, [0, 1], id="comments"),
        pytest.param(A.replace(b"\n", b"\r\n"), [0], id="windows-line-ends"),
        pytest.param(A.strip() + b"\n  " + B, [0, 1], id="indented"),
    ],
)
def test_parse(pem, found):
    """Certificates are read in order; blank lines and comments may stand between them."""
    assert tuple(CERTIFICATES[index] for index in found) == parse_bundle(pem)


@pytest.mark.parametrize(
    ("pem", "message"),
    [
        pytest.param(b"Cg==", "line 1: expected .* found text", id="helm-placeholder"),
        pytest.param(A + b"trailing", f"line {LINE}: expected .* found text", id="trailing-text"),
        pytest.param(
            A + AUTHORITIES[0].private_key_pem, "found '-----BEGIN PRIVATE KEY-----'", id="key"
        ),
        pytest.param(A + B[:300], f"line {LINE}: certificate has no '-----END", id="truncated"),
        pytest.param(A.replace(b"MII", b"AII"), "line 1: no valid certificate", id="not-der"),
        pytest.param(b"\xff\xfe", "line 1: expected", id="binary"),
        pytest.param(b"#" * (MAX_BUNDLE_BYTES + 1), "expected at most 262144 bytes", id="huge"),
    ],
)
def test_parse_refuses(pem, message):
    """Whatever is no certificate is refused with its line."""
    with pytest.raises(BundleError, match=message):
        parse_bundle(pem)


KEY = AUTHORITIES[0].private_key_pem


@pytest.mark.parametrize(
    "pasted",
    [
        pytest.param(KEY, id="whole"),
        pytest.param(KEY.split(b"\n", 1)[1], id="without-its-header"),
        pytest.param(KEY.replace(b"\n", b"\\n"), id="line-ends-spelled-out"),
        pytest.param(KEY.replace(b"\n", b" "), id="line-ends-lost"),
        pytest.param(KEY.replace(b"\n", b""), id="in-one"),
        pytest.param(b"-----BEGIN " + KEY.replace(b"\n", b""), id="header-in-header"),
    ],
)
def test_key_is_not_quoted(pasted):
    """The body of a private key never reaches the message, however it was pasted."""
    body = KEY.split(b"\n")[1]
    with pytest.raises(BundleError) as caught:
        parse_bundle(pasted)

    assert body[:8].decode() not in str(caught.value)


@given(
    picks=st.lists(st.sampled_from(CERTIFICATES)),
    age=st.timedeltas(timedelta(0), timedelta(days=4)),
)
def test_normal_form(picks, age):
    """Normalising keeps order, drops doubles and expired ones, and does nothing the second time."""
    now = NOW + age
    bundle = normalise(picks, now)
    parsed = parse_bundle(bundle)

    assert list(parsed) == [c for c in dict.fromkeys(picks) if c.not_valid_after_utc > now]
    assert bundle == normalise(parsed, now)


@given(picks=st.lists(st.integers(0, 2)))
def test_covers(picks):
    """A bundle covers exactly the authorities that are in it."""
    bundle = normalise((CERTIFICATES[pick] for pick in picks), NOW)

    assert [i in picks for i in range(3)] == [covers(bundle, a) for a in AUTHORITIES]


def test_garbage_covers_nothing():
    """A bundle that cannot be read as a whole is trusted in no part."""
    assert not covers(A + b"garbage", AUTHORITIES[0])
    assert salvage(A + b"garbage") == ()


@given(st.binary(max_size=200))
def test_parse_survives_anything(pem):
    """Any bytes are either parsed or refused by the one error."""
    try:
        parse_bundle(pem)
    except BundleError:
        assert salvage(pem) == ()
