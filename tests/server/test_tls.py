"""TLS on real sockets: who is trusted, what is spoken, and certificates that change under way."""

import logging
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from certs.authority import issue_serving_certificate, new_authority
from certs.bundle import normalise
from webhook.server import tls
from webhook.server.tls import NoCertificateError, TlsContexts, TlsPolicy, build_context

NOW = datetime.now(UTC)
NAME = "portcullis.portcullis-system.svc"
# Authorities of one name, as a rotation makes them: a client tells them by key identifier alone.
OLD, NEW = new_authority("portcullis-ca", NOW), new_authority("portcullis-ca", NOW)
ADDRESS = ip_address("127.0.0.1")
FIRST, SECOND = (issue_serving_certificate(a, [NAME], [ADDRESS], NOW) for a in (OLD, NEW))
BOTH = normalise([OLD.certificate, NEW.certificate], NOW)


class Source:
    """A certificate that is exchanged by hand."""

    def __init__(self, pair=FIRST):
        self.pair = pair
        self.asked = 0

    def current(self):
        """Give it."""
        self.asked += 1
        return self.pair


def client_context(bundle=BOTH):
    """Make a client as strict as Python 3.13's default."""
    context = ssl.create_default_context(cadata=bundle.decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def serve(context, connection):
    """Echo until the client goes."""
    with suppress(OSError), context.wrap_socket(connection, server_side=True) as stream:
        while data := stream.recv(100):
            stream.sendall(data)


@contextmanager
def connected(server, client, name=NAME):
    """Shake hands over a socket pair; give the client's end."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.settimeout(10)
    thread = threading.Thread(target=serve, args=(server, ours))
    thread.start()
    try:
        with client.wrap_socket(theirs, server_hostname=name) as stream:
            yield stream
    finally:
        theirs.close()
        thread.join()
        ours.close()


def echo(stream):
    stream.sendall(b"ping")
    return stream.recv(4)


def serial(stream):
    return int(stream.getpeercert()["serialNumber"], 16)


def number(pair):
    return int(pair.version, 16)


@pytest.mark.parametrize("name", [NAME, "127.0.0.1"])
@pytest.mark.parametrize("bundle", [OLD.certificate_pem, BOTH], ids=["one-ca", "two-cas"])
def test_handshake(name, bundle):
    """A strict client that knows the CA accepts name and address, and is heard."""
    with connected(build_context(FIRST), client_context(bundle), name) as stream:
        assert number(FIRST) == serial(stream)
        assert echo(stream) == b"ping"


@pytest.mark.parametrize(
    ("name", "bundle", "message"),
    [
        pytest.param("other.svc", BOTH, "Hostname mismatch", id="other-name"),
        pytest.param(NAME, NEW.certificate_pem, "unable to get local issuer", id="other-ca"),
    ],
)
def test_handshake_refused(name, bundle, message):
    """A client refuses another name, and another CA even of the same subject."""
    client = client_context(bundle)
    with (
        pytest.raises(ssl.SSLCertVerificationError, match=message),
        connected(build_context(FIRST), client, name),
    ):
        pass


def test_leaf_is_no_authority():
    """A leaf's key cannot sign for others: the chain that it makes is refused."""
    rogue = replace(OLD, certificate_pem=FIRST.chain_pem, private_key_pem=FIRST.key_pem)
    forged = issue_serving_certificate(rogue, [NAME], [], NOW)
    pair = replace(forged, chain_pem=forged.chain_pem + FIRST.chain_pem)
    client = client_context()
    client.verify_flags &= ~ssl.VERIFY_X509_STRICT  # It would stop at the empty issuer before.
    with (
        pytest.raises(ssl.SSLCertVerificationError, match="invalid CA certificate"),
        connected(build_context(pair), client),
    ):
        pass


@pytest.mark.parametrize(
    ("floor", "offered", "spoken"),
    [
        pytest.param("TLSv1_2", "TLSv1_3", "TLSv1.3", id="newest"),
        pytest.param("TLSv1_2", "TLSv1_2", "TLSv1.2", id="floor"),
        pytest.param("TLSv1_3", "TLSv1_3", "TLSv1.3", id="floor-raised"),
        pytest.param("TLSv1_3", "TLSv1_2", None, id="under-the-raised-floor"),
        pytest.param("TLSv1_2", "TLSv1_1", None, id="under-the-floor"),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_versions(floor, offered, spoken):
    """The newest common version is spoken, and none under the floor."""
    client = client_context()
    client.set_ciphers("DEFAULT:@SECLEVEL=0")
    client.minimum_version = client.maximum_version = ssl.TLSVersion[offered]
    server = build_context(FIRST, TlsPolicy(ssl.TLSVersion[floor]))
    if spoken is None:
        with pytest.raises(ssl.SSLError), connected(server, client):
            pass
        return
    with connected(server, client) as stream:
        assert spoken == stream.version()


def test_suites():
    """Every suite offered is AEAD with an ephemeral key and an authenticated server."""
    suites = build_context(FIRST).get_ciphers()

    assert all(suite["aead"] for suite in suites)
    assert {"kx-ecdhe", "kx-any"} == {suite["kea"] for suite in suites}
    assert {"auth-ecdsa", "auth-rsa", "auth-any"} == {suite["auth"] for suite in suites}


@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES128-SHA256", "AES128-GCM-SHA256"])
def test_weak_suites_refused(suite):
    """Neither CBC nor a suite without forward secrecy is agreed upon."""
    client = client_context()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers(suite)
    with pytest.raises(ssl.SSLError), connected(build_context(FIRST), client):
        pass


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        pytest.param(["h2", "http/1.1"], "http/1.1", id="both"),
        pytest.param(["http/1.1"], "http/1.1", id="http-1"),
        pytest.param(["h2"], None, id="h2-only"),
    ],
)
def test_alpn(offered, agreed):
    """HTTP/1.1 is agreed upon whatever else is offered; HTTP/2 never."""
    client = client_context()
    client.set_alpn_protocols(offered)
    with connected(build_context(FIRST), client) as stream:
        assert agreed == stream.selected_alpn_protocol()


def test_session_is_resumed():
    """A returning client resumes its session, and no compression is on."""
    client, server = client_context(), build_context(FIRST)
    client.maximum_version = ssl.TLSVersion.TLSv1_2  # There the ticket comes with the handshake.
    with connected(server, client) as stream:
        session, compression = stream.session, stream.compression()
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=serve, args=(server, ours))
    thread.start()
    with client.wrap_socket(theirs, server_hostname=NAME, session=session) as stream:
        resumed = stream.session_reused
    thread.join()

    assert resumed
    assert compression is None


