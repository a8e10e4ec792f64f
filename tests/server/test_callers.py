"""mTLS of the API server: who may send reviews, who may ask /readyz, on real connections."""

import json
import socket
import ssl
import threading
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs.authority import issue_serving_certificate, new_authority
from tests import reviews
from tests.server.clients import client_pair, with_certificate
from tests.server.test_gunicorn import ROOT, running, wait_until_ready
from webhook.server.callers import Callers
from webhook.server.tls import TlsPolicy, build_context

NOW = datetime.now(UTC)
SERVER, CLIENTS, STRANGERS = (new_authority(name, NOW) for name in ("s", "c", "x"))
LEAF = issue_serving_certificate(SERVER, ["localhost"], [], NOW)
NAME = "kube-apiserver"
POLICY = reviews.network_policy("web")
BODY = reviews.body("UPDATE", POLICY, POLICY)

GOOD = client_pair(CLIENTS, NAME)
CASES = [
    pytest.param(GOOD, None, id="common-name"),
    pytest.param(client_pair(CLIENTS, "", (NAME,)), None, id="dns-name"),
    pytest.param(client_pair(CLIENTS, "else", ("other", NAME)), None, id="one-of-several"),
    pytest.param(None, "need a client certificate", id="no-certificate"),
    pytest.param(client_pair(CLIENTS, "system:node:a"), "bears none of", id="other-name"),
    pytest.param(client_pair(CLIENTS, f"{NAME}.evil"), "bears none of", id="longer-name"),
    pytest.param(client_pair(CLIENTS, NAME.upper()), "bears none of", id="other-case"),
]
REFUSED_BY_TLS = [
    pytest.param(client_pair(STRANGERS, NAME), id="other-authority"),
    pytest.param(client_pair(CLIENTS, NAME, ends=timedelta(days=-1)), id="expired"),
    pytest.param(
        client_pair(CLIENTS, NAME, purpose=ExtendedKeyUsageOID.SERVER_AUTH), id="other-purpose"
    ),
]


def policy(floor: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2) -> TlsPolicy:
    return TlsPolicy(floor, CLIENTS.certificate_pem.decode())


def client(pair: bytes | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=SERVER.certificate_pem.decode())
    return with_certificate(context, pair)


def refusal(stream: ssl.SSLSocket, **clock) -> str | None:
    return Callers([NAME], **clock).refusal(stream.getpeercert)


def met(pair, judge=refusal, floor=ssl.TLSVersion.TLSv1_2):
    """What the server thinks of a client."""
    ours, theirs = socket.socketpair()
    found = []

    def serve() -> None:
        context = build_context(LEAF, policy(floor))
        with suppress(OSError), context.wrap_socket(ours, server_side=True) as stream:
            found.append(judge(stream))
            stream.sendall(b"done")

    thread = threading.Thread(target=serve)
    thread.start()
    with closing(theirs), client(pair).wrap_socket(theirs, server_hostname="localhost") as stream:
        stream.recv(4)
    thread.join()
    return found[0]


@pytest.mark.parametrize(("pair", "why"), CASES)
@pytest.mark.parametrize("floor", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
def test_who_may_send_reviews(pair, why, floor):
    """Whose certificate bears an allowed name exactly, as common name or DNS name."""
    found = met(pair, floor=floor)

    assert (found is None) == (why is None)
    assert why is None or why in found


@pytest.mark.parametrize("pair", REFUSED_BY_TLS)
def test_what_tls_refuses(pair):
    """A certificate that does not verify ends the connection, where none at all would not."""
    with pytest.raises(OSError, match=r"certificate|unknown|closed|EOF|reset"):
        met(pair)


def test_an_expired_certificate_closes_a_kept_connection():
    """It was good at the handshake; each request is asked anew."""
    later = (NOW + timedelta(days=2)).timestamp()
    found = met(GOOD, lambda stream: (refusal(stream), refusal(stream, clock=lambda: later)))

    assert found == (None, "the client certificate has expired")


def test_sessions_are_not_resumed():
    """Each connection proves its key: no ticket is given out, in either version."""
    contexts = build_context(LEAF, policy())

    assert contexts.options & ssl.OP_NO_TICKET
    assert contexts.num_tickets == 0
    assert build_context(LEAF).num_tickets > 0


@pytest.mark.parametrize("floor", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
def test_nothing_else_gets_weaker(floor):
    """Floor, suites, protocols and options are those of a server without mTLS, and no fewer."""
    plain, mutual = build_context(LEAF, TlsPolicy(floor)), build_context(LEAF, policy(floor))

    assert mutual.minimum_version == plain.minimum_version == floor
    assert mutual.get_ciphers() == plain.get_ciphers()
    assert mutual.options == plain.options | ssl.OP_NO_TICKET
    assert mutual.verify_flags == plain.verify_flags
    assert (plain.verify_mode, mutual.verify_mode) == (ssl.CERT_NONE, ssl.CERT_OPTIONAL)


def test_a_request_that_came_without_tls_is_refused():
    """There is no such way in; should there ever be one, it is closed."""
    assert "need a client certificate" in Callers([NAME]).refusal(lambda: None)


def test_without_names_everybody_may_and_nobody_is_asked():
    """The default: whoever reaches the port."""
    assert Callers(()).refusal(lambda: pytest.fail("asked")) is None


def ask(server, pair, path="/validate", method="POST"):
    """One request over a connection of its own."""
    server.trust = with_certificate(ssl.create_default_context(cadata=server.trusted), pair)
    connection = server.connect()
    connection.request(method, path, BODY)
    response = connection.getresponse()
    return response.status, json.loads(response.read()), connection


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The whole server, asked for client certificates."""
    mtls = {"clientCa": CLIENTS.certificate_pem.decode(), "allowedNames": [NAME]}
    folder = tmp_path_factory.mktemp("mtls")
    with running(folder, snapshot=ROOT / "examples/cluster", more={"mtls": mtls}) as started:
        wait_until_ready(started)
        started.trusted = (folder / "ca.crt").read_text()
        yield started


def test_the_kubelet_is_let_in_without_a_certificate(server):
    """It is not asked for one by /readyz, on the port that the API server reaches."""
    assert ask(server, None, "/readyz", "GET")[0] == 200


@pytest.mark.parametrize("path", ["/validate", "/mutate"])
@pytest.mark.parametrize(("pair", "why"), CASES)
def test_reviews_on_the_port(server, pair, why, path):
    """Answered for the API server, refused with the reason for everybody else."""
    status, answer, _ = ask(server, pair, path)

    assert status == (200 if why is None else 403)
    assert why is None or why in answer["message"]


def test_each_request_of_a_kept_connection_is_asked(server):
    """/readyz opens no door for a review that follows it."""
    _, _, connection = ask(server, None, "/readyz", "GET")
    connection.request("POST", "/validate", BODY)

    assert connection.getresponse().status == 403
