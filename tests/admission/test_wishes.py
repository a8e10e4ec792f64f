"""Profiles that authors of Namespaces wish for, through the whole of admission."""

import json

import jsonpatch
import pytest

from tests.admission.conftest import OURS
from tests.reviews import namespace
from webhook.errors import UnavailableError

CHECK = "namespace-profile-weaker"
PROFILE = "portcullis.dev/profile"
SETTING = "portcullis.dev/setting"
SEALED = {"portcullis.dev/seal": "sealed"}


def sealed(profile: str | None, setting: str = "deny-all", reason: str | None = None) -> dict:
    labels = SEALED | ({PROFILE: profile} if profile else {})
    space = namespace("shop", labels)
    space["metadata"]["annotations"] = {SETTING: setting}
    if reason:
        space["metadata"]["annotations"]["portcullis.dev/reason"] = reason
    return space


@pytest.mark.parametrize(
    ("old", "new", "user", "allowed"),
    [
        pytest.param(sealed("deny-all"), sealed("none"), "jane", False, id="none"),
        pytest.param(sealed("deny-all"), sealed("none"), "root", True, id="none, permitted"),
        pytest.param(sealed("deny-all"), sealed("deny-ingress"), "jane", False, id="weaker"),
        pytest.param(sealed("none"), sealed("deny-all"), "jane", True, id="stronger"),
        pytest.param(sealed("none"), sealed(None), "jane", True, id="wish taken back"),
        pytest.param(sealed("deny-all"), sealed("denyall"), "root", False, id="unknown"),
        pytest.param(sealed("none"), sealed("none"), "jane", True, id="permitted before"),
        pytest.param(
            sealed("deny-all"), sealed("deny-all", "none"), "root", False, id="setting forged"
        ),
        pytest.param(
            sealed("deny-all"), sealed("deny-all", reason="x"), "jane", False, id="reason forged"
        ),
        pytest.param(
            sealed("deny-all"), sealed("deny-all", "none", "x"), OURS, True, id="by ourselves"
        ),
    ],
)
def test_update(validate, cluster, old, new, user, allowed) -> None:
    """A stronger profile is free, a weaker one needs the permission; the rest is ours alone."""
    cluster.overriders.add(("root", CHECK))

    assert validate("UPDATE", new, old, user=user).allowed is allowed


def born(mutate, user: str, profile: str) -> tuple[dict, tuple[str, ...]]:
    space = namespace("shop", {PROFILE: profile})
    response = mutate("CREATE", space, user=user)
    return jsonpatch.apply_patch(space, json.loads(response.patch)), response.warnings


@pytest.mark.parametrize(
    ("user", "wish", "marks", "warned"),
    [
        pytest.param("jane", "none", ("deny-all", "pending"), True, id="not permitted"),
        pytest.param("root", "none", ("none", "exempt"), False, id="permitted"),
        pytest.param("root", "deny-ingress", ("deny-ingress", "pending"), False, id="weaker"),
        pytest.param("jane", "deny-all", ("deny-all", "pending"), False, id="the setting's"),
        pytest.param("jane", "x", ("deny-all", "pending"), True, id="unknown"),
    ],
)
def test_create(mutate, validate, cluster, user, wish, marks, warned) -> None:
    """A wish that is allowed is kept; another is replaced with a warning, and passes then."""
    cluster.overriders.add(("root", CHECK))
    space, warnings = born(mutate, user, wish)
    profile, seal = marks

    assert space["metadata"]["labels"] == {"portcullis.dev/seal": seal, PROFILE: profile}
    assert space["metadata"]["annotations"] == {SETTING: "deny-all"}
    assert bool(warnings) is warned
    assert validate("CREATE", space, user=user).allowed


def test_unmarked_a_wish_that_is_too_weak_is_refused(validate) -> None:
    """While nobody answered the mutating webhook."""
    response = validate("CREATE", namespace("shop", {PROFILE: "none"}))

    assert not response.allowed
    assert f"guards.portcullis.dev/{CHECK}" in response.message


def test_who_cannot_be_asked_about_gets_the_settings(mutate, cluster) -> None:
    """The creation of a Namespace never hangs on the API server's answer to us."""
    cluster.fail("may_override", UnavailableError("away"))
    space, _ = born(mutate, "root", "none")

    assert space["metadata"]["labels"][PROFILE] == "deny-all"
