"""Profiles that authors of Namespaces wish for, through the whole of admission."""

import json

import jsonpatch
import pytest

from tests.admission.conftest import OURS
from tests.reviews import namespace
from webhook.errors import UnavailableError
from webhook.model.text import MAX_WARNING_RUNES

CHECK = "namespace-profile-weaker"
PROFILE = "portcullis.dev/profile"
SETTING = "portcullis.dev/setting"
SEALED = {"portcullis.dev/seal": "sealed"}


@pytest.fixture
def counted(admission, monkeypatch) -> list[tuple[str, str]]:
    """The findings that the metric counts: check and outcome."""
    found: list[tuple[str, str]] = []
    count = type(admission.recorder)
    monkeypatch.setattr(count, "finding", lambda _, check, outcome: found.append((check, outcome)))
    return found


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


def overriding(profile: str) -> dict:
    """A Namespace whose annotation asks for an override."""
    space = sealed(profile)
    space["metadata"]["annotations"]["portcullis.dev/override"] = "CHG-7"
    return space


@pytest.mark.parametrize("new", [sealed("bogus"), overriding("bogus")], ids=["plain", "annotated"])
def test_nobody_overrides_a_profile_that_does_not_exist(validate, cluster, new) -> None:
    """It would leave a namespace with a profile that nobody can carry out; no way round is told."""
    cluster.overriders.add(("root", CHECK))
    response = validate("UPDATE", new, sealed("deny-all"), user="root")

    assert (response.allowed, response.code) == (False, 422)
    assert response.message == (
        f'metadata.labels[{PROFILE}]: Invalid value: "bogus": there is no such profile; use '
        "deny-all, same-namespace, deny-ingress, none"
    )
    assert [f"{cause.field}: {cause.message}" for cause in response.causes] == [response.message]


def test_beside_it_another_finding_tells_its_way_round(validate) -> None:
    """By the other's permission alone."""
    forged = sealed("bogus", "none")
    response = validate("UPDATE", forged, sealed("deny-all"))

    assert "there is no such profile" in response.message
    assert response.message.endswith(
        'this needs the verb "override" on guards.portcullis.dev/namespace-marks-reserved'
    )


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        pytest.param("none", "guards.portcullis.dev/namespace-profile-weaker", id="weaker"),
        pytest.param("bogus", "there is no such profile; use deny-all", id="unknown"),
        pytest.param("x" * 200, 'Invalid value: "xxx', id="too long to tell in full"),
    ],
)
def test_a_wish_that_is_not_granted_is_told_with_what_is_set(mutate, wish, why) -> None:
    """The author of a new Namespace learns what it has in place of what he asked for."""
    _, (warning,) = born(mutate, "jane", wish)

    assert why in warning
    assert warning.endswith('; "deny-all" was set instead')
    assert len(warning) <= MAX_WARNING_RUNES


@pytest.mark.parametrize(
    ("wish", "left"),
    [
        pytest.param("none", 'every pod of "shop" that no policy selects is open', id="none"),
        pytest.param("deny-ingress", 'the pods of "shop" may speak to everybody', id="ingress"),
        pytest.param("same-namespace", 'the pods of "shop" may speak to each other', id="same"),
    ],
)
@pytest.mark.parametrize("operation", ["CREATE", "UPDATE"])
def test_a_weaker_profile_that_is_permitted_is_told_four_ways(
    validate, cluster, counted, operation, wish, left
) -> None:
    """Who has the permission needs no annotation, but it shows as any override does."""
    cluster.overriders.add(("root", CHECK))
    space, old = sealed(wish), sealed("deny-all") if operation == "UPDATE" else None
    if old is None:
        space = namespace("shop", {PROFILE: wish})
    response = validate(operation, space, old, user="root")
    told = f'profile "{wish}" is weaker than "deny-all", which the settings give: {left}'

    assert response.allowed
    assert response.warnings == (told,)
    assert response.audit_annotations == {"override": f"{CHECK}: {told}"}
    assert counted == [(CHECK, "overridden")]
    (event,) = cluster.events
    assert (event.reason, event.message) == ("GuardOverridden", f"root: {CHECK}: {told}")
    assert (event.about.kind, event.about.name) == ("Namespace", "shop")


def test_a_step_towards_the_settings_alarms_nobody(validate, cluster, counted) -> None:
    """It is weaker than what the settings give, and stronger than what stood there."""
    cluster.overriders.add(("root", CHECK))
    response = validate("UPDATE", sealed("same-namespace"), sealed("none"), user="root")

    assert response.allowed
    assert (response.warnings, response.audit_annotations) == ((), {})
    assert (counted, cluster.events) == ([], [])


def test_a_dry_run_of_a_weaker_profile_leaves_no_event(validate, cluster) -> None:
    """It warns as the real one would."""
    cluster.overriders.add(("root", CHECK))
    response = validate("UPDATE", sealed("none"), sealed("deny-all"), user="root", dry_run=True)

    assert response.warnings
    assert cluster.events == []


def test_a_weaker_profile_beside_a_forged_mark_is_not_told(validate, cluster, counted) -> None:
    """What is refused for another reason was not let through."""
    cluster.overriders.add(("root", CHECK))
    response = validate("UPDATE", sealed("none", "none"), sealed("deny-all"), user="root")

    assert not response.allowed
    assert counted == [("namespace-marks-reserved", "refused")]
    assert "override" not in response.audit_annotations


def test_a_weaker_profile_beside_an_override_is_told_too(validate, cluster, counted) -> None:
    """Both are in the audit log, each with its reason."""
    cluster.overriders |= {("root", CHECK), ("root", "namespace-marks-reserved")}
    space = overriding("none")
    space["metadata"]["annotations"][SETTING] = "none"
    response = validate("UPDATE", space, sealed("deny-all"), user="root")

    assert response.allowed
    assert response.audit_annotations["override"].startswith(
        f'namespace-marks-reserved: CHG-7; {CHECK}: profile "none" is weaker'
    )
    assert sorted(id_ for id_, _ in counted) == ["namespace-marks-reserved", CHECK]


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