def test_rotation_under_an_open_connection():
    """An open connection goes on with the old leaf while a new one is shown the new leaf."""
    source = Source()
    contexts, client = TlsContexts(source), client_context()
    with connected(contexts.context(), client) as old:
        source.pair = SECOND
        with connected(contexts.context(), client) as new:
            assert (number(FIRST), number(SECOND)) == (serial(old), serial(new))
            assert [echo(old), echo(new)] == [b"ping"] * 2


def test_context_is_built_once(monkeypatch):
    """However many threads ask at once, one context is built for one certificate."""
    built, barrier = [], threading.Barrier(8)

    def counting(pair, policy):
        built.append(pair.version)
        return build_context(pair, policy)

    monkeypatch.setattr(tls, "build_context", counting)
    contexts, seen = TlsContexts(Source()), []

    def ask():
        barrier.wait()
        seen.append(contexts.context())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [FIRST.version] == built
    assert len(set(map(id, seen))) == 1


def test_no_certificate():
    """Before the first certificate a connection is refused, and served once there is one."""
    source = Source(None)
    contexts = TlsContexts(source)
    with pytest.raises(NoCertificateError):
        contexts.context()
    source.pair = FIRST

    assert contexts.context() is contexts.context()


BROKEN = replace(SECOND, key_pem=FIRST.key_pem)
ENCRYPTED = serialization.load_pem_private_key(FIRST.key_pem, None).private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.BestAvailableEncryption(b"secret"),
)


@pytest.mark.parametrize(
    "pair",
    [
        pytest.param(BROKEN, id="key-of-another"),
        pytest.param(replace(FIRST, chain_pem=b""), id="no-certificate"),
        pytest.param(replace(FIRST, key_pem=b"garbage"), id="garbage-key"),
        pytest.param(
            replace(FIRST, key_pem=ENCRYPTED),
            id="encrypted-key-does-not-prompt",
        ),
    ],
)
def test_unusable_first_certificate(pair):
    """An unusable pair is an error when there is nothing else to serve with."""
    with pytest.raises(ssl.SSLError):
        TlsContexts(Source(pair)).context()


def test_unusable_successor(caplog):
    """An unusable pair does not cost the good one; it is told once, and its successor is taken."""
    source = Source()
    contexts = TlsContexts(source)
    good = contexts.context()
    source.pair = BROKEN
    with caplog.at_level(logging.ERROR):
        kept = [contexts.context(), contexts.context()]
    source.pair = replace(SECOND, version="next")

    assert [good, good] == kept
    assert len(caplog.records) == 1
    assert "PRIVATE" not in caplog.text
    assert contexts.context() is not good


def no_memfd(*_):
    raise OSError


def descriptors():
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_key_never_touches_a_disk(monkeypatch):
    """With anonymous memory no temporary file is made, and no descriptor stays open."""
    before = descriptors()
    monkeypatch.setattr(tls.tempfile, "mkstemp", no_memfd)
    build_context(FIRST)

    assert before == descriptors()


def test_without_anonymous_memory(monkeypatch, tmp_path):
    """Elsewhere a private temporary file serves, and is removed at once, also on failure."""
    monkeypatch.setattr(tls.os, "memfd_create", no_memfd)
    monkeypatch.setattr(tls.tempfile, "tempdir", str(tmp_path))
    with connected(build_context(FIRST), client_context()) as stream:
        assert echo(stream) == b"ping"
    with pytest.raises(ssl.SSLError):
        build_context(BROKEN)

    assert list(tmp_path.iterdir()) == []


def test_unreadable_proc(monkeypatch, tmp_path):
    """Where /proc does not show the file (hidepid, a chroot), the temporary file serves."""
    made, mkstemp = [], tls.tempfile.mkstemp

    def record(**options):
        made.append(mkstemp(dir=tmp_path, **options))
        return made[-1]

    monkeypatch.setattr(tls.os, "access", lambda *_: False)
    monkeypatch.setattr(tls.tempfile, "mkstemp", record)
    before = descriptors()
    build_context(FIRST)

    assert len(made) == 1
    assert before == descriptors()
    assert list(tmp_path.iterdir()) == []


def test_expired_leaf_is_refused():
    """A client refuses a leaf whose life is over."""
    authority = new_authority("a", NOW - timedelta(days=30))
    leaf = issue_serving_certificate(authority, [NAME], [], NOW - timedelta(days=8))
    client = client_context(authority.certificate_pem)
    with (
        pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"),
        connected(build_context(leaf), client),
    ):
        pass
