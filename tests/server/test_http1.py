"""Requests as they are read, byte by byte if need be, and answers as they are written."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.server.http1 import Answer, RequestParser, encode, failure
from webhook.server.limits import Limits

LIMITS = replace(Limits(), body_bytes=1000, target_bytes=100, head_bytes=500, headers=10)
REVIEW = b"POST /validate?timeout=3s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def parsed(data: bytes, limits: Limits = LIMITS) -> RequestParser:
    parser = RequestParser(limits)
    parser.feed(data)
    return parser


def code(data: bytes, limits: Limits = LIMITS) -> int | None:
    error = parsed(data, limits).error
    return error.code if error else None


def test_a_request_is_read() -> None:
    """Method, target, headers by lower-case name, body."""
    (request,) = parsed(REVIEW).requests

    assert (request.method, request.target, request.body, request.keep_alive) == (
        "POST",
        b"/validate?timeout=3s",
        b"abc",
        True,
    )
    assert request.headers == {b"host": b"a", b"content-length": b"3"}


@given(st.lists(st.integers(min_value=0, max_value=2 * len(REVIEW)), max_size=20))
def test_where_bytes_are_cut_changes_nothing(cuts) -> None:
    """However the network cuts two requests into pieces, they are the same two."""
    data, parser = REVIEW * 2, RequestParser(LIMITS)
    marks = sorted({0, len(data), *cuts})
    for start, end in pairwise(marks):
        parser.feed(data[start:end])

    assert [(it.target, it.body) for it in parser.requests] == [
        (b"/validate?timeout=3s", b"abc")
    ] * 2
    assert parser.error is None
    assert not parser.amid_request


def get(headers: bytes, version: bytes = b"1.1") -> bytes:
    return b"GET / HTTP/" + version + b"\r\nHost: a\r\n" + headers + b"\r\n"


def post(headers: bytes, body: bytes = b"abc") -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n" + body


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(post(b"Content-Length: 3\r\nContent-Length: 4\r\n"), id="two-lengths"),
        pytest.param(post(b"Content-Length: 3\r\nContent-Length: 3\r\n"), id="length-twice"),
        pytest.param(post(b"Content-Length: 3, 3\r\n"), id="list-of-lengths"),
        pytest.param(post(b"Content-Length: +3\r\n"), id="signed-length"),
        pytest.param(post(b"Content-Length: -3\r\n"), id="negative-length"),
        pytest.param(post(b"Content-Length: 0x3\r\n"), id="hexadecimal-length"),
        pytest.param(post(b"Content-Length: 3 4\r\n"), id="length-with-space"),
        pytest.param(post(b"Content-Length:\r\n"), id="empty-length"),
        pytest.param(post(b"Content-Length: " + b"9" * 30 + b"\r\n"), id="overflowing-length"),
        pytest.param(
            post(b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
            id="length-and-coding",
        ),
        pytest.param(
            post(b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", b"0\r\n\r\n"),
            id="coding-and-length",
        ),
        pytest.param(post(b"Transfer-Encoding: gzip\r\n"), id="other-coding"),
        pytest.param(post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), id="two-codings"),
        pytest.param(post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"), id="like-chunked"),
        pytest.param(post(b"Transfer-Encoding:\x0bchunked\r\n", b"0\r\n\r\n"), id="coding-hidden"),
        pytest.param(
            b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="coding-of-1.0"
        ),
        pytest.param(get(b"A: b\r\n c\r\n"), id="folded-header"),
        pytest.param(b"GET / HTTP/1.1\nHost: a\n\n", id="bare-line-feeds"),
        pytest.param(get(b"A: b\nC: d\r\n"), id="bare-line-feed-in-a-header"),
        pytest.param(get(b"A: b\rC: d\r\n"), id="bare-carriage-return"),
        pytest.param(get(b"A : b\r\n"), id="space-before-the-colon"),
        pytest.param(get(b"A: \0\r\n"), id="null-byte"),
        pytest.param(get(b": b\r\n"), id="header-without-name"),
        pytest.param(get(b"Host: b\r\n"), id="two-hosts"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no-host"),
        pytest.param(get(b"", b"2.0"), id="version-2"),
        pytest.param(get(b"", b"1.2"), id="version-1.2"),
        pytest.param(get(b"", b"0.9"), id="version-0.9"),
        pytest.param(b"GET /\r\n\r\n", id="no-version"),
        pytest.param(b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", id="absolute-target"),
        pytest.param(b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", id="connect"),
        pytest.param(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", id="asterisk"),
        pytest.param(b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", id="unknown-method"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="preface-of-http-2"),
        pytest.param(get(b"Upgrade: h2c\r\nConnection: Upgrade\r\n"), id="upgrade"),
        pytest.param(b"\x16\x03\x01\x00\xa5\x01", id="tls-in-tls"),
        pytest.param(CHUNKED + b"3\nabc\n0\n\n", id="chunk-with-bare-line-feeds"),
        pytest.param(CHUNKED + b"g\r\n", id="chunk-size-no-number"),
        pytest.param(CHUNKED + b"f" * 17 + b"\r\n", id="chunk-size-overflows"),
        pytest.param(CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", id="chunk-longer-than-its-size"),
    ],
)
def test_what_two_servers_could_read_differently_is_a_400(data) -> None:
    """Nothing is smuggled: what is not exactly HTTP/1.1 ends the connection."""
    assert code(data) == 400


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(post(b"Content-Length: 1001\r\n", b""), 413, id="announced-body"),
        pytest.param(CHUNKED + b"3e9\r\n" + b"x" * 1001, 413, id="chunked-body"),
        pytest.param(b"GET /" + b"x" * 100 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, id="target"),
        pytest.param(get(b"A: " + b"x" * 500 + b"\r\n"), None, id="head-in-one-piece"),
        pytest.param(b"GET / HTTP/1.1\r\nA: " + b"x" * 500, 431, id="head-without-end"),
        pytest.param(get(b"A: b\r\n" * 10), 431, id="eleven-headers"),
        pytest.param(get(b"A: b\r\n" * 9), None, id="ten-headers"),
        pytest.param(get(b"Expect: a-pony\r\n"), 417, id="expectation"),
    ],
)
def test_limits(data, expected) -> None:
    """Each limit has its own status, told before the rest is read."""
    assert code(data) == expected


def test_chunks_that_carry_next_to_nothing_are_cut_off() -> None:
    """One byte a chunk would cost us more than the client; so would endless extensions."""
    limits = replace(LIMITS, body_bytes=1 << 20)
    tiny = CHUNKED + b"1\r\nx\r\n" * 100_000
    extension = CHUNKED + b"1;" + b"x" * 100_000

    assert [code(tiny, limits), code(extension, limits)] == [400, 400]


def test_trailers_are_read_over() -> None:
    """A header behind the body changes nothing."""
    (request,) = parsed(CHUNKED + b"3\r\nabc\r\n0\r\nHost: b\r\nX: y\r\n\r\n").requests

    assert request.body == b"abc"
    assert request.headers == {b"host": b"a", b"transfer-encoding": b"chunked"}


def test_who_waits_for_leave_to_send_is_noticed() -> None:
    """As curl does before a large body, for a second."""
    parser = parsed(post(b"Content-Length: 3\r\nExpect: 100-continue\r\n", b""))
    waits = parser.continues
    parser.feed(b"abc")

    assert waits
    assert not parser.continues
    assert len(parser.requests) == 1


@pytest.mark.parametrize(
    ("data", "keeps"),
    [
        pytest.param(get(b""), True, id="default-of-1.1"),
        pytest.param(get(b"Connection: close\r\n"), False, id="close"),
        pytest.param(get(b"", b"1.0"), False, id="default-of-1.0"),
        pytest.param(get(b"Connection: keep-alive\r\n", b"1.0"), True, id="kept-in-1.0"),
    ],
)
def test_the_client_says_whether_it_goes_on(data, keeps) -> None:
    """RFC 9112, section 9.3."""
    (request,) = parsed(data).requests

    assert request.keep_alive is keeps


def test_whole_requests_before_an_error_are_kept() -> None:
    """They are answered before the connection ends."""
    parser = parsed(REVIEW + b"\0\0\0")

    assert len(parser.requests) == 1
    assert parser.error is not None


def test_an_answer_is_written() -> None:
    """Status line, date, headers, framing, body."""
    head, _, body = encode(Answer(200, b"{}"), keep_alive=True).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")

    assert lines[0] == "HTTP/1.1 200 OK"
    assert lines[1].startswith("Date: ")
    assert lines[2:] == [
        "Content-Type: application/json",
        "Content-Length: 2",
        "Connection: keep-alive",
    ]
    assert body == b"{}"


def test_an_answer_to_head_has_no_body() -> None:
    """The length is told all the same."""
    data = encode(Answer(200, b"{}"), keep_alive=False, bodiless=True)

    assert b"Content-Length: 2\r\nConnection: close\r\n" in data
    assert data.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(("status", "retried"), [(503, True), (400, False)])
def test_only_what_may_succeed_elsewhere_is_to_be_retried(status, retried) -> None:
    """The API server's client retries what bears Retry-After, also a 503 alone would not do."""
    assert (("Retry-After", "1") in failure(status, "no").headers) is retried
