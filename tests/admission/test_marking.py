"""The mutating webhook: a new Namespace is marked, and only by us."""

import json

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.cluster import INSTALLED_AT
from tests.reviews import namespace
from webhook.controller.plan import Rules
from webhook.defaulting import mark_namespace
from webhook.model.namespace import MARKS
from webhook.model.objects import ObjectMeta
from webhook.model.profiles import Profile

RULES = Rules(
    profile=Profile.DENY_ALL,
    dns=True,
    since=INSTALLED_AT,
    system=frozenset({"kube-system"}),
    exempt=("ci-*",),
)
PENDING = {"portcullis.dev/seal": "pending", "portcullis.dev/profile": "deny-all"}
EXEMPT = {"portcullis.dev/seal": "exempt"}


def patched(name: str, labels: dict | None) -> dict:
    """The labels after the patch, applied as the API server applies it."""
    document = namespace(name, labels)
    patch = mark_namespace(ObjectMeta(name=name, labels=labels), RULES)
    result = jsonpatch.apply_patch(document, json.loads(patch)) if patch else document
    return result["metadata"].get("labels", {})


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        pytest.param("shop", None, PENDING, id="no-labels"),
        pytest.param("shop", {"team": "a"}, {"team": "a"} | PENDING, id="with-labels"),
        pytest.param("shop", {"portcullis.dev/seal": "sealed"}, PENDING, id="seal-of-ones-own"),
        pytest.param("shop", {"portcullis.dev/seal": "exempt"}, PENDING, id="exempt-by-oneself"),
        pytest.param("shop", {"portcullis.dev/profile": "none"}, PENDING, id="profile-of-ones-own"),
        pytest.param("ci-42", None, EXEMPT, id="exempt-by-settings"),
        pytest.param("kube-system", None, {}, id="system"),
        pytest.param("kube-system", {"portcullis.dev/seal": "sealed"}, {}, id="system-unmarked"),
    ],
)
def test_marks(name, labels, expected) -> None:
    """What a user set for himself is replaced; his other labels stay."""
    assert patched(name, labels) == expected


LABELS = st.dictionaries(st.sampled_from([*MARKS, "a/b", "a~b", "team"]), st.text(max_size=5))


@given(labels=st.none() | LABELS)
def test_the_patch_always_applies(labels) -> None:
    """Whatever labels there are, the patch applies, marks, and keeps all others."""
    after = patched("shop", labels)

    assert after == {k: v for k, v in (labels or {}).items() if k not in MARKS} | PENDING


def test_the_review(mutate) -> None:
    """The response carries an RFC 6902 patch and allows."""
    response = mutate("CREATE", namespace("shop"))

    assert response.allowed
    assert json.loads(response.patch)[0]["op"] == "add"


@pytest.mark.parametrize("operation", ["UPDATE", "DELETE"])
def test_other_operations_get_no_patch(mutate, operation) -> None:
    """A patch on DELETE would be a 500 at the API server."""
    space = namespace("shop")
    response = mutate(operation, space if operation == "UPDATE" else None, space)

    assert response.allowed
    assert response.patch is None
