"""What profile the author of a Namespace wishes for, and whether he may have it."""

from dataclasses import dataclass, replace

from webhook.checks.namespace_profile_weaker import namespace_profile_weaker
from webhook.checks.subjects import ProfileWish
from webhook.controller.plan import Rules
from webhook.deadline import Deadline
from webhook.interfaces import Authorizer
from webhook.model.namespace import PROFILE_LABEL, SETTING_ANNOTATION
from webhook.model.objects import ObjectMeta
from webhook.model.profiles import is_weaker
from webhook.model.review import UserInfo


@dataclass(frozen=True, slots=True)
class Wishes:
    """Judges wishes.

    Args:
        rules: of default deny.
        authorizer: is asked only where a wish is weaker than the settings.
    """

    rules: Rules
    authorizer: Authorizer

    def of_new(self, new: ObjectMeta, user: UserInfo, deadline: Deadline) -> ProfileWish | None:
        """What the author of a new Namespace wishes; None where he takes what he gets.

        Raises:
            ClusterError: it could not be asked whether he may.
        """
        wish = new.label_map.get(PROFILE_LABEL)
        setting = self.rules.setting(new.name, new.label_map)
        if wish is None or wish == setting or new.name in self.rules.system:
            return None
        return self._judged(ProfileWish(wish, setting), user, deadline)

    def of_change(
        self, old: ObjectMeta, new: ObjectMeta, user: UserInfo, deadline: Deadline
    ) -> ProfileWish | None:
        """What a change of a Namespace's labels comes to; None where its profile stays.

        Labels that settings select by choose a profile as well. What the change is measured by is
        the stronger one of what the settings gave before and what they give after it.

        Raises:
            ClusterError: it could not be asked whether he may.
        """
        before = self.rules.setting(old.name, old.label_map)
        after = self.rules.setting(new.name, new.label_map)
        wish = _wished(old, new, after)
        if wish is None or new.name in self.rules.system:
            return None
        measure = before if is_weaker(after, before) else after
        stood = old.label_map.get(PROFILE_LABEL, before)
        eases = not self.rules.knows(stood) or is_weaker(wish, stood)
        return self._judged(ProfileWish(wish, measure, eases=eases), user, deadline)

    def _judged(self, wish: ProfileWish, user: UserInfo, deadline: Deadline) -> ProfileWish:
        if not self.rules.knows(wish.profile):
            return replace(wish, known=False)
        if not is_weaker(wish.profile, wish.setting):
            return wish
        check_id = namespace_profile_weaker.id
        permitted = self.authorizer.may_override(user, check_id, deadline)
        return replace(wish, permitted=permitted)


def _wished(old: ObjectMeta, new: ObjectMeta, setting: str) -> str | None:
    """The profile after the change; None where nothing chooses another one."""
    was, now = old.label_map.get(PROFILE_LABEL), new.label_map.get(PROFILE_LABEL)
    if was != now:
        return setting if now is None else now
    follows = now is None or now == old.annotation_map.get(SETTING_ANNOTATION)
    return setting if follows and old.label_map != new.label_map else None
