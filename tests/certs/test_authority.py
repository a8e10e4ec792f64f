"""The X.509 profile, and what is refused as an authority."""

from base64 import encodebytes
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from certs.authority import (
    AuthorityError,
    issue_serving_certificate,
    new_authority,
    new_key,
    parse_authority,
)
from certs.bundle import BundleError, parse_bundle
from certs.reason import Reason

NOW = datetime(2026, 1, 1, 12, 0, 0, 987654, tzinfo=UTC)
DAY = timedelta(days=1)
KEY, LEAF_KEY = new_key(), new_key()
AUTHORITY = new_authority("test-ca", NOW, key=KEY, serial=7)
OTHER = new_authority("test-ca", NOW)


def leaf_of(authority, **options):
    return issue_serving_certificate(authority, ["a.b.svc"], [ip_address("::1")], NOW, **options)


def parsed(leaf):
    return x509.load_pem_x509_certificate(leaf.chain_pem)


def value(certificate, extension):
    found = certificate.extensions.get_extension_for_class(extension)
    return found.value, found.critical


def test_authority_profile():
    """The CA may sign leaves only, on P-256, with its identifiers, from some minutes ago."""
    certificate = AUTHORITY.certificate
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    usage, critical = value(certificate, x509.KeyUsage)

    assert isinstance(certificate.public_key().curve, ec.SECP256R1)
    assert (constraints, True) == value(certificate, x509.BasicConstraints)
    assert critical
    assert (True, True, False) == (usage.key_cert_sign, usage.crl_sign, usage.digital_signature)
    assert value(certificate, x509.SubjectKeyIdentifier)[0].digest == (
        value(certificate, x509.AuthorityKeyIdentifier)[0].key_identifier
    )
    assert datetime(2026, 1, 1, 11, 55, tzinfo=UTC) == AUTHORITY.not_before
    assert datetime(2027, 1, 1, 12, tzinfo=UTC) == AUTHORITY.not_after
    assert certificate.serial_number == AUTHORITY.serial == 7


def test_leaf_profile():
    """The leaf serves the given names, points at its issuer's key and has no subject."""
    certificate = parsed(leaf_of(AUTHORITY))
    names, critical = value(certificate, x509.SubjectAlternativeName)
    usage = value(certificate, x509.ExtendedKeyUsage)[0]

    assert not list(certificate.subject)
    assert critical
    assert ["a.b.svc"] == names.get_values_for_type(x509.DNSName)
    assert [ip_address("::1")] == names.get_values_for_type(x509.IPAddress)
    assert [ExtendedKeyUsageOID.SERVER_AUTH] == list(usage)
    assert value(certificate, x509.AuthorityKeyIdentifier)[0].key_identifier == (
        value(AUTHORITY.certificate, x509.SubjectKeyIdentifier)[0].digest
    )
    certificate.verify_directly_issued_by(AUTHORITY.certificate)


def test_pure_given_key_and_serial():
    """With clock, key and serial fixed, only the signature differs from one run to the next."""
    first, second = (leaf_of(AUTHORITY, key=LEAF_KEY, serial=9) for _ in range(2))

    assert parsed(first).tbs_certificate_bytes == parsed(second).tbs_certificate_bytes
    assert (first.key_pem, first.version) == (second.key_pem, second.version)
    assert AUTHORITY.certificate.tbs_certificate_bytes == (
        new_authority("test-ca", NOW, key=KEY, serial=7).certificate.tbs_certificate_bytes
    )


def test_randomness_by_default():
    """Two authorities share neither key nor serial, nor do two leaves."""
    assert AUTHORITY.private_key_pem != OTHER.private_key_pem
    assert OTHER.serial.bit_length() > 96
    assert leaf_of(OTHER).version != leaf_of(OTHER).version
    assert leaf_of(OTHER).key_pem != leaf_of(OTHER).key_pem


@given(age=st.timedeltas(-timedelta(minutes=5), 364 * DAY), lifetime=st.timedeltas(DAY, 900 * DAY))
def test_leaf_lives_within_its_authority(age, lifetime):
    """A leaf neither begins before its authority nor ends after it, however long it is asked."""
    now = AUTHORITY.not_before + timedelta(minutes=5) + age
    leaf = issue_serving_certificate(AUTHORITY, ["a"], [], now, lifetime, key=LEAF_KEY)

    assert AUTHORITY.not_before <= leaf.not_before <= now < leaf.not_after <= AUTHORITY.not_after
    assert parsed(leaf).not_valid_after_utc == leaf.not_after


