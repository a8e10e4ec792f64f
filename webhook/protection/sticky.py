"""What policyTypes leaves without effect, or keeps: filled in once by the API server, it stays."""

from collections.abc import Iterator

from webhook.netpol.model import DIRECTIONS, Direction, Policy


def left_over(old: Policy | None, new: Policy) -> Iterator[str]:
    """Say, since this change, that rules have no effect or that a denial remains of former ones.

    `kubectl apply` of a manifest without policyTypes keeps those that were computed for its first
    version (hashicorp/vault-helm#662); admission sees the object with them filled in.

    Args:
        old: None where the policy is made.
        new: as it will be stored.
    """
    for direction in DIRECTIONS:
        if _is_dead(new, direction) and not (old and _is_dead(old, direction)):
            yield (
                f"{direction.lower()} rules are not enforced: policyTypes is "
                f"[{', '.join(sorted(new.types))}], and once left out of a manifest it stays so; "
                f"add {direction} to it"
            )
    keeps = old is not None and old.types == new.types and Direction.EGRESS in new.types
    if old and keeps and old.egress and not new.egress:
        yield (
            "all egress is denied: policyTypes keeps Egress of the rules that went; if that is not "
            "meant, set policyTypes: [Ingress]"
        )


def _is_dead(policy: Policy, direction: Direction) -> bool:
    return bool(policy.rules(direction)) and direction not in policy.types
