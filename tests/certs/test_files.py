"""A serving certificate in files: what is served while others write them."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from world import DAY, NAMES, START, Clock

from certs.authority import issue_serving_certificate, new_authority
from certs.files import FileIdentity, FilesError, read_pair

AUTHORITY = new_authority("theirs", START)
FIRST, SECOND = (issue_serving_certificate(AUTHORITY, NAMES, [], START) for _ in range(2))


def pem(key, password=None):
    how = serialization.NoEncryption()
    if password:
        how = serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, FIRST)
    return tmp_path


def write(folder, pair):
    (folder / "tls.crt").write_bytes(pair.chain_pem)
    (folder / "tls.key").write_bytes(pair.key_pem)


def test_content_decides_not_time(folder):
    """The same content is the same certificate; another is found whatever the files' times."""
    identity = FileIdentity(folder, Clock())
    first, again = identity.refresh(), identity.refresh()
    write(folder, SECOND)
    for name in ("tls.crt", "tls.key"):
        (folder / name).touch()
    second = identity.refresh()

    assert first.version == again.version != second.version
    assert (FIRST.key_pem, SECOND.chain_pem) == (first.key_pem, second.chain_pem)
    assert (second, "") == (identity.current(), identity.lacks)


def test_a_half_written_pair_is_read_again(folder):
    """Between the write of the certificate and that of its key the former pair serves."""
    identity = FileIdentity(folder, Clock())
    first = identity.refresh()
    (folder / "tls.crt").write_bytes(SECOND.chain_pem)
    between, told = identity.refresh(), identity.lacks
    (folder / "tls.key").write_bytes(SECOND.key_pem)

    assert first is between
    assert "tls.key: does not belong to tls.crt" in told
    assert SECOND.chain_pem == identity.refresh().chain_pem


@settings(max_examples=60, deadline=None)
@given(
    cut=st.integers(0, len(SECOND.chain_pem)),
    key_cut=st.integers(0, len(SECOND.key_pem)),
)
def test_a_write_that_is_cut_anywhere_costs_nothing(tmp_path_factory, cut, key_cut):
    """Whatever part of the new files is there, what is served is one whole pair."""
    folder = tmp_path_factory.mktemp("cut")
    write(folder, FIRST)
    identity = FileIdentity(folder, Clock())
    identity.refresh()
    (folder / "tls.crt").write_bytes(SECOND.chain_pem[:cut])
    (folder / "tls.key").write_bytes(SECOND.key_pem[:key_cut])
    served = identity.refresh()

    whole = {pair.chain_pem.strip(): pair.key_pem.strip() for pair in (FIRST, SECOND)}
    assert whole[served.chain_pem.strip()] == served.key_pem.strip()


def test_a_link_that_is_swapped(folder, tmp_path):
    """As the kubelet writes a Secret: a new folder, then a link renamed over the old one."""
    for number, pair in enumerate((FIRST, SECOND)):
        (tmp_path / f"v{number}").mkdir()
        write(tmp_path / f"v{number}", pair)
    link = tmp_path / "data"
    link.symlink_to("v0")
    identity = FileIdentity(link, Clock())
    first = identity.refresh()
    (tmp_path / "next").symlink_to("v1")
    (tmp_path / "next").replace(link)

    assert FIRST.chain_pem == first.chain_pem
    assert SECOND.chain_pem == identity.refresh().chain_pem


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({"tls.crt": None}, "tls.crt: No such file", id="no-certificate"),
        pytest.param({"tls.key": None}, "tls.key: No such file", id="no-key"),
        pytest.param({"tls.crt": b""}, "expected a certificate, found none", id="empty"),
        pytest.param({"tls.crt": b"x"}, "tls.crt: line 1", id="garbage"),
        pytest.param({"tls.crt": FIRST.key_pem}, "BEGIN PRIVATE KEY", id="key-as-certificate"),
        pytest.param({"tls.key": b"SECRET"}, "unencrypted private key", id="garbage-key"),
        pytest.param(
            {"tls.key": pem(ED25519, b"SECRET")}, "unencrypted private key", id="encrypted-key"
        ),
        pytest.param({"tls.key": pem(RSA)}, "does not belong", id="another-kind-of-key"),
        pytest.param({"tls.crt": b"#" * 300_000}, "at most", id="too-large"),
    ],
)
def test_what_cannot_be_served_is_told_and_never_quoted(folder, files, message):
    """With the file's name; nothing serves before the first pair that fits."""
    for name, content in files.items():
        (folder / name).unlink()
        if content is not None:
            (folder / name).write_bytes(content)
    with pytest.raises(FilesError, match=message) as raised:
        read_pair(folder)
    identity = FileIdentity(folder, Clock())

    assert identity.refresh() is None
    assert message in identity.lacks
    assert "SECRET" not in f"{raised.value}{raised.value.__cause__}{identity.lacks}"
    assert FIRST.key_pem.decode().splitlines()[1] not in identity.lacks


def test_life_by_the_wall_clock(folder):
    """A pair that is over, or not yet begun, is not given, and its dates are told."""
    clock = Clock()
    identity = FileIdentity(folder, clock)
    alive = identity.refresh()
    clock.advance(7 * DAY)
    over, told = identity.refresh(), identity.lacks
    clock.advance(-30 * DAY)
    early = identity.refresh()
    clock.now = START + timedelta(hours=1)

    assert (None, None) == (over, early)
    assert "this one is for 2025-12-31T23:55:00Z to 2026-01-08T00:00:00Z" in told
    assert alive.version == identity.refresh().version


def test_no_secret_in_repr(folder):
    """A pair may be logged."""
    assert "PRIVATE" not in repr(read_pair(folder))
