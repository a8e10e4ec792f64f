"""Profiles: what each consists of, and their order."""

import pytest

from webhook.model.profiles import NONE, STRENGTH, Beside, Profile, is_weaker, policies
from webhook.netpol.fields import Field
from webhook.netpol.parse_policy import parse_policy

ALL = Beside(
    node_local_dns=("169.254.20.10/32",),
    ingress_namespaces=("ingress-nginx",),
    monitoring_namespaces=("monitoring",),
    api_servers=("10.0.0.1/32",),
)
EGRESS = {"allow-node-local-dns", "allow-api-server", "allow-dns"}
INGRESS = {"allow-ingress-controllers", "allow-monitoring"}


@pytest.mark.parametrize(
    ("profile", "beside", "expected"),
    [
        pytest.param("deny-all", Beside(), {"deny-all", "allow-dns"}, id="deny-all"),
        pytest.param("deny-all", ALL, {"deny-all"} | EGRESS | INGRESS, id="deny-all, options"),
        pytest.param("deny-ingress", Beside(), {"deny-ingress"}, id="deny-ingress"),
        pytest.param(
            "deny-ingress", ALL, {"deny-ingress"} | INGRESS, id="egress is free there already"
        ),
        pytest.param(
            "same-namespace",
            ALL,
            {"deny-all", "allow-same-namespace"} | EGRESS | INGRESS,
            id="same-namespace, options",
        ),
        pytest.param("none", ALL, set(), id="none"),
    ],
)
def test_what_a_profile_consists_of(profile: str, beside: Beside, expected: set[str]) -> None:
    """Each option is one named policy, where the profile denies what it allows."""
    names = {it["metadata"]["name"] for it in policies(profile, dns=True, beside=beside)}

    assert names == {f"portcullis-{name}" for name in expected}


@pytest.mark.parametrize("profile", [*Profile, NONE])
def test_every_policy_is_valid_and_ours(profile: str) -> None:
    """The engine reads it as the API server does; it bears our label and its profile."""
    for manifest in policies(profile, dns=True, beside=ALL):
        parse_policy(Field(manifest))

        assert manifest["metadata"]["labels"] == {
            "app.kubernetes.io/managed-by": "portcullis",
            "portcullis.dev/profile": profile,
        }


def test_the_order() -> None:
    """deny-all > same-namespace > deny-ingress > none, and nothing is weaker than itself."""
    order = ["deny-all", "same-namespace", "deny-ingress", "none"]
    weaker = {(a, b) for a in order for b in order if is_weaker(a, b)}

    assert weaker == {(a, b) for a in order for b in order if order.index(a) > order.index(b)}
    assert list(STRENGTH) == order[::-1]


@pytest.mark.parametrize(
    ("profile", "than", "expected"),
    [
        pytest.param("own-a", "own-a", False, id="itself"),
        pytest.param("own-a", "none", False, id="than none"),
        pytest.param("own-a", "deny-ingress", True, id="nobody knows"),
        pytest.param("deny-ingress", "own-a", True, id="nobody knows the other way"),
        pytest.param("deny-all", "own-a", False, id="the strongest"),
        pytest.param("none", "own-a", True, id="none"),
    ],
)
def test_profiles_of_the_platform_teams_own(profile: str, than: str, expected: bool) -> None:
    """What they deny is not looked into: in doubt they are weaker."""
    assert is_weaker(profile, than) is expected


@pytest.mark.parametrize("profile", [it for it in STRENGTH if it != NONE])
def test_no_gitops_tool_takes_them_for_its_own(profile: str) -> None:
    """Our two labels and nothing else: no annotation, owner or tracking label."""
    for policy in policies(profile, dns=True, beside=ALL):
        assert policy["metadata"].keys() == {"name", "labels"}
        assert policy["metadata"]["labels"].keys() == {
            "app.kubernetes.io/managed-by",
            "portcullis.dev/profile",
        }
