"""A handshake with ourselves: it must fail exactly where the API server's would."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest

from certs.authority import issue_serving_certificate, new_authority
from webhook.model.trust import Anchor
from webhook.server.handshake import distrust
from webhook.server.tls import TlsPolicy, build_context

NOW = datetime.now(UTC)
NAME = "portcullis.portcullis-system.svc"
OLD, NEW = new_authority("portcullis-ca", NOW), new_authority("portcullis-ca", NOW)
LEAF = issue_serving_certificate(NEW, [NAME], [], NOW)
BOTH = OLD.certificate_pem + NEW.certificate_pem
AGED = new_authority("aged", NOW - timedelta(days=30))
EXPIRED = issue_serving_certificate(AGED, [NAME], [], NOW - timedelta(days=8))


@pytest.mark.parametrize(
    ("pair", "name", "bundle", "why"),
    [
        pytest.param(LEAF, NAME, NEW.certificate_pem, None, id="trusted"),
        pytest.param(LEAF, NAME, BOTH, None, id="during-a-rotation"),
        pytest.param(LEAF, NAME, b"# a remark\n" + BOTH, None, id="with-a-remark"),
        pytest.param(LEAF, NAME, OLD.certificate_pem, "unable to get local issuer", id="former-ca"),
        pytest.param(LEAF, NAME, b"", "it is empty", id="wiped"),
        pytest.param(LEAF, NAME, b"\n", "it is empty", id="blank"),
        pytest.param(LEAF, NAME, b"\xff\x00garbage", "", id="garbage"),
        pytest.param(LEAF, "other.svc", BOTH, "Hostname mismatch", id="other-name"),
        pytest.param(LEAF, "", BOTH, "", id="no-name"),
        pytest.param(
            EXPIRED, NAME, AGED.certificate_pem, "certificate has expired", id="expired-leaf"
        ),
    ],
)
@pytest.mark.parametrize("floor", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
def test_what_a_client_would_say(pair, name, bundle, why, floor):
    """With either floor, by name, by dates and by authority."""
    context = build_context(pair, TlsPolicy(floor))
    found = distrust(context, [Anchor("marks.portcullis.dev", name, bundle)])

    assert (found is None) == (why is None)
    assert found is None or found.startswith("the caBundle of marks.portcullis.dev does not verify")
    assert found is None or why in found


def test_one_bad_entry_among_many_is_found():
    """Each entry has a caBundle of its own."""
    good = [Anchor(f"e{n}", NAME, BOTH) for n in range(9)]
    found = distrust(build_context(LEAF), [*good, Anchor("bad", NAME, OLD.certificate_pem)])

    assert "the caBundle of bad" in found
    assert distrust(build_context(LEAF), good) is None


def test_a_server_that_asks_for_client_certificates_is_verified_without_one():
    """As the kubelet is let in to ask /readyz."""
    context = build_context(LEAF, TlsPolicy(client_ca=OLD.certificate_pem.decode()))

    assert distrust(context, [Anchor("e", NAME, BOTH)]) is None


def test_the_same_bundle_is_tried_once(monkeypatch):
    """Twenty entries cost one handshake."""
    tried = []
    monkeypatch.setattr(
        "webhook.server.handshake._refusal", lambda _, anchor: tried.append(anchor) or None
    )
    distrust(build_context(LEAF), [Anchor(f"e{n}", NAME, BOTH) for n in range(20)])

    assert len(tried) == 1