@pytest.mark.parametrize(
    ("names", "now", "message"),
    [
        pytest.param([], NOW, "needs a name", id="no-name"),
        pytest.param(["a"], NOW + 366 * DAY, "not valid at 2027-01-02", id="expired-authority"),
        pytest.param(["a"], NOW - DAY, "not valid at 2025-12-31", id="future-authority"),
    ],
)
def test_impossible_leaf(names, now, message):
    """A leaf without a name, or of an authority out of its life, is not signed."""
    with pytest.raises(ValueError, match=message):
        issue_serving_certificate(AUTHORITY, names, [], now)


def test_long_service_name():
    """A name longer than a common name may be is served as well."""
    name = "portcullis-webhook." + "n" * 63 + ".svc"
    leaf = issue_serving_certificate(AUTHORITY, [name], [], NOW)

    assert [name] == value(parsed(leaf), x509.SubjectAlternativeName)[0].get_values_for_type(
        x509.DNSName
    )


def test_no_secret_in_repr():
    """Neither authority nor leaf shows its private key when printed or logged."""
    for thing in (AUTHORITY, leaf_of(AUTHORITY)):
        assert "PRIVATE" not in repr(thing)


def test_parse_round_trip():
    """An authority read back from its PEM is the same."""
    assert AUTHORITY == parse_authority(AUTHORITY.certificate_pem, AUTHORITY.private_key_pem)


def pem_of(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def encrypted(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )


def bare(key):
    """A self-signed certificate without any extension."""
    name = x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.public_key(key.public_key()).not_valid_before(NOW).not_valid_after(NOW + DAY)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


CA, CA_KEY = AUTHORITY.certificate_pem, AUTHORITY.private_key_pem
LEAF = leaf_of(AUTHORITY, key=LEAF_KEY)


@pytest.mark.parametrize(
    ("certificate", "key", "reason"),
    [
        pytest.param(b"", CA_KEY, Reason.CORRUPTED, id="no-certificate"),
        pytest.param(b"garbage", CA_KEY, Reason.CORRUPTED, id="garbage-certificate"),
        pytest.param(CA[:200], CA_KEY, Reason.CORRUPTED, id="truncated-certificate"),
        pytest.param(CA + OTHER.certificate_pem, CA_KEY, Reason.CORRUPTED, id="two-certificates"),
        pytest.param(CA, b"", Reason.CORRUPTED, id="no-key"),
        pytest.param(CA, b"garbage", Reason.CORRUPTED, id="garbage-key"),
        pytest.param(CA, encrypted(KEY), Reason.CORRUPTED, id="encrypted-key"),
        pytest.param(CA, pem_of(rsa.generate_private_key(65537, 2048)), Reason.CORRUPTED, id="rsa"),
        pytest.param(CA, OTHER.private_key_pem, Reason.KEY_MISMATCH, id="other-key"),
        pytest.param(LEAF.chain_pem, LEAF.key_pem, Reason.NOT_A_CA, id="leaf"),
        pytest.param(bare(KEY), CA_KEY, Reason.NOT_A_CA, id="no-extensions"),
    ],
)
def test_parse_refuses(certificate, key, reason):
    """What could not sign is refused with its reason, and the key is not in the message."""
    with pytest.raises(AuthorityError) as caught:
        parse_authority(certificate, key)

    assert reason == caught.value.reason
    assert not key or key.decode() not in str(caught.value)


DER = AUTHORITY.certificate.public_bytes(serialization.Encoding.DER)


def damaged(der):
    return b"-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----" % encodebytes(der)


@pytest.mark.filterwarnings(
    "ignore:Parsed a serial number:cryptography.utils.CryptographyDeprecationWarning"
)
@settings(max_examples=500)
@example(at=DER.index(b"\xa0\x03\x02\x01\x02") + 4, change=104)  # a version of X.509 to come
@given(at=st.integers(0, len(DER) - 1), change=st.integers(1, 255))
def test_damage_is_found(at, change):
    """A certificate with a byte changed is refused, by the one error, or certifies the same.

    The number of unused bits before the signature is the one byte that nothing covers.
    """
    pem = damaged(DER[:at] + bytes([DER[at] ^ change]) + DER[at + 1 :])

    with suppress(AuthorityError):
        survivor = parse_authority(pem, CA_KEY).certificate
        assert AUTHORITY.certificate.tbs_certificate_bytes == survivor.tbs_certificate_bytes
    with suppress(BundleError):
        assert len(parse_bundle(pem)) == 1
