"""A spec read from its text, part by part, is what is read of the decoded object."""

import json
import random

import msgspec
import pytest

from tests.netpol.clusters import policy
from webhook.netpol.errors import FieldError
from webhook.netpol.fields import Field
from webhook.netpol.parse_policy import parse_policy
from webhook.netpol.parse_text import parse_spec

GOOD = {"from": [{"podSelector": {"matchLabels": {"a": "b"}}}], "ports": [{"port": 80}]}


def whole(spec):
    """The policy, or the error, that reading the decoded object gives."""
    try:
        return parse_policy(Field({"metadata": {"namespace": "x", "name": "p"}, "spec": spec}))
    except FieldError as error:
        return str(error)


def by_parts(spec):
    """The policy, or the error, that reading the text gives."""
    try:
        return parse_spec("x", "p", json.dumps(spec).encode())
    except FieldError as error:
        return str(error)


def test_every_policy_is_read_alike():
    """Whatever selectors, peers and ports it has."""
    for seed in range(500):
        spec = policy(random.Random(seed), "p").get("spec")

        assert whole(spec) == by_parts(spec), f"seed {seed}"


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(None, id="no-spec"),
        pytest.param({}, id="empty"),
        pytest.param({"podSelector": None, "policyTypes": None, "ingress": None}, id="nulls"),
        pytest.param({"ingress": [None]}, id="null-rule"),
        pytest.param({"ingress": [{"from": None, "ports": None}]}, id="null-lists"),
        pytest.param({"ingress": [{"ports": [None]}]}, id="null-port"),
        pytest.param({"ingress": [{"from": [None]}]}, id="null-peer"),
        pytest.param({"ingress": [GOOD], "egress": [GOOD]}, id="from-under-egress"),
        pytest.param({"ingress": [GOOD, {"form": []}]}, id="unknown-field-of-a-rule"),
        pytest.param({"podselector": {}}, id="unknown-field"),
        pytest.param({"policyTypes": ["Ingress # all"]}, id="remark"),
        pytest.param({"policyTypes": [1]}, id="type-of-a-type"),
        pytest.param({"policyTypes": ["Ingress", "Egress", "Ingress"]}, id="three-types"),
        pytest.param({"ingress": [GOOD, {"ports": [{"port": "80"}]}]}, id="quoted-port"),
        pytest.param({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/33"}}]}]}, id="cidr"),
        pytest.param({"podSelector": {"matchLabels": {"a": 1}}}, id="label-value"),
        pytest.param({"podSelector": []}, id="selector-is-a-list"),
        pytest.param({"ingress": {}}, id="ingress-is-an-object"),
        pytest.param([], id="spec-is-a-list"),
        pytest.param("x", id="spec-is-text"),
    ],
)
def test_nulls_and_errors_are_the_same(spec):
    """What the API server lets through is read, and an error names the same place."""
    assert whole(spec) == by_parts(spec)


@pytest.mark.parametrize("text", [b"", b"{", b'{"a":"\xff"}', b"[" * 100_000])
def test_what_is_no_json_is_an_error_of_the_spec(text):
    """No text makes reading fail otherwise."""
    with pytest.raises(FieldError, match="spec: cannot be read"):
        parse_spec("x", "p", text)


LABELS = ['{"matchLabels": %s}', '{"matchLabels": %s, "matchExpressions": []}']
ODD = [
    "null", "{}", "[]", '""', "0", '{"a": null}', '{"a": 1}', '{"a": true}', '{"a": ["b"]}',
    '{"a": "b", "a": "c"}', '{"a": 1, "a": "c"}', '{"a": "c", "a": 1}', '{"b": "1", "a": "2"}',
    '{"": "b"}', '{"a": ""}', '{"a": " "}', '{"-a": "b"}', '{"x.io/a": "b"}', '{"X/a": "b"}',
    '{"\\u0061": "\\u0062"}', '{"a": "\\u00e9"}', '{"a": "\u00e9"}', '{"a": "\\ud800"}',
    '{"a": 1e999}', '{"a": %s}' % ("9" * 500), '{"a": "%s"}' % ("b" * 64), '{"a/b/c": "d"}',
    '{"a": "b"} x', '{"a": "b"', '{"a": "b",}',
]  # fmt: skip
"""What may stand behind ``matchLabels``, and what may not."""


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("selector", [
    *LABELS,
    '{"matchLabels": {"x": "y"}, "matchLabels": %s}',
    '{"matchLabels": %s, "matchLabels": {"x": "y"}}',
    '{"match\\u004cabels": %s}',
    '{"matchlabels": %s}',
    '{"matchLabels": %s, "matchLabel": {}}',
])  # fmt: skip
@pytest.mark.parametrize("place", [
    '{"podSelector": %s}',
    '{"podSelector": {}, "ingress": [{"from": [{"podSelector": %s}]}]}',
    '{"podSelector": {}, "egress": [{"to": [{"namespaceSelector": %s}]}]}',
])  # fmt: skip
def test_selectors_written_oddly_are_read_alike(place, selector, odd):
    """A key twice, escapes, null, what is no text and what is no JSON: the same, error and all."""
    text = (place % selector % odd).encode()

    assert of_text(parse_spec, text) == of_text(exactly, text)


def test_no_slip_of_a_byte_is_read_otherwise():
    """Bytes of a policy's text left out, doubled, or exchanged."""
    readable = 0
    for seed in range(3000):
        rng = random.Random(seed)
        text = bytearray(json.dumps(policy(rng, "p").get("spec")).encode())
        for _ in range(rng.randint(1, 3)):
            at, byte = rng.randrange(len(text)), rng.choice(b'{}[]",:\\ue0n19 a\xff')
            text[at : at + rng.randint(0, 1)] = rng.choice((b"", bytes([byte]), bytes([byte] * 2)))
        found = of_text(parse_spec, bytes(text))
        readable += not isinstance(found, str)

        assert found == of_text(exactly, bytes(text)), f"seed {seed}"
    assert 100 < readable < 2900


def of_text(read, text):
    """The policy, or the error, that reading a text gives."""
    try:
        return read("x", "p", text)
    except FieldError as error:
        return str(error)


def exactly(namespace, name, text):
    """What reading the decoded object gives, whatever the text is."""
    try:
        spec = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FieldError(("spec",), f"cannot be read: {error}") from error
    return parse_policy(Field({"metadata": {"namespace": namespace, "name": name}, "spec": spec}))


def test_equal_parts_are_one_value():
    """A rule that stays is the same value, so that comparing it costs nothing."""
    before = parse_spec("x", "p", json.dumps({"ingress": [GOOD, {}]}).encode())
    after = parse_spec("y", "q", json.dumps({"ingress": [{"ports": []}, GOOD]}).encode())

    assert before.ingress[0] is after.ingress[1]
    assert before.pods is after.pods
