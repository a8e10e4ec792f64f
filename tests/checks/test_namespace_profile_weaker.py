"""A weaker profile than the settings' needs a permission."""

import pytest

from webhook.checks.namespace_profile_weaker import namespace_profile_weaker
from webhook.checks.subjects import ProfileWish


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        pytest.param(ProfileWish("deny-all", "deny-ingress"), None, id="stronger"),
        pytest.param(ProfileWish("none", "deny-all"), '"none" is weaker', id="weaker"),
        pytest.param(ProfileWish("none", "deny-all", permitted=True), None, id="permitted"),
        pytest.param(
            ProfileWish("deny", "deny-all", known=False), "there is no such profile", id="unknown"
        ),
    ],
)
def test_wishes(wish: ProfileWish, message: str | None) -> None:
    """Refused with the verb that would allow it; an unknown one with those that there are."""
    found = [str(violation) for violation in namespace_profile_weaker.run(wish)]

    if message is None:
        assert found == []
    else:
        assert found[0].startswith("metadata.labels[portcullis.dev/profile]: ")
        assert message in found[0]
