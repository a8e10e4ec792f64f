"""The section ``networkPolicies`` of the settings file.

The checks are loaded where the section names some: the controller, which runs none of them
unless it writes reports, is smaller by 2 MiB without.
"""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from webhook.lint.action import Action
from webhook.netpol.labels import EVERYTHING, Selector
from webhook.settings_section import Name, Section, read_selector

if TYPE_CHECKING:
    from webhook.lint.actions import ActionRule


class DiffSettings(Section, frozen=True):
    """How authors are told what a change of a NetworkPolicy opens and closes.

    Args:
        budget_millis: time for it; above, they are told that it is too large.
        max_pods: Pods that are read for it, of all namespaces.
        ipblock_matches_pods: whether the network plugin lets an ipBlock match pods by their
            addresses (Calico) or never does (Cilium).
    """

    enabled: bool = True
    budget_millis: Annotated[int, msgspec.Meta(ge=10, le=2000)] = 300
    max_pods: Annotated[int, msgspec.Meta(ge=1, le=50_000)] = 5000
    ipblock_matches_pods: bool = True


class CheckSettings(Section, frozen=True):
    """What becomes of findings in NetworkPolicies, by check and Namespace.

    Args:
        checks: ids of docs/networkpolicy-checks.md, or ``*``.
        namespace_selector: a ``metav1.LabelSelector``.
        action: off, warn or deny.

    Raises:
        ValueError: a check is none, or needs manifests; the selector is none.
    """

    checks: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)]
    action: Action
    namespace_selector: dict[str, Any] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the ids and the selector."""
        self.rule()

    def rule(self) -> "ActionRule":
        """The section, read."""
        from webhook.lint.actions import ActionRule, checks_named  # noqa: PLC0415 - see above

        selector = read_selector(self.namespace_selector, "namespaceSelector")
        return ActionRule(checks_named(self.checks), selector, self.action)


class NetworkPolicySettings(Section, frozen=True):
    """What NetworkPolicies are judged by.

    Args:
        reopened: on a change that opens a protected namespace to everybody, or frees pods of
            their last isolating policy.
        protected_namespaces: a ``metav1.LabelSelector`` of namespaces that are protected as
            sealed ones are; None protects those alone.
        namespace_labels: warn where new labels of a Namespace let its pods into protected ones.
        checks: the first one that fits a finding decides; after them the defaults warn.

    Raises:
        ValueError: the selector is none, or selects all; a check needs what is switched off.
    """

    reopened: Action = Action.DENY
    protected_namespaces: dict[str, Any] | None = None
    namespace_labels: bool = True
    checks: tuple[CheckSettings, ...] = ()
    diff: DiffSettings = DiffSettings()

    def __post_init__(self) -> None:
        """Read the selector; compare the checks with what is read of the cluster."""
        self.protected()
        if self.checks and not self.diff.enabled:
            self._refuse_blind()

    def _refuse_blind(self) -> None:
        from webhook.lint.actions import JUDGED  # noqa: PLC0415 - see above
        from webhook.lint.registry import Needs  # noqa: PLC0415

        named = frozenset(name for each in self.checks for name in each.checks)
        blind = sorted(c.id for c in JUDGED if c.needs is Needs.CLUSTER and c.id in named)
        if blind:
            raise ValueError(f"{blind[0]} needs diff.enabled: it is judged by the cluster's pods")

    def protected(self) -> Selector | None:
        """The selector of further protected namespaces, read."""
        if self.protected_namespaces is None:
            return None
        selector = read_selector(self.protected_namespaces, "protectedNamespaces")
        if selector == EVERYTHING:
            raise ValueError("protectedNamespaces: must not be empty: it would select kube-system")
        return selector
