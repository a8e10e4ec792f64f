"""Check that a Namespace's author wishes for no weaker profile than he may have."""

from collections.abc import Iterator

from webhook.checks.registry import Violation, check
from webhook.checks.subjects import ProfileWish
from webhook.model.namespace import PROFILE_LABEL
from webhook.model.profiles import NONE, STRENGTH, Profile, is_weaker

_FIELD = f"metadata.labels[{PROFILE_LABEL}]"
_LEFT_OPEN = {
    NONE: 'every pod of "{name}" that no policy selects is open',
    Profile.DENY_INGRESS: 'the pods of "{name}" may speak to everybody',
    Profile.SAME_NAMESPACE: 'the pods of "{name}" may speak to each other',
}
"""What a profile leaves open; of the platform team's own nobody has looked."""


@check("namespace-profile-weaker", ProfileWish)
def namespace_profile_weaker(wish: ProfileWish) -> Iterator[Violation]:
    """The profile that a Namespace's author wishes for must not be weaker than the settings'.

    Why: the settings say what every namespace denies at least. A weaker profile,
    or `none`, would open the pods of the namespace without anybody deciding it.
    The order is deny-all, same-namespace, deny-ingress, none; a profile of the
    platform team's own counts as weaker than any but `none`. Other labels count
    as well where defaultDeny.rules select by them.

    Allowed: an equally strong or a stronger profile, to everybody; a weaker one
    to whoever has the verb override on guards.portcullis.dev under this id, who
    needs no annotation: it is warned of and recorded as an override, unless the
    one before was weaker still. A profile that does not exist, to nobody. At
    creation a wish that is not allowed is replaced, with a warning.

    Fix: take the settings' profile and allow what is needed by NetworkPolicies
    of your own; or ask the platform team for the permission, or for a rule.
    """
    if not wish.known:
        known = ", ".join(reversed(STRENGTH))
        message = f"there is no such profile; use {known}"
        yield Violation.invalid(_FIELD, wish.profile, message, final=True)
    elif is_weaker(wish.profile, wish.setting) and not wish.permitted:
        yield Violation.forbidden(
            _FIELD,
            f'the settings give this namespace "{wish.setting}", and "{wish.profile}" is weaker: '
            'whoever sets it needs the verb "override" on '
            "guards.portcullis.dev/namespace-profile-weaker",
            final=True,  # who has that needs no annotation
        )


def told(wish: ProfileWish, namespace: str) -> str:
    """What a weaker profile means, in a warning to who may have it."""
    left = _LEFT_OPEN.get(wish.profile, "what it denies is not looked into")
    return (
        f'profile "{wish.profile}" is weaker than "{wish.setting}", which the settings give: '
        + left.format(name=namespace)
    )
