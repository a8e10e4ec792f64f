"""Whom new labels of a Namespace let in."""

import pytest
import yaml

from webhook.netpol.fields import Field
from webhook.netpol.parse_policy import parse_policy
from webhook.protection.trust import newly_trusted

NAME = {"kubernetes.io/metadata.name": "shop"}
POLICY = """
metadata: {namespace: db, name: from-web}
spec:
  podSelector: {}
  policyTypes: %s
  ingress: [{from: [{namespaceSelector: %s}]}]
  egress: [{to: [{namespaceSelector: %s}]}]
"""
NOBODY = "{matchLabels: {nobody: here}}"
TEAM_WEB = "{matchLabels: {team: web}}"


def policy(ingress=NOBODY, egress=NOBODY, types="[Ingress, Egress]"):
    """A policy of namespace ``db`` that trusts by those selectors."""
    return parse_policy(Field(yaml.safe_load(POLICY % (types, ingress, egress))))


def trusts(made, before, after):
    """Directions and selectors that trust the Namespace ``shop`` now."""
    found = newly_trusted([made], NAME | before, NAME | after)
    return [(str(each.direction), str(each.selector)) for each in found]


@pytest.mark.parametrize(
    ("made", "before", "after", "expected"),
    [
        pytest.param(
            policy(TEAM_WEB), {}, {"team": "web"}, [("Ingress", "team=web")], id="label-set"
        ),
        pytest.param(
            policy(TEAM_WEB),
            {"team": "api"},
            {"team": "web"},
            [("Ingress", "team=web")],
            id="label-changed",
        ),
        pytest.param(
            policy(egress=TEAM_WEB), {}, {"team": "web"}, [("Egress", "team=web")], id="egress"
        ),
        pytest.param(
            policy("{matchExpressions: [{key: closed, operator: DoesNotExist}]}"),
            {"closed": ""},
            {},
            [("Ingress", "!closed")],
            id="label-taken-off",
        ),
        pytest.param(policy(TEAM_WEB), {"team": "web"}, {"team": "web"}, [], id="trusted-before"),
        pytest.param(policy(TEAM_WEB), {"team": "web"}, {}, [], id="trust-lost"),
        pytest.param(policy("{}"), {}, {"team": "web"}, [], id="everybody-is-trusted"),
        pytest.param(
            policy("{matchLabels: {kubernetes.io/metadata.name: shop}}"),
            {},
            {"team": "web"},
            [],
            id="by-name",
        ),
        pytest.param(
            policy(TEAM_WEB, types="[Egress]"), {}, {"team": "web"}, [], id="not-enforced"
        ),
    ],
)
def test_trust_begins_with_the_label(made, before, after, expected):
    """What matches now and did not before, in the directions that the policy isolates."""
    assert trusts(made, before, after) == expected


def test_equal_selectors_are_told_once():
    """Rules that differ in their ports alone trust the same Namespaces."""
    made = policy(f"{TEAM_WEB}}}, {{namespaceSelector: {TEAM_WEB}")

    assert trusts(made, {}, {"team": "web"}) == [("Ingress", "team=web")]
