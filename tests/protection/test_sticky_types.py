"""policyTypes that stay as they were first computed, while the rules change."""

import pytest

from tests.protection.specs import DENY, DENY_INGRESS, policy, spec
from webhook.protection.sticky import left_over

BOTH = ["Ingress", "Egress"]
EGRESS = spec(egress=[{}], types=["Ingress"])
DEAD = "egress rules are not enforced: policyTypes is [Ingress]"
DENIED = "all egress is denied: policyTypes keeps Egress of the rules that went"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(DENY_INGRESS, EGRESS, [DEAD], id="egress-rules-added"),
        pytest.param(None, EGRESS, [DEAD], id="made-so"),
        pytest.param(spec(egress=[{}], types=BOTH), DENY, [DENIED], id="egress-rules-removed"),
        pytest.param(
            None, spec(ingress=[{}], types=["Egress"]),
            ["ingress rules are not enforced: policyTypes is [Egress]"], id="ingress-rules",
        ),
        pytest.param(EGRESS, EGRESS, [], id="so-before"),
        pytest.param(DENY_INGRESS, spec(egress=[{}], types=BOTH), [], id="type-added-with-them"),
        pytest.param(spec(egress=[{}], types=BOTH), DENY_INGRESS, [], id="type-gone-with-them"),
        pytest.param(DENY_INGRESS, DENY, [], id="a-denial-on-purpose"),
        pytest.param(None, DENY, [], id="a-denial-made"),
        pytest.param(spec(egress=[{}]), spec(egress=[{}, {}]), [], id="other-rules"),
    ],
)  # fmt: skip
def test_left_over(old, new, expected):
    """Told once, by the change that makes it so, and not of what its author wrote out."""
    found = left_over(old and policy(old), policy(new))

    assert [each.partition(", and")[0].partition("; ")[0] for each in found] == expected
