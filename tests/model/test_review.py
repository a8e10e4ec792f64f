"""AdmissionReviews: what is read, what is refused, what is written back."""

import base64
import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import reviews
from webhook.errors import MalformedReviewError
from webhook.model.review import (
    AdmissionResponse,
    StatusCause,
    allowed,
    decode_review,
    encode_review,
    refused,
)

POLICY = reviews.network_policy("web")


def changed(**request: object) -> bytes:
    """A good review with some fields of its request replaced (None takes one away)."""
    review = reviews.review("UPDATE", POLICY, POLICY)
    review["request"] = {k: v for k, v in {**review["request"], **request}.items() if v is not None}
    return json.dumps(review).encode()


def test_attributes_are_read() -> None:
    """Every field that decisions use is taken from the review."""
    attributes = decode_review(reviews.body("UPDATE", POLICY, POLICY, user="jane", dry_run=True))

    assert attributes.operation == "UPDATE"
    assert attributes.resource.group == "networking.k8s.io"
    assert attributes.resource.resource == "networkpolicies"
    assert (attributes.namespace, attributes.name) == ("dev", "web")
    assert attributes.user.username == "jane"
    assert attributes.dry_run
    assert json.loads(attributes.object) == POLICY


@pytest.mark.parametrize(
    ("operation", "new", "old"),
    [
        pytest.param("DELETE", None, POLICY, id="deletecollection"),
        pytest.param("CREATE", POLICY, None, id="generated-name"),
    ],
)
def test_an_empty_name_is_taken_from_the_object(operation, new, old) -> None:
    """Deletecollection sends one review per object with an empty request.name."""
    attributes = decode_review(reviews.body(operation, new, old, name=""))

    assert attributes.name == "web"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        pytest.param(b"", "truncated", id="empty"),
        pytest.param(b"{", "truncated", id="cut-off"),
        pytest.param(b"[]", "object", id="array"),
        pytest.param(b"\xff\xfe", "can't decode byte 0xff", id="not-utf8"),
        pytest.param(
            changed().replace(b'"web"', b'"w\xeeb"'), "can't decode", id="not-utf8-in-an-object"
        ),
        pytest.param(b"[" * 100_000, "", id="deep"),
        pytest.param(b'{"apiVersion":"admission.k8s.io/v1"}', "kind", id="no-kind"),
        pytest.param(changed(resource=None), "resource", id="no-resource"),
        pytest.param(changed(kind=None), "kind", id="no-request-kind"),
        pytest.param(changed(uid=7), "$.request.uid", id="uid-number"),
        pytest.param(changed(operation="PATCH"), "$.request.operation", id="operation"),
        pytest.param(changed(userInfo="jane"), "$.request.userInfo", id="user-info"),
        pytest.param(changed(name="", object="text"), "object", id="object-is-text"),
    ],
)
def test_what_is_no_review_is_refused(body: bytes, named: str) -> None:
    """A malformed review raises one clear error that names the place."""
    with pytest.raises(MalformedReviewError, match=f"(?i){re.escape(named)}"):
        decode_review(body)


def test_another_version_is_refused() -> None:
    """Only admission.k8s.io/v1 is registered, so v1beta1 is a mistake to name."""
    review = reviews.review("UPDATE", POLICY, POLICY) | {"apiVersion": "admission.k8s.io/v1beta1"}

    with pytest.raises(
        MalformedReviewError, match=r"expected admission\.k8s\.io/v1 AdmissionReview"
    ):
        decode_review(json.dumps(review).encode())


@given(
    st.binary(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_body_raises_anything_else(body: bytes) -> None:
    """Whatever arrives, it is a review or a MalformedReviewError."""
    try:
        decode_review(body)
    except MalformedReviewError as error:
        assert str(error)


RESPONSES = [
    pytest.param(allowed(), {"allowed": True}, id="allowed"),
    pytest.param(
        allowed(warnings=("mind the gap",), audit={"override": "why"}),
        {"allowed": True, "warnings": ["mind the gap"], "auditAnnotations": {"override": "why"}},
        id="with-warnings",
    ),
    pytest.param(
        refused("no", code=403, reason="Forbidden", causes=(StatusCause("R", "m", "f"),)),
        {
            "allowed": False,
            "status": {
                "status": "Failure",
                "code": 403,
                "reason": "Forbidden",
                "message": "no",
                "details": {"causes": [{"reason": "R", "message": "m", "field": "f"}]},
            },
        },
        id="refused",
    ),
    pytest.param(
        allowed(patch=b"[]"),
        {"allowed": True, "patchType": "JSONPatch", "patch": base64.b64encode(b"[]").decode()},
        id="patch",
    ),
]


@pytest.mark.parametrize(("response", "written"), RESPONSES)
def test_the_answer_is_what_the_api_server_accepts(response: AdmissionResponse, written) -> None:
    """The uid is echoed, apiVersion and kind stand, and nothing else is added."""
    got = msgspec.json.decode(encode_review("the-uid", response))

    assert got == {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": "the-uid", **written},
    }
