"""From the settings to what the server speaks and asks for."""

import json
import ssl
from datetime import UTC, datetime

import pytest

from certs.authority import issue_serving_certificate, new_authority
from webhook.bootstrap import tls_policy
from webhook.errors import SettingsError
from webhook.server.tls import build_context
from webhook.settings import Settings, decode_settings

NOW = datetime.now(UTC)
FIRST, SECOND = (new_authority(name, NOW) for name in ("one", "two"))
LEAF = issue_serving_certificate(FIRST, ["localhost"], [], NOW)


def server(**section):
    return decode_settings(json.dumps({"server": section})).server


@pytest.mark.parametrize(
    ("section", "floor"),
    [
        pytest.param({}, ssl.TLSVersion.TLSv1_2, id="default"),
        pytest.param({"tls": {"minVersion": "1.2"}}, ssl.TLSVersion.TLSv1_2, id="1.2"),
        pytest.param({"tls": {"minVersion": "1.3"}}, ssl.TLSVersion.TLSv1_3, id="1.3"),
    ],
)
@pytest.mark.parametrize("mutual", [False, True], ids=["plain", "mtls"])
def test_the_floor_is_the_one_that_was_set(section, floor, mutual):
    """With or without mTLS."""
    mtls = {"clientCa": FIRST.certificate_pem.decode(), "allowedNames": ["a"]} if mutual else {}
    context = build_context(LEAF, tls_policy(server(**section, mtls=mtls)))

    assert floor == context.minimum_version
    assert (context.verify_mode is ssl.CERT_OPTIONAL) is mutual


def test_an_overlap_of_two_client_authorities():
    """As while the API server's is being replaced."""
    both = FIRST.certificate_pem.decode() + SECOND.certificate_pem.decode()
    policy = tls_policy(server(mtls={"clientCa": both, "allowedNames": ["a"]}))

    assert len(build_context(LEAF, policy).get_ca_certs()) == 2


@pytest.mark.parametrize(
    ("mtls", "message"),
    [
        pytest.param({"clientCa": "garbage", "allowedNames": ["a"]}, "line 1", id="garbage"),
        pytest.param({"clientCa": "# none", "allowedNames": ["a"]}, "found none", id="remark"),
        pytest.param(
            {"clientCa": LEAF.key_pem.decode(), "allowedNames": ["a"]},
            "BEGIN PRIVATE KEY",
            id="key",
        ),
        pytest.param({"clientCa": "x"}, "must be given together", id="no-names"),
        pytest.param({"allowedNames": ["a"]}, "must be given together", id="no-authority"),
        pytest.param({"clientCa": "x", "allowedNames": [""]}, "length", id="empty-name"),
    ],
)
def test_what_would_let_in_too_many_or_nobody_is_refused_at_the_start(mtls, message):
    """Before a connection is accepted; a key is never quoted."""
    with pytest.raises(SettingsError, match=message) as raised:
        tls_policy(server(mtls=mtls))

    assert LEAF.key_pem.decode().splitlines()[1] not in str(raised.value)


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.4", "TLS1.3", 1.3])
def test_no_other_version_can_be_set(version):
    """Nothing under 1.2, and no misspelling."""
    with pytest.raises(SettingsError, match="minVersion"):
        server(tls={"minVersion": version})


def test_the_default_asks_nobody():
    """MTLS needs the API server's configuration, so it is off."""
    assert not Settings().server.mtls.enabled
    assert tls_policy(Settings().server).client_ca == ""
