"""Break-glass: who may have a refused change all the same.

The annotation asks, RBAC decides: the caller of the review must be allowed the
verb ``override`` on ``guards.portcullis.dev`` under the check's id.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from webhook.checks.registry import Finding
from webhook.deadline import Deadline
from webhook.interfaces import Authorizer
from webhook.model.namespace import OVERRIDE_ANNOTATION
from webhook.model.objects import ObjectMeta
from webhook.model.review import UserInfo
from webhook.model.text import one_line

MAX_REASON = 120

STAYS = f"remove the annotation {OVERRIDE_ANNOTATION} now: it asks again at every change"
"""Warning after an override on an object that lives on."""


@dataclass(frozen=True, slots=True)
class Override:
    """What became of a wish to override.

    Args:
        reason: as the annotation gives it; empty where it is not set.
        granted: ids of the checks that this caller may override.
    """

    reason: str
    granted: frozenset[str]

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is overridden."""
        return finding.check_id in self.granted and not finding.violation.final


NONE = Override("", frozenset())
"""Nobody asked."""


def ask(
    authorizer: Authorizer,
    user: UserInfo,
    metadata: ObjectMeta,
    findings: Iterable[Finding],
    deadline: Deadline,
) -> Override:
    """Ask for every check that found something, if the object wishes it.

    Raises:
        ClusterError: the API server could not be asked.
    """
    reason = one_line(metadata.annotation_map.get(OVERRIDE_ANNOTATION, ""), MAX_REASON)
    if not reason:
        return NONE
    ids = {finding.check_id for finding in findings if not finding.violation.final}
    granted = (i for i in sorted(ids) if authorizer.may_override(user, i, deadline))
    return Override(reason, frozenset(granted))
